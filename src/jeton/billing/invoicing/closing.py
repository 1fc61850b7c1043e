"""Closing: periods that are over are issued, of all organizations, a chunk of them in one transaction.

A period is closed when it has been over for the days of grace in which usage may still come. What fails is
told and left for the next time; it never stops the others. The memory that it takes depends on the size of a
chunk, not on how many organizations there are.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from jeton.billing.invoicing.drafting.drafting import draft
from jeton.billing.invoicing.drafting.planning import find_bases, find_wanted, list_missing_rates
from jeton.billing.invoicing.drafting.sources import Wanted, read_prices, read_sources
from jeton.billing.invoicing.issuing.issuing import Issue, issue_all
from jeton.billing.invoicing.periods import PERIODS_MAX
from jeton.billing.invoicing.profiles import read_profiles
from jeton.billing.invoicing.tax import TaxService
from jeton.billing.invoicing.words import Rules
from jeton.billing.words import Document
from jeton.db.pool import Pool

CHUNK = 200

_NEXT = """
    SELECT organization_id FROM organizations
    WHERE %(after)s::uuid IS NULL OR organization_id > %(after)s ORDER BY organization_id LIMIT %(limit)s
"""


@dataclass(slots=True)
class Closing:
    """What closing did: periods that ended, documents by kind, and what could not be closed and why."""

    periods: int = 0
    documents: dict[str, int] = field(default_factory=dict)
    lines: int = 0
    problems: dict[UUID, str] = field(default_factory=dict)

    def add(self, documents: Sequence[Document]) -> None:
        """Count documents that were issued."""
        for document in documents:
            self.documents[document.kind] = self.documents.get(document.kind, 0) + 1
            self.lines += len(document.lines)


@dataclass(frozen=True, slots=True)
class Closer:
    """Closes what is due at an instant, by the rules of an installation."""

    pool: Pool
    rules: Rules
    at: datetime
    tax_service: TaxService | None = None

    async def close_chunk(self, ids: Collection[UUID], closing: Closing) -> list[UUID]:
        """Close one period of each of these where one is due; those that may have another."""
        wanted = await self._list_due(ids, closing)
        if not wanted:
            return []
        profiles = [one.profile for one in wanted]
        async with self.pool.connection() as connection:
            rates, missing = await list_missing_rates(connection, profiles, rules=self.rules, at=self.at)
        closing.problems |= missing
        wanted = [one for one in wanted if one.profile.organization_id not in missing]
        bases = await find_bases(
            [one.profile for one in wanted],
            rates,
            rules=self.rules,
            at=self.at,
            tax_service=self.tax_service,
        )
        if not wanted:
            return []
        async with self.pool.connection() as connection:
            since = min(one.period.period_from for one in wanted) - timedelta(days=self.rules.lookback_days)
            prices = await read_prices(connection, since=since)
            sources = await read_sources(connection, wanted, prices, lookback_days=self.rules.lookback_days)
            issues = [
                Issue(one.wanted, tuple(draft(one, bases[one.wanted.profile.organization_id])))
                for one in sources
            ]
            issued = await issue_all(connection, issues, formats=self.rules.numbers, at=self.at)
        closing.periods += len(issued.organizations)
        closing.add(issued.documents)
        return [one.profile.organization_id for one in wanted]

    async def _list_due(self, ids: Collection[UUID], closing: Closing) -> list[Wanted]:
        """The oldest open period of each of these, where it has been over for its days of grace."""
        async with self.pool.connection() as connection:
            profiles = await read_profiles(connection, [key for key in ids if key not in closing.problems])
            wanted = await find_wanted(connection, list(profiles.values()))
        due = []
        for one in wanted:
            days = self.rules.grace_days if one.profile.grace_days is None else one.profile.grace_days
            if one.period.period_to + timedelta(days=days) <= self.at:
                due.append(one)
        return due


async def close_due(closer: Closer, *, on_chunk: Callable[[Closing], None] | None = None) -> Closing:
    """Close every period that has been over for its days of grace; a second time closes nothing."""
    closing = Closing()
    after: UUID | None = None
    while True:
        async with closer.pool.connection() as connection:
            parameters = {"after": after, "limit": CHUNK}
            ids = [row[0] for row in await (await connection.execute(_NEXT, parameters)).fetchall()]
        if not ids:
            return closing
        # An organization that is several periods behind has one of them closed in each round.
        rest = ids
        for _ in range(PERIODS_MAX):
            rest = await closer.close_chunk(rest, closing)
            if not rest:
                break
        if on_chunk is not None:
            on_chunk(closing)
        after = ids[-1]
