"""Journal entries as they are stored, and what their accounts come to, for exports.

Read through cursors of the database, organization by organization, in the order of each one's chain:
what is in memory does not grow with the journal.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.proving.proof import read_rows
from jeton.ledger.chart import Account

_BALANCES = ", ".join(f"('{account}', b.{account.replace(':', '_')}_nano)" for account in Account)

_ENTRIES = """
    SELECT organization_id, sequence, transaction_id, movement, request_id, accounts, lots, amounts,
           posted_at, reason, digest
    FROM transactions
    WHERE (%(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s)
      AND posted_at >= coalesce(%(from_at)s::timestamptz, '-infinity')
      AND posted_at < coalesce(%(until_at)s::timestamptz, 'infinity')
    ORDER BY organization_id, sequence
"""
# Every account that was ever posted to, or that has a balance without it: then the books are wrong, and
# whoever reads the export shall see it.
_ACCOUNTS = f"""
    WITH posted AS (
        SELECT organization_id, account, min(posted_at) AS first_at, max(posted_at) AS last_at,
               sum(amount_nano) FILTER (WHERE posted_at < %(from_at)s::timestamptz) AS opening_nano,
               sum(amount_nano) AS sum_nano
        FROM postings
        WHERE (%(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s)
          AND posted_at < coalesce(%(until_at)s::timestamptz, 'infinity')
        GROUP BY organization_id, account
    ), stored AS (
        SELECT b.organization_id, v.account, v.balance_nano FROM balances AS b,
               LATERAL (VALUES {_BALANCES}) AS v (account, balance_nano)
        WHERE %(organization_id)s::uuid IS NULL OR b.organization_id = %(organization_id)s
    )
    SELECT organization_id, o.name, account, first_at, last_at, coalesce(opening_nano, 0)::bigint,
           CASE WHEN %(until_at)s::timestamptz IS NULL THEN coalesce(balance_nano, 0)
                ELSE sum_nano::bigint END
    FROM posted FULL JOIN stored USING (organization_id, account)
    LEFT JOIN organizations AS o USING (organization_id)
    WHERE posted.account IS NOT NULL OR (balance_nano <> 0 AND %(until_at)s::timestamptz IS NULL)
    ORDER BY organization_id, account
"""  # noqa: S608 - names from the chart
_COUNT = """
    SELECT coalesce(sum(chain_length), 0) FROM balances
    WHERE %(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s
"""


class Selection(NamedTuple):
    """Which entries: of one organization or of all, posted in a half-open span of time.

    ``zone``: whose days they are shown by, where a format has days.
    """

    organization_id: UUID | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    zone: tzinfo = UTC


class JournalEntry(NamedTuple):
    """One transaction; posting i is the i-th account, lot ('' for none) and signed amount."""

    organization_id: UUID
    sequence: int
    transaction_id: str
    movement: str
    request_id: str | None
    accounts: Sequence[str]
    lots: Sequence[str]
    amounts: Sequence[int]
    posted_at: datetime
    reason: str
    digest: bytes


class AccountSums(NamedTuple):
    """An account of an organization; the instants are of its first and last posting before the end.

    ``closing_nano`` is the stored balance, or, where the selection has an end, what was posted before it.
    """

    organization_id: UUID
    organization: str | None
    account: str
    first_at: datetime | None
    last_at: datetime | None
    opening_nano: int
    closing_nano: int


async def read_entries(connection: Connection, selection: Selection) -> AsyncIterator[JournalEntry]:
    """The entries of each organization in turn, in the order of its chain."""
    async for row in read_rows(connection, "entries", _ENTRIES, parameters=selection._asdict()):
        yield JournalEntry(*row)


async def read_accounts(connection: Connection, selection: Selection) -> AsyncIterator[AccountSums]:
    """The accounts of each organization in turn."""
    async for row in read_rows(connection, "accounts", _ACCOUNTS, parameters=selection._asdict()):
        yield AccountSums(*row)


async def count_entries(connection: Connection, selection: Selection) -> int:
    """At most how many entries ``read_entries`` gives; whatever the dates, and without reading them."""
    row = await (await connection.execute(_COUNT, selection._asdict())).fetchone()
    return int(row[0]) if row else 0
