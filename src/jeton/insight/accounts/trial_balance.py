"""Trial balance: what each account had, what was posted to it in a period, and what it has.

What it had is read from the last closing before the period, which the proof of the books holds to the
postings, and only what was posted since from the journal.
"""

from dataclasses import dataclass
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.accounts.words import Statement, Stretch
from jeton.insight.proving.proof import read_rows
from jeton.ledger.chart import Account

_BASE = """
    SELECT closing_id, period_to FROM book_closings AS c
    WHERE reopened_at IS NULL AND period_to <= %(from_at)s
      AND EXISTS (SELECT FROM closed_balances AS b WHERE b.closing_id = c.closing_id)
    ORDER BY period_to DESC LIMIT 1
"""
_LINES = """
    WITH moved AS (
        SELECT organization_id, account, amount_nano,
               posted_at >= coalesce(%(from_at)s::timestamptz, '-infinity') AS is_in
        FROM postings WHERE posted_at < %(until_at)s AND posted_at >= %(base_at)s
        UNION ALL
        SELECT organization_id, account, balance_nano, false FROM closed_balances WHERE closing_id = %(base)s
    )
    SELECT CASE WHEN %(by_organization)s THEN organization_id END AS whose, account,
           coalesce(sum(amount_nano) FILTER (WHERE NOT is_in), 0)::bigint,
           coalesce(sum(amount_nano) FILTER (WHERE is_in AND amount_nano > 0), 0)::bigint,
           coalesce(-sum(amount_nano) FILTER (WHERE is_in AND amount_nano < 0), 0)::bigint
    FROM moved WHERE %(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s
    GROUP BY whose, account
"""
_ORDER = {account.value: place for place, account in enumerate(Account)}


@dataclass(frozen=True, slots=True)
class TrialLine:
    """One account, of an organization or of the house; debits and credits are both positive."""

    organization_id: UUID | None
    account: Account
    opening_nano: int
    debit_nano: int
    credit_nano: int

    @property
    def closing_nano(self) -> int:
        """Signed as postings are: positive is a debit."""
        return self.opening_nano + self.debit_nano - self.credit_nano


async def read_trial_balance(connection: Connection, stretch: Stretch) -> list[TrialLine]:
    """The accounts that were ever posted to, in the order of the chart; they sum to zero."""
    row = await (await connection.execute(_BASE, {"from_at": stretch.from_at})).fetchone()
    base, base_at = row or ("", "-infinity")
    parameters = {**stretch.parameters, "base": base, "base_at": base_at}
    lines = [
        TrialLine(row[0], Account(row[1]), *row[2:])
        async for row in read_rows(connection, "trial_balance", _LINES, parameters=parameters)
    ]
    return sorted(lines, key=lambda line: (str(line.organization_id), _ORDER[line.account]))


def state_trial_balance(lines: list[TrialLine]) -> Statement:
    """As a table; debits less credits, and all closing balances, have to come to zero."""
    debits, credits_ = sum(line.debit_nano for line in lines), sum(line.credit_nano for line in lines)
    return Statement(
        name="trial-balance",
        columns=(
            *("organization_id", "account"),
            *("opening_nano", "debit_nano", "credit_nano", "closing_nano"),
        ),
        rows=[
            (
                *(line.organization_id, line.account.value),
                *(line.opening_nano, line.debit_nano, line.credit_nano, line.closing_nano),
            )
            for line in lines
        ],
        totals={"debit_nano": debits, "credit_nano": credits_},
        checks={
            "debits_less_credits_nano": debits - credits_,
            "closing_balances_nano": sum(line.closing_nano for line in lines),
        },
    )
