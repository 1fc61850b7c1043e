"""Keeping: what every account had at the end of a closed month, and what of each lot moved in it.

From then on it cannot change, so whoever asks later reads it here instead of from the journal, and the next
closing reads only what was posted since. The proof of the books reads the whole journal and compares.
"""

from datetime import datetime

from jeton.db.pool import Connection

# What was kept last: the balances of the same closing were kept with it.
_NEWEST = """
    SELECT closing_id, kept_to FROM lot_closings JOIN book_closings USING (closing_id)
    WHERE reopened_at IS NULL ORDER BY kept_to DESC LIMIT 1
"""
_BALANCES = """
    INSERT INTO closed_balances (closing_id, organization_id, account, balance_nano)
    SELECT %(closing_id)s, organization_id, account, sum(nano) FROM (
        SELECT organization_id, account, amount_nano AS nano FROM postings
        WHERE posted_at < %(until_at)s AND posted_at >= coalesce(%(since_at)s::timestamptz, '-infinity')
        UNION ALL
        SELECT organization_id, account, balance_nano FROM closed_balances WHERE closing_id = %(newest)s
    ) AS parts GROUP BY organization_id, account
"""
# In one statement, so that the journal is read once for both.
_LOTS = """
    WITH moved AS MATERIALIZED (
        SELECT * FROM lot_movements(coalesce(%(since_at)s::timestamptz, '-infinity'), %(until_at)s, NULL)
    ), closing AS (
        INSERT INTO lot_closings (closing_id, kept_from, kept_to, deferred_nano)
        SELECT %(closing_id)s, %(since_at)s, %(until_at)s,
               coalesce((SELECT deferred_nano FROM lot_closings WHERE closing_id = %(newest)s), 0)
               + coalesce(sum(bought_nano - used_nano - refunded_nano - disputed_nano - expired_nano), 0)
        FROM moved
    )
    INSERT INTO closed_lots (closing_id, organization_id, lot_id, left_nano, held_nano, bought_nano,
                             used_nano, refunded_nano, disputed_nano, expired_nano)
    SELECT %(closing_id)s, organization_id, lot_id, left_nano, held_nano, bought_nano,
           used_nano, refunded_nano, disputed_nano, expired_nano
    FROM moved
"""


async def keep_closed(connection: Connection, closing_id: str, period_to: datetime) -> None:
    """Write what accounts had and lots moved, read from the journal since what was kept last.

    A later month that was closed meanwhile has kept this one too: then nothing is written.
    """
    async with connection.transaction():
        await connection.execute("SET LOCAL statement_timeout = 0")
        await connection.execute("LOCK TABLE lot_closings IN SHARE ROW EXCLUSIVE MODE")
        row = await (await connection.execute(_NEWEST)).fetchone()
        newest, since_at = row or ("", None)
        if since_at is not None and since_at >= period_to:
            return
        values = {
            "closing_id": closing_id,
            "newest": newest,
            "since_at": since_at,
            "until_at": period_to,
        }
        await connection.execute(_BALANCES, values)
        await connection.execute(_LOTS, values)
