"""Closing: periods that are over are issued, of all organizations, a chunk of them in one transaction.

A period is closed when it has been over for the days of grace in which usage may still come. What fails is
told and left for the next time; it never stops the others. The memory that it takes depends on the size of a
chunk, not on how many organizations there are.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from jeton.billing.invoicing.drafting.drafting import draft
from jeton.billing.invoicing.drafting.planning import (
    find_bases,
    find_wanted,
    list_missing_rates,
    read_booked,
)
from jeton.billing.invoicing.drafting.sources import Wanted, read_prices, read_sources
from jeton.billing.invoicing.drafting.supplements import add_supplements
from jeton.billing.invoicing.drafting.taxing import tax_documents
from jeton.billing.invoicing.drafting.vouchers import add_vouchers
from jeton.billing.invoicing.issuing.issuing import Issue, issue_all
from jeton.billing.invoicing.periods import PERIODS_MAX
from jeton.billing.invoicing.profiles import read_profiles
from jeton.billing.invoicing.words import Rules
from jeton.billing.taxation.desk import asking
from jeton.billing.taxation.errors import TaxServiceAwayError
from jeton.billing.words import Document
from jeton.db.pool import Pool
from jeton.errors import UpstreamError
from jeton.insight.verify import snapshot

CHUNK = 200
# A tax service is asked about so many organizations at a time.
ASKED_AT_ONCE_MAX = 8

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
    tax_problem: TaxServiceAwayError | None = None

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

    async def close_chunk(self, ids: Collection[UUID], closing: Closing) -> list[UUID]:
        """Close one period of each of these where one is due; those that may have another."""
        wanted = await self._list_due(ids, closing)
        if not wanted:
            return []
        drafts = await self._draft(wanted, closing)
        issues = [Issue(one, tuple(documents)) for one, documents in await self._tax(drafts, closing)]
        async with self.pool.connection() as connection:
            issued = await issue_all(connection, issues, formats=self.rules.numbers, at=self.at)
        closing.periods += len(issued.organizations)
        closing.add(issued.documents)
        return [one.wanted.profile.organization_id for one in issues]

    async def _draft(self, wanted: Sequence[Wanted], closing: Closing) -> list[tuple[Wanted, list[Document]]]:
        """What each of these comes to, all of it as it was in one instant of the database.

        So what a document has is what its organization's books had by then, to the entry.
        """
        async with self.pool.connection() as connection, snapshot(connection):
            profiles = [one.profile for one in wanted]
            rates, missing = await list_missing_rates(connection, profiles, rules=self.rules, at=self.at)
            closing.problems |= missing
            wanted = [one for one in wanted if one.profile.organization_id not in missing]
            if not wanted:
                return []
            profiles = [one.profile for one in wanted]
            bases = find_bases(profiles, rates, rules=self.rules, at=self.at)
            booked = await read_booked(connection, bases)
            since = min(one.period.period_from for one in wanted) - timedelta(days=self.rules.lookback_days)
            prices = await read_prices(connection, since=since)
            sources = await read_sources(connection, wanted, prices, lookback_days=self.rules.lookback_days)
            await add_vouchers(connection, sources)
            await add_supplements(connection, sources)
        drafts = []
        for one in sources:
            organization_id = one.wanted.profile.organization_id
            documents = draft(one, bases[organization_id])
            sequence = booked.get(organization_id, 0)
            drafts.append((one.wanted, [replace(each, booked_sequence=sequence) for each in documents]))
        return drafts

    async def _tax(
        self, drafts: Sequence[tuple[Wanted, list[Document]]], closing: Closing
    ) -> list[tuple[Wanted, list[Document]]]:
        """With the tax that the service says; who has none waits for the next time, and stops nobody else."""
        doors = asyncio.Semaphore(ASKED_AT_ONCE_MAX)

        async def ask(wanted: Wanted, documents: list[Document]) -> list[Document] | UpstreamError:
            async def act() -> list[Document]:
                return tax_documents(documents, self.rules, wanted.profile.tax_category, is_binding=True)

            async with doors:
                # Who did not answer one is not asked about a thousand.
                if closing.tax_problem is not None:
                    return closing.tax_problem
                try:
                    return await asking(act)
                except TaxServiceAwayError as problem:
                    closing.tax_problem = problem
                    return problem
                except UpstreamError as problem:
                    return problem

        answers = await asyncio.gather(*(ask(*one) for one in drafts))
        taxed = []
        for (wanted, _), answer in zip(drafts, answers, strict=True):
            if isinstance(answer, UpstreamError):
                closing.problems[wanted.profile.organization_id] = str(answer)
            else:
                taxed.append((wanted, answer))
        return taxed

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
