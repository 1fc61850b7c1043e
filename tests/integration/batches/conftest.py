"""A shop that takes batches: real PostgreSQL, the embedded upstream at the prices of claude-sonnet-5-5."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from jeton import clock
from jeton.batches.items import BatchHead, new_batch_id
from jeton.batches.reading import Standing, get_batch, read_results
from jeton.batches.uploading.uploads import Uploads
from jeton.batches.working.gates import Gates
from jeton.batches.working.keeping import Keeper
from jeton.batches.working.running import Runner
from jeton.charging.agreeing.book import TermsBook
from jeton.charging.costing.costing import CostBook
from jeton.charging.members import Member, Outcome
from jeton.charging.onboarding import TrialTerms, open_organization
from jeton.charging.posting import Posting
from jeton.charging.price_versions import record_price_versions
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import Pool
from jeton.gateway.batching.judging import ItemJudge
from jeton.gateway.catalog import Catalog, ModelRoute
from jeton.insight.verify import Proof, verify
from jeton.pricing.loading import load_book
from jeton.upstreams.caching.kept import KeptUpstream
from jeton.upstreams.embedded import EmbeddedUpstream
from jeton.upstreams.interface import Upstream

USD = 1_000_000_000
MODEL = "claude-sonnet-5-5"
WORKSPACE = "wrkspc_test"
KEY = "apikey_test"


def request(custom_id: str, **params: object) -> dict[str, Any]:
    """One request of a batch; ``params`` replace the usual ones."""
    content = f"Mina keeps the ledger number {custom_id}. Who keeps the ledger?"
    usual: dict[str, object] = {
        "model": MODEL,
        "max_tokens": 16,
        "messages": [{"role": "user", "content": content}],
    }
    return {"custom_id": custom_id, "params": {**usual, **params}}


async def pieces(body: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    """A body as it arrives."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


@dataclass(slots=True)
class Shop:
    """Everything that batches are made of, in one process; ``upstream`` answers."""

    pool: Pool
    commits: GroupCommit[Member, Outcome]
    organization_id: UUID
    uploads: Uploads
    runner: Runner
    keeper: Keeper

    def head(self, workspace_id: str = WORKSPACE) -> BatchHead:
        """A new batch of the organization."""
        return BatchHead(new_batch_id(), self.organization_id, workspace_id, KEY, "2023-06-01", "")

    async def submit(self, requests: Sequence[dict[str, Any]]) -> str:
        """Send a batch and have its credit held; its id."""
        head = self.head()
        await self.uploads.receive(head, pieces(msgspec.json.encode({"requests": requests})))
        return head.batch_id

    async def run(self, batch_id: str) -> Standing:
        """Work on every chunk of a batch and end it."""
        for chunk_no in range(await self.count_chunks(batch_id)):
            await self.runner.run_chunk(batch_id, chunk_no)
        await self.keeper.end()
        return await self.get(batch_id)

    async def count_chunks(self, batch_id: str) -> int:
        """How many chunks a batch has."""
        rows = await self.fetch("SELECT count(*) FROM batch_chunks WHERE batch_id = %s", batch_id)
        return int(rows[0][0])

    async def get(self, batch_id: str) -> Standing:
        """The batch as it stands."""
        async with self.pool.connection() as connection:
            return await get_batch(connection, WORKSPACE, batch_id)

    async def results(self, batch_id: str) -> dict[str, Any]:
        """The results by custom_id, each of which must be there once."""
        body = b"".join([lines async for lines in read_results(self.pool, batch_id)])
        lines = [msgspec.json.decode(line) for line in body.splitlines()]
        found = {line["custom_id"]: line["result"] for line in lines}
        assert len(found) == len(lines)
        return found

    async def fetch(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        async with self.pool.connection() as connection:
            return await (await connection.execute(query, parameters)).fetchall()

    async def execute(self, query: str, *parameters: object) -> None:
        """A statement without rows."""
        async with self.pool.connection() as connection:
            await connection.execute(query, parameters)

    async def money(self) -> tuple[int, int]:
        """What is left of the organization's credit and what is held of it, in nano."""
        rows = await self.fetch(
            "SELECT -credit_free_nano, -held_nano FROM balances WHERE organization_id = %s",
            self.organization_id,
        )
        return int(rows[0][0]), int(rows[0][1])

    async def proof(self) -> Proof:
        """The proof over the whole database."""
        async with self.pool.connection() as connection:
            return await verify(connection)

    async def expire(self, batch_id: str) -> None:
        """Let the batch's time be over."""
        created_at = clock.now() - timedelta(hours=24, seconds=1)
        await self.execute(
            "UPDATE batches SET created_at = %s, expires_at = %s WHERE batch_id = %s",
            created_at,
            created_at + timedelta(hours=24),
            batch_id,
        )


@asynccontextmanager
async def opened_shop(
    pool: Pool,
    upstream: Upstream | None = None,
    *,
    credit_nano: int = 5 * USD,
    costs: Mapping[str, CostBook] | None = None,
    concurrency: int = 8,
    terms: TermsBook | None = None,
) -> AsyncIterator[Shop]:
    """A shop with an organization of its own, and upstreams' own prices; ``terms`` is what it agreed on."""
    book = load_book()
    async with pool.connection() as connection:
        await record_price_versions(connection, book.versions)
        trial = TrialTerms(credit_nano, days=30)
        organization = await open_organization(connection, name="Batches", trial=trial)
    posting = Posting()
    commits = GroupCommit[Member, Outcome](pool, posting.post, on_commit=posting.keep)
    at = clock.now()
    answering = upstream or EmbeddedUpstream(lambda _: None)
    catalog = Catalog(
        book,
        [
            ModelRoute(model, answering, keeps_cache=isinstance(answering, KeptUpstream))
            for model in served(book.models(), at)
        ],
        at,
    )
    judge = ItemJudge(catalog, terms)
    runner = Runner(pool, commits, judge, gates=Gates(concurrency), costs=costs)
    keeper = Keeper(pool, commits, runner)
    await keeper.jobs.open()
    uploads = Uploads(pool, commits, judge, node_id="node_test")
    yield Shop(pool, commits, organization.organization_id, uploads, runner, keeper)
    await commits.close()


def served(models: tuple[str, ...], at: datetime) -> list[str]:
    """The models that have a price in force."""
    book = load_book()
    return [model for model in models if book.find_version(model, at) is not None]


@pytest.fixture
async def shop(pool: Pool) -> AsyncIterator[Shop]:
    """A shop with $5 of trial credit and the embedded upstream."""
    async with opened_shop(pool) as shop:
        yield shop
