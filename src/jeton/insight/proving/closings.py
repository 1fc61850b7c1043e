"""Closed periods against the postings, and what was given against what is left of it."""

from collections import defaultdict

from jeton.db.pool import Connection
from jeton.insight.proving.proof import Proof, read_rows
from jeton.ledger.chart import LotKind, is_given
from jeton.money import divide_half_even, render_usd

# The newest holds all before it. A closing whose balances are not written yet is not compared.
_CLOSED = """
    WITH newest AS (
        SELECT closing_id, period_to FROM book_closings AS c
        WHERE reopened_at IS NULL
          AND EXISTS (SELECT FROM closed_balances AS b WHERE b.closing_id = c.closing_id)
        ORDER BY period_to DESC LIMIT 1
    ), posted AS (
        SELECT organization_id, account, sum(amount_nano) AS nano
        FROM postings WHERE posted_at < (SELECT period_to FROM newest) GROUP BY organization_id, account
    ), kept AS (
        SELECT organization_id, account, balance_nano
        FROM closed_balances WHERE closing_id = (SELECT closing_id FROM newest)
    )
    SELECT organization_id, account, coalesce(balance_nano, 0), coalesce(nano, 0)::bigint
    FROM posted FULL JOIN kept USING (organization_id, account)
    WHERE coalesce(balance_nano, 0) <> coalesce(nano, 0)
"""
# Each stretch that was kept against its postings, and whether they follow one another from ever on.
_KEPT_LOTS = """
    WITH live AS (
        SELECT closing_id, kept_from, kept_to, lag(kept_to) OVER (ORDER BY kept_to) AS before_to
        FROM lot_closings JOIN book_closings USING (closing_id) WHERE reopened_at IS NULL
    ), posted AS (
        SELECT closing_id, m.lot_id, ARRAY[left_nano, held_nano, bought_nano, used_nano, refunded_nano,
                                           disputed_nano, expired_nano] AS parts
        FROM live CROSS JOIN LATERAL lot_movements(coalesce(kept_from, '-infinity'), kept_to, NULL) AS m
    ), kept AS (
        SELECT closing_id, lot_id, ARRAY[left_nano, held_nano, bought_nano, used_nano, refunded_nano,
                                         disputed_nano, expired_nano] AS parts
        FROM closed_lots JOIN live USING (closing_id)
    )
    SELECT closing_id, lot_id FROM posted FULL JOIN kept USING (closing_id, lot_id)
    WHERE posted.parts IS DISTINCT FROM kept.parts
    UNION ALL
    SELECT closing_id, '' FROM live WHERE kept_from IS DISTINCT FROM before_to
    UNION ALL
    SELECT closing_id, '' FROM (
        SELECT closing_id, deferred_nano,
               sum(moved_nano) OVER (ORDER BY kept_to ROWS UNBOUNDED PRECEDING) AS sum_nano
        FROM live JOIN lot_closings USING (closing_id, kept_to) CROSS JOIN LATERAL (
            SELECT coalesce(sum(bought_nano - used_nano - refunded_nano - disputed_nano - expired_nano), 0)
                AS moved_nano
            FROM closed_lots AS c WHERE c.closing_id = live.closing_id
        ) AS moved
    ) AS sums WHERE deferred_nano <> sum_nano
"""
_LOTS = """
    SELECT organization_id, kind, granted_nano, cost_basis_nano, left_nano + held_nano FROM lots
    WHERE is_open
"""
_PROMOTION = "SELECT organization_id, promotion_nano FROM balances"


async def verify_closings(connection: Connection, proof: Proof) -> None:
    """A closed period is as it was closed; promotion is what is left of credit that nobody paid for."""
    async for organization_id, account, kept, posted in read_rows(connection, "closed", _CLOSED):
        proof.find(
            f"Organization {organization_id}, account {account}: {render_usd(kept)} dollars were kept for "
            f"the closed periods, and the postings sum to {render_usd(posted)}."
        )
    async for closing_id, lot_id in read_rows(connection, "kept_lots", _KEPT_LOTS):
        what = f"what was kept of lot {lot_id}" if lot_id else "what was kept as deferred"
        proof.find(f"Closing {closing_id}: {what} is not what the postings of its months come to.")
    given: dict[object, int] = defaultdict(int)
    async for organization_id, kind, granted, basis, left in read_rows(connection, "given_lots", _LOTS):
        given[organization_id] += left - _cost_left(LotKind(kind), granted, basis, left)
    async for organization_id, promotion in read_rows(connection, "promotion", _PROMOTION):
        if promotion != given.pop(organization_id, 0):
            proof.find(
                f"Organization {organization_id}: its promotion account is {render_usd(promotion)} dollars, "
                "and what is left of credit that nobody paid for is another amount."
            )


def _cost_left(kind: LotKind, granted_nano: int, basis_nano: int, left_nano: int) -> int:
    """What was paid for what is left: the deferred revenue of the lot."""
    if is_given(kind):
        return 0
    gone_nano = granted_nano - left_nano
    return basis_nano - divide_half_even(gone_nano * basis_nano, granted_nano)
