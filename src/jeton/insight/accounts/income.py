"""Income: revenue that was recognized, breakage, promotion and what else makes the result of a period."""

from dataclasses import dataclass
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.accounts.words import Statement, Stretch
from jeton.insight.proving.proof import read_rows

# lot: credit that was bought; request: used on a credit limit or owed; document: what only a document posts
# (minimums, true-ups, allowances, tax that is due with the use).
_LINES = """
    SELECT CASE WHEN %(by_organization)s THEN organization_id END AS whose, account,
           CASE WHEN account = 'promotion' THEN movement
                WHEN lot_id IS NOT NULL THEN 'lot' WHEN request_id IS NOT NULL THEN 'request'
                ELSE 'document' END AS cause,
           sum(amount_nano)::bigint AS nano
    FROM postings
    WHERE posted_at < %(until_at)s AND posted_at >= coalesce(%(from_at)s::timestamptz, '-infinity')
      AND account IN ('revenue', 'breakage', 'promotion', 'bad_debt', 'rounding', 'refunds', 'upstream_cost')
      AND (%(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s)
    GROUP BY whose, account, cause HAVING sum(amount_nano) <> 0
    ORDER BY whose NULLS FIRST, account = 'promotion', account DESC, cause
"""
# Promotion stands against credit that was given, on the balance sheet: no part of the result.
_OUTSIDE = "promotion"


@dataclass(frozen=True, slots=True)
class IncomeLine:
    """What one cause brought or took; ``nano`` is signed as postings are, so revenue is below zero."""

    organization_id: UUID | None
    account: str
    cause: str
    nano: int


async def read_income(connection: Connection, stretch: Stretch) -> list[IncomeLine]:
    """Revenue first, promotion (which is no part of the result) last."""
    return [
        IncomeLine(*row)
        async for row in read_rows(connection, "income", _LINES, parameters=stretch.parameters)
    ]


def state_income(lines: list[IncomeLine]) -> Statement:
    """As a table: what was earned is positive there, what it cost negative."""
    result = -sum(line.nano for line in lines if line.account != _OUTSIDE)
    return Statement(
        name="income",
        columns=("organization_id", "account", "cause", "amount_nano"),
        rows=[(line.organization_id, line.account, line.cause, -line.nano) for line in lines],
        totals={
            "revenue_nano": -sum(line.nano for line in lines if line.account == "revenue"),
            "breakage_nano": -sum(line.nano for line in lines if line.account == "breakage"),
            "result_nano": result,
        },
        checks={},
    )
