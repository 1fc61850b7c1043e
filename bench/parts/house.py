"""House: charging on a PostgreSQL of its own, as one server has it: one organization, one balance."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from jeton import clock
from jeton.charging.charging import Charging
from jeton.charging.leasing.leases import Leases
from jeton.charging.members import Member, Outcome
from jeton.charging.onboarding import TrialTerms, open_organization
from jeton.charging.posting import Posting
from jeton.charging.price_versions import record_price_versions
from jeton.charging.words import Hold, HoldAsk, Metered, Rule
from jeton.db.embedded import EmbeddedServer
from jeton.db.group_commit import GroupCommit
from jeton.db.migrating import migrate
from jeton.db.pool import Pool, open_pool
from jeton.ids import new_id
from jeton.pricing.book import PriceVersion
from jeton.pricing.loading import load_book
from jeton.pricing.rating import Conditions
from jeton.usage import Usage

MODEL = "claude-sonnet-5-5"
HELD_NANO = 50_000_000
CREDIT = TrialTerms(10**15, days=30)
METERED = Metered(
    Rule.COMPLETED,
    Usage(500, 0, 0, 0, 200),
    "upstream",
    Conditions(),
    reported='{"input_tokens":500,"output_tokens":200,"cache_read_input_tokens":0}',
)


@dataclass(frozen=True, slots=True)
class House:
    """What a worker of a bench needs."""

    pool: Pool
    charging: Charging
    leases: Leases
    organization_id: UUID
    version: PriceVersion

    async def hold(self) -> Hold:
        """A hold of $0.05 for a new request."""
        ask = HoldAsk(
            request_id=new_id("req"),
            organization_id=self.organization_id,
            workspace_id="wrkspc_bench",
            key_id="apikey_bench",
            model=MODEL,
            upstream="embedded",
            price_version=self.version,
            amount_nano=HELD_NANO,
        )
        return await self.charging.hold(ask)

    async def hold_and_settle(self) -> None:
        """A request from its hold to its charge, without an upstream between."""
        await self.charging.settle(await self.hold(), METERED)


@asynccontextmanager
async def open_house(folder: Path | None = None) -> AsyncIterator[House]:
    """Everything up, with fsync on, as delivered; gone at the end."""
    with tempfile.TemporaryDirectory(prefix="jeton-bench-", dir=folder) as name:
        server = EmbeddedServer(Path(name))
        url = await server.start()
        await migrate(url)
        pool = await open_pool(url)
        book = load_book()
        async with pool.connection() as connection:
            await record_price_versions(connection, book.versions)
            organization = await open_organization(connection, name="Bench", trial=CREDIT)
        version = book.find_version(MODEL, clock.now())
        if version is None:
            raise SystemExit(f"{MODEL} has no price now")
        posting = Posting()
        commits = GroupCommit[Member, Outcome](pool, posting.post, on_commit=posting.keep)
        leases = Leases(pool, commits, node_id="node_bench")
        charging = Charging(commits, node_id="node_bench", validity_s=900, leases=leases)
        yield House(pool, charging, leases, organization.organization_id, version)
        await leases.close()
        await commits.close()
        await pool.close()
        await server.stop()
