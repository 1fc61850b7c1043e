"""Trial balance: what each account had, what was posted to it in a period, and what it has."""

from dataclasses import dataclass
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.accounts.words import Statement, Stretch
from jeton.insight.proving.proof import read_rows
from jeton.ledger.chart import Account

_LINES = """
    SELECT CASE WHEN %(by_organization)s THEN organization_id END AS whose, account,
           coalesce(sum(amount_nano) FILTER (WHERE NOT is_in), 0)::bigint,
           coalesce(sum(amount_nano) FILTER (WHERE is_in AND amount_nano > 0), 0)::bigint,
           coalesce(-sum(amount_nano) FILTER (WHERE is_in AND amount_nano < 0), 0)::bigint
    FROM postings
    CROSS JOIN LATERAL (SELECT posted_at >= coalesce(%(from_at)s::timestamptz, '-infinity') AS is_in) AS p
    WHERE posted_at < %(until_at)s
      AND (%(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s)
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
    lines = [
        TrialLine(row[0], Account(row[1]), *row[2:])
        async for row in read_rows(connection, "trial_balance", _LINES, parameters=stretch.parameters)
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
