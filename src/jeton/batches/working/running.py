"""Running: one chunk of a batch from its claim to its last result.

Items are asked some at a time and settled together as they end, so that a process that dies loses the
work of a moment and no charge. Whoever takes the chunk over begins with those without a result.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping

import psycopg
import structlog

from jeton import clock
from jeton.batches.items import Problem, StoredItem, decode_chunk, make_request_id
from jeton.batches.ports import Answered, ItemAsk, Judge
from jeton.batches.working.claiming import (
    RENEWAL_S,
    Claimed,
    claim_chunk,
    let_go,
    read_prices,
    renew_claim,
)
from jeton.batches.working.ending import end_answered, end_refused, end_unasked
from jeton.batches.working.gates import Gates
from jeton.charging.agreeing.reading import find_terms
from jeton.charging.batching.members import ItemEnd, ItemOutcome, SettleItems, make_pool_id
from jeton.charging.costing.costing import CostBook
from jeton.charging.members import Member, Outcome
from jeton.charging.price_versions import find_price_versions
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import Pool
from jeton.errors import JetonError, OverloadedError
from jeton.ids import new_id
from jeton.ledger.errors import HoldEndedError
from jeton.pricing.book import PriceVersion
from jeton.pricing.terms import Terms

# So few that deciding them takes milliseconds, which requests beside them do not notice.
SETTLE_ITEMS_MAX = 64
SETTLE_INTERVAL_S = 0.5
SETTLE_PAUSE_S = 0.5
TRIES_MAX = 6
FIRST_PAUSE_S = 0.5
PAUSE_MAX_S = 20.0
# A chunk that has ended so many processes is not begun again.
ATTEMPTS_MAX = 1_000
_BROKEN = Problem("api_error", "This request could not be worked on; it was tried again and again.")

_log = structlog.get_logger(__name__)


class Runner:
    """Runs chunks, several at a time."""

    def __init__(
        self,
        pool: Pool,
        commits: GroupCommit[Member, Outcome],
        judge: Judge,
        *,
        gates: Gates,
        costs: Mapping[str, CostBook] | None = None,
    ) -> None:
        """``gates`` bound how much is asked of each upstream; ``costs`` are upstreams' own prices."""
        self._costs = costs or {}
        self._pool = pool
        self._commits = commits
        self._judge = judge
        self._gates = gates
        self._versions: dict[str, PriceVersion] = {}

    async def run_chunk(self, batch_id: str, chunk_no: int) -> bool:
        """Work on a chunk until every item has a result; false if there is nothing to do for us."""
        claim_id = new_id("claim")
        async with self._pool.connection() as connection:
            claimed = await claim_chunk(connection, batch_id, chunk_no, claim_id=claim_id)
            if claimed is None:
                return False
            prices = await read_prices(connection, batch_id)
            missing = {version_id for version_id, _ in prices.values()} - self._versions.keys()
            if missing:
                self._versions |= await find_price_versions(connection, missing)
            agreed = {terms_id for _, terms_id in prices.values() if terms_id}
            terms = await find_terms(connection, agreed) if agreed else {}
        held_at = {
            pool_id: (self._versions[version_id], terms[terms_id] if terms_id else None)
            for pool_id, (version_id, terms_id) in prices.items()
        }
        run = _Run(claimed, held_at, self._judge, gates=self._gates, commits=self._commits, costs=self._costs)
        renewing = asyncio.create_task(self._keep_claim(run, claim_id))
        try:
            await run.run()
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])
            with contextlib.suppress(psycopg.Error, OSError):  # then it is free when the claim is over
                async with self._pool.connection() as connection:
                    await let_go(connection, batch_id, chunk_no, claim_id=claim_id)
        return True

    async def _keep_claim(self, run: "_Run", claim_id: str) -> None:
        chunk = run.chunk
        while True:
            await asyncio.sleep(RENEWAL_S)
            try:
                async with self._pool.connection() as connection:
                    state = await renew_claim(connection, chunk.batch_id, chunk.chunk_no, claim_id=claim_id)
            except (psycopg.Error, OSError) as problem:
                _log.warning("claim_not_renewed", batch_id=chunk.batch_id, problem=str(problem))
                continue
            run.is_canceled = state == "canceling"


class _Run:
    """One chunk while it is worked on."""

    def __init__(
        self,
        chunk: Claimed,
        held_at: Mapping[str, tuple[PriceVersion, Terms | None]],
        judge: Judge,
        *,
        gates: Gates,
        commits: GroupCommit[Member, Outcome],
        costs: Mapping[str, CostBook],
    ) -> None:
        self.chunk = chunk
        self._costs = costs
        self.is_canceled = chunk.state == "canceling"
        self._held_at = held_at
        self._judge = judge
        self._gates = gates
        self._commits = commits
        self._ended: list[ItemEnd] = []
        self._settling = asyncio.Lock()

    async def run(self) -> None:
        """Bring every item to its end."""
        stored = await asyncio.to_thread(decode_chunk, self.chunk.requests)
        todo = iter([(at, item) for at, item in enumerate(stored) if not self.chunk.is_done(at)])
        async with asyncio.TaskGroup() as group:
            timer = group.create_task(self._settle_now_and_then())
            workers = [group.create_task(self._work(todo)) for _ in range(self._gates.concurrency)]
            await asyncio.gather(*workers)
            async with self._settling:
                # Not in the middle of a settlement, whose items would be asked for again if it failed.
                timer.cancel()
        while self._ended:
            await self._settle()

    async def _work(self, todo: Iterator[tuple[int, StoredItem]]) -> None:
        for position, stored in todo:
            self._ended.append(await self._end(position, stored))
            if len(self._ended) >= SETTLE_ITEMS_MAX:
                await self._settle()

    async def _settle_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(SETTLE_INTERVAL_S)
            if self._ended:
                await self._settle()

    async def _settle(self) -> None:
        """Charge and write what has ended; waits for the database for as long as it takes."""
        async with self._settling:
            items = tuple(self._ended[:SETTLE_ITEMS_MAX])
            if not items:
                return
            del self._ended[: len(items)]
            chunk = self.chunk
            while True:
                member = SettleItems(chunk.organization_id, chunk.batch_id, chunk.chunk_no, items)
                try:
                    await self._commits.submit(member)
                except OverloadedError as problem:
                    _log.warning("items_wait", batch_id=chunk.batch_id, problem=str(problem))
                    await asyncio.sleep(SETTLE_PAUSE_S)
                except HoldEndedError:
                    # Given back because the batch was over: what was still asked for is nobody's charge.
                    items = tuple(self._expire(item) for item in items)
                else:
                    return

    def _expire(self, item: ItemEnd) -> ItemEnd:
        if item.charge is None:
            return item
        stored = self._stored(item.position)
        return end_unasked(self.chunk, item.position, stored, outcome="expired")

    def _stored(self, position: int) -> StoredItem:
        return decode_chunk(self.chunk.requests)[position]

    def _find_closing(self) -> ItemOutcome | None:
        """How an item ends that is not begun any more; None while it may be."""
        if self.is_canceled:
            return "canceled"
        return "expired" if clock.now() >= self.chunk.expires_at else None

    async def _end(self, position: int, stored: StoredItem) -> ItemEnd:
        chunk = self.chunk
        closing = self._find_closing()
        if closing is not None:
            return end_unasked(chunk, position, stored, outcome=closing)
        if stored.problem is not None:
            return end_refused(chunk, position, stored, problem=stored.problem)
        if chunk.attempts > ATTEMPTS_MAX:
            return end_refused(chunk, position, stored, problem=_BROKEN)
        request_id = make_request_id(chunk.batch_id, chunk.first_item + position)
        version, terms = self._held_at[make_pool_id(chunk.batch_id, stored.pool)]
        try:
            ask = self._judge.prepare(
                stored.params, chunk.head, request_id=request_id, version=version, terms=terms
            )
        except JetonError as error:
            return end_refused(chunk, position, stored, problem=self._judge.describe(error))
        answered = await self._ask(ask)
        if isinstance(answered, Answered):
            return end_answered((chunk, position, stored), ask, answered, costs=self._costs)
        return end_unasked(chunk, position, stored, outcome=answered)

    async def _ask(self, ask: ItemAsk) -> Answered | ItemOutcome:
        """Ask, again if that may help; or how the item ends because the batch was over first."""
        pause_s = FIRST_PAUSE_S
        for tries_left in reversed(range(TRIES_MAX)):
            async with self._gates.enter(ask.upstream):
                closing = self._find_closing()
                if closing is not None:
                    return closing
                answered = await self._judge.ask(ask)
            if not answered.may_retry or not tries_left:
                return answered
            self._gates.close(ask.upstream, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_MAX_S)
        raise AssertionError(ask.request_id)  # every last try returns
