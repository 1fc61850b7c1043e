"""Feed: one look a second at what has ended, for everybody who listens in this process; none if nobody does.

Each listener has a queue of its own with an end: whoever reads too slowly is let go and told so, and keeps
nobody waiting. Nothing that bills a request knows that anybody listens.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import structlog
from psycopg_pool import PoolTimeout, TooManyRequests

from jeton import clock
from jeton.db.pool import Pool
from jeton.errors import OverloadedError
from jeton.insight.live.reading import EndedRequest, Reading, make_place, read_ended

INTERVAL_S = 1.0
# Between the making of a transaction's id and its commit, and between the clocks of nodes, lies less.
LAG = timedelta(seconds=5)
# Who fell behind by more than this goes on with the present, and says so.
BEHIND_MAX = timedelta(minutes=1)
QUEUED_MAX = 1_000
LISTENERS_MAX = 200
LISTENERS_OF_ONE_MAX = 20

_log = structlog.get_logger(__name__)


class ListenersFullError(OverloadedError):
    """So many follow the charges of an organization, or of all of them, already."""

    code = "listeners_full"

    def __init__(self, listeners_max: int) -> None:
        """Name the limit."""
        super().__init__(
            f"{listeners_max} live streams are open here already: close one, or try again later."
        )


class Listener:
    """Whoever listens to one organization; ``wait`` for what comes."""

    def __init__(self, organization_id: UUID, since: datetime) -> None:
        """Is told what ended ``since``."""
        self.organization_id = organization_id
        self.has_missed = False
        self.is_too_slow = False
        self._after_id = make_place(since)
        self._queue: asyncio.Queue[EndedRequest | None] = asyncio.Queue(QUEUED_MAX)

    async def wait(self) -> list[EndedRequest]:
        """What has come since, at least one; nothing if it is over."""
        found = [await self._queue.get()]
        while not self._queue.empty():
            found.append(self._queue.get_nowait())
        return [] if None in found else [ended for ended in found if ended is not None]

    def tell(self, ended: EndedRequest) -> None:
        """Queue it; with a full queue it is over."""
        if self.is_too_slow or ended.transaction_id <= self._after_id:
            return
        if self._queue.full():
            self.is_too_slow = True
            self.end()
            return
        self._queue.put_nowait(ended)

    def end(self) -> None:
        """Tell no more."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(None)


class Feed:
    """Everybody who listens in this process."""

    def __init__(self, pool: Pool, *, interval_s: float = INTERVAL_S) -> None:
        """Reads with the pool's connections, one at a time."""
        self._pool = pool
        self._interval_s = interval_s
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False
        self._after_id = ""
        self._told: frozenset[str] = frozenset()

    @property
    def is_read(self) -> bool:
        """Whether anybody listens, so that the database is asked."""
        return self._task is not None

    @asynccontextmanager
    async def listen(self, organization_id: UUID) -> AsyncIterator[Listener]:
        """Be told what ends in an organization from now on; raises ListenersFullError."""
        same = sum(1 for one in self._listeners if one.organization_id == organization_id)
        for count, count_max in ((len(self._listeners), LISTENERS_MAX), (same, LISTENERS_OF_ONE_MAX)):
            if count >= count_max:
                raise ListenersFullError(count_max)
        at = clock.now()
        listener = Listener(organization_id, at)
        self._listeners.add(listener)
        if self._is_closed:
            listener.end()
        elif self._task is None:
            self._after_id, self._told = make_place(at - LAG), frozenset()
            self._task = asyncio.create_task(self._run(), name="live feed")
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._task is not None:
                self._task.cancel()
                self._task = None

    async def read_since(self, organization_id: UUID, after_id: str) -> Reading:
        """What ended in an organization after a transaction; as much as one look reads."""
        async with self._pool.connection() as connection:
            return await read_ended(connection, [organization_id], after_id)

    def close(self) -> None:
        """Let everybody go, for good."""
        self._is_closed = True
        for listener in self._listeners:
            listener.end()

    async def look(self) -> None:
        """Read what has ended since the last look, and tell it."""
        at = clock.now()
        organization_ids = sorted({listener.organization_id for listener in self._listeners})
        async with self._pool.connection() as connection:
            found = await read_ended(connection, organization_ids, self._after_id, known=self._told)
        for ended in found.ended:
            for listener in tuple(self._listeners):
                if listener.organization_id == ended.organization_id:
                    listener.tell(ended)
        # Every look overlaps with the one before, since what began earlier may be committed later.
        self._after_id = found.more_after or make_place(at - LAG)
        told = self._told.union(ended.transaction_id for ended in found.ended)
        self._told = frozenset(one for one in told if one > self._after_id)
        if self._after_id < make_place(at - BEHIND_MAX):
            self._after_id = make_place(at - LAG)
            for listener in self._listeners:
                listener.has_missed = True

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except (psycopg.Error, PoolTimeout, TooManyRequests) as problem:
                _log.warning("charges_not_followed", problem=str(problem))
            await asyncio.sleep(self._interval_s)
