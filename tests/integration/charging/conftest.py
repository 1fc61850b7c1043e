"""An organization with $5 of trial credit and a charging service on real PostgreSQL."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from uuid import UUID

import pytest

from jeton import clock
from jeton.charging.charging import Charging
from jeton.charging.members import Member, Outcome
from jeton.charging.onboarding import TrialTerms, open_organization
from jeton.charging.posting import Posting
from jeton.charging.price_versions import record_price_versions
from jeton.charging.words import HoldAsk
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import Pool
from jeton.ids import new_id
from jeton.insight.balance import Balance, get_balance
from jeton.insight.verify import Proof, verify
from jeton.pricing.book import PriceVersion
from jeton.pricing.loading import load_book

MODEL = "claude-sonnet-5-5"
VALIDITY_S = 900


@dataclass(frozen=True, slots=True)
class House:
    """Everything a test of charging needs."""

    pool: Pool
    commits: GroupCommit[Member, Outcome]
    charging: Charging
    organization_id: UUID
    version: PriceVersion

    def ask(self, amount_nano: int) -> HoldAsk:
        """A hold of this amount for a new request."""
        return HoldAsk(
            request_id=new_id("req"),
            organization_id=self.organization_id,
            workspace_id="wrkspc_test",
            key_id="apikey_test",
            model=MODEL,
            upstream="embedded",
            price_version=self.version,
            amount_nano=amount_nano,
        )

    async def balance(self) -> Balance:
        """The organization's balance now."""
        async with self.pool.connection() as connection:
            return await get_balance(connection, self.organization_id)

    async def proof(self) -> Proof:
        """The proof over the whole database."""
        async with self.pool.connection() as connection:
            return await verify(connection)


def open_writer(pool: Pool) -> GroupCommit[Member, Outcome]:
    """The writer of a node, with a memory of its own."""
    posting = Posting()
    return GroupCommit(pool, posting.post, on_commit=posting.keep)


async def open_house_on(
    pool: Pool, commits: GroupCommit[Member, Outcome], *, validity_s: int = VALIDITY_S
) -> House:
    """A house whose charging goes through this writer."""
    book = load_book()
    async with pool.connection() as connection:
        await record_price_versions(connection, book.versions)
        organization = await open_organization(
            connection, name="Test", trial=TrialTerms(5_000_000_000, days=30)
        )
    version = book.find_version(MODEL, clock.now())
    assert version is not None
    charging = Charging(commits, node_id="node_test", validity_s=validity_s)
    return House(pool, commits, charging, organization.organization_id, version)


@pytest.fixture
async def open_house(pool: Pool) -> AsyncIterator[Callable[..., object]]:
    """A function that opens a house with a given validity of holds."""
    opened: list[GroupCommit[Member, Outcome]] = []

    async def open_it(validity_s: int = VALIDITY_S) -> House:
        commits = open_writer(pool)
        opened.append(commits)
        return await open_house_on(pool, commits, validity_s=validity_s)

    yield open_it
    for commits in opened:
        await commits.close()


@pytest.fixture
async def house(open_house: Callable[..., object]) -> House:
    """A house with the usual settings."""
    return await open_house()  # type: ignore[misc, no-any-return]  # the fixture above returns it
