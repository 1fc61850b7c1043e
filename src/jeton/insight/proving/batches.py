"""Message Batches: their pools against the journal, and what they say they came to against their charges."""

from jeton.db.pool import Connection
from jeton.insight.proving.proof import Proof, read_rows
from jeton.money import render_usd

# The request id of an item is that of its batch but for the prefix and the last five digits.
_BATCH_OF = "'msgbatch_' || substr(c.request_id, 5, 27) || '00000'"
_POOLS = f"""
    WITH moved AS (
        SELECT t.request_id AS pool_id, t.movement, sum(p.nano) AS nano
        FROM transactions AS t CROSS JOIN LATERAL unnest(t.accounts, t.amounts) AS p (account, nano)
        WHERE t.request_id LIKE 'msgbatch\\_%' AND p.account = 'held' GROUP BY 1, 2
    ), paid AS (
        SELECT p.pool_id, sum(c.net_nano - c.overrun_nano) AS nano
        FROM charges AS c JOIN batch_pools AS p
            ON p.batch_id = {_BATCH_OF} AND p.price_version_id = c.price_version_id
            AND (p.end_user = c.end_user OR p.end_user = '' AND NOT EXISTS (
                SELECT FROM batch_pools AS own WHERE own.batch_id = p.batch_id AND own.end_user = c.end_user
                    AND own.price_version_id = c.price_version_id))
        GROUP BY 1
    )
    SELECT p.pool_id, p.taken_nano, p.open_nano, p.settled_nano, p.released_nano,
        coalesce(h.amount_nano, 0), coalesce(-taken.nano, 0)::bigint, coalesce(paid.nano, 0)::bigint,
        coalesce(released.nano, 0)::bigint
    FROM batch_pools AS p LEFT JOIN holds AS h ON h.request_id = p.pool_id
        LEFT JOIN moved AS taken ON taken.pool_id = p.pool_id AND taken.movement = 'hold'
        LEFT JOIN moved AS released ON released.pool_id = p.pool_id AND released.movement = 'release'
        LEFT JOIN paid ON paid.pool_id = p.pool_id
"""  # noqa: S608 - our own text
_BATCHES = f"""
    WITH charged AS (
        SELECT {_BATCH_OF} AS batch_id, count(*) AS charges, sum(c.list_nano) AS list_nano,
            sum(c.net_nano) AS net_nano
        FROM charges AS c JOIN batches AS b ON b.batch_id = {_BATCH_OF} GROUP BY 1
    ), written AS (
        SELECT r.batch_id, sum(r.list_nano) AS list_nano, sum(r.net_nano) AS net_nano,
            sum(r.succeeded + r.errored) AS answered
        FROM batch_results AS r GROUP BY 1
    )
    SELECT b.batch_id,
        CASE b.state WHEN 'ended' THEN b.succeeded + b.errored ELSE coalesce(w.answered, 0) END::bigint,
        CASE b.state WHEN 'ended' THEN b.list_nano ELSE coalesce(w.list_nano, 0) END::bigint,
        CASE b.state WHEN 'ended' THEN b.net_nano ELSE coalesce(w.net_nano, 0) END::bigint,
        coalesce(c.charges, 0), coalesce(c.list_nano, 0)::bigint, coalesce(c.net_nano, 0)::bigint
    FROM batches AS b LEFT JOIN charged AS c USING (batch_id) LEFT JOIN written AS w USING (batch_id)
"""  # noqa: S608 - our own text
_LOST = """
    SELECT t.request_id FROM transactions AS t
    WHERE t.movement = 'hold' AND t.request_id LIKE 'msgbatch\\_%'
      AND NOT EXISTS (SELECT FROM batch_pools AS p WHERE p.pool_id = t.request_id)
"""


async def verify_batches(connection: Connection, proof: Proof) -> None:
    """Every pool: taken = open + settled + released, as journal, holds and charges have it."""
    async for row in read_rows(connection, "pools", _POOLS):
        proof.batch_pools += 1
        names = ("taken", "open", "settled", "released")
        pool_id, stored = row[0], dict(zip(names, row[1:5], strict=True))
        _, _, _, _, _, open_nano, taken_nano, settled_nano, released_nano = row
        true = {"taken": taken_nano, "open": open_nano, "settled": settled_nano, "released": released_nano}
        for name in names:
            if stored[name] != true[name]:
                proof.find(
                    f"Pool {pool_id}: {name} is {render_usd(stored[name])} and the books say "
                    f"{render_usd(true[name])} dollars."
                )
    async for batch_id, answered, list_nano, net_nano, charges, true_list, true_net in read_rows(
        connection, "batches", _BATCHES
    ):
        if (list_nano, net_nano) != (true_list, true_net):
            proof.find(
                f"Batch {batch_id} says {render_usd(list_nano)} list and {render_usd(net_nano)} net amount, "
                f"and its charges sum to {render_usd(true_list)} and {render_usd(true_net)} dollars."
            )
        if charges > answered:
            proof.find(f"Batch {batch_id} has {charges} charges and {answered} answers.")
    async for (pool_id,) in read_rows(connection, "lost_pools", _LOST):
        proof.find(f"The hold of {pool_id} is of no batch.")
