"""Following: a node's limiter knows the limits that are set, and its share of them.

A change is announced by PostgreSQL; the beat of the node is when an announcement that was lost is made
good. With each beat a node takes its share of every limit, out of what the others have left: larger where
more is asked of it. A smaller share is in force before it is written, a larger one after, so what is in
force on all nodes together is never more than the whole. A node that joins others, or was thought gone by
them, begins with empty buckets, so that what they let through meanwhile is not let through again. How far
N nodes can be off together is said in the docs, page "Rate limits".
"""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import structlog

from jeton import clock
from jeton.charging.limits.keeping import read_all_overrides, read_overrides
from jeton.db.nodes import BEAT_S, CHANNEL, SILENCE_MAX_S, beat, join_nodes, leave_nodes
from jeton.db.pool import Connection, Pool, connect_like
from jeton.limits.limiter import Limiter
from jeton.limits.sharing import Claim, take_shares

LIMITS_CHANNEL = "jeton_limits"
CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 5
RECONNECT_DELAY_S = 1
# Who waits for others to let go of something looks again after so long.
HURRY_MS = 200
MS_PER_S = 1000
# A node that cannot be heard acts as if it were gone some time before the others do.
DOUBT_AFTER_S = SILENCE_MAX_S - 2 * BEAT_S

_log = structlog.get_logger(__name__)


class Follower:
    """Keeps one limiter up to date for as long as ``run`` runs."""

    def __init__(self, pool: Pool, limiter: Limiter, *, node_id: str) -> None:
        """Knows nothing until ``join``."""
        self._pool = pool
        self._limiter = limiter
        self._node_id = node_id
        self._beaten_at_us = 0
        self._is_short = False

    async def join(self) -> None:
        """Be one of the nodes, and know the limits that are set; before the first request."""
        async with self._pool.connection() as connection:
            await join_nodes(connection, self._node_id, "serve")
        async with self._pool.connection() as connection:
            others = await self._beat(connection)
            await self._read_all(connection)
        if others:
            self._limiter.empty(at_us=clock.read_us())

    async def leave(self) -> None:
        """Be a node no longer; without a database the others notice by themselves."""
        await leave_nodes(self._pool, self._node_id)

    async def run(self) -> None:
        """Follow until cancelled; after a break everything is read again."""
        while True:
            try:
                # Outside the pool: requests never wait for a connection that only listens.
                connection = await connect_like(self._pool, timeout_s=CONNECT_TIMEOUT_S)
                async with connection:
                    await self._listen(connection)
            except (psycopg.Error, TimeoutError) as problem:
                _log.warning("limits_not_followed", problem=str(problem))
            self._doubt()
            await asyncio.sleep(RECONNECT_DELAY_S)

    async def _listen(self, connection: Connection) -> None:
        await connection.set_autocommit(True)
        await connection.execute(f"LISTEN {LIMITS_CHANNEL}")
        await connection.execute(f"LISTEN {CHANNEL}")
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await self._read_all(connection)
        while True:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._beat(connection)
            timeout_s = HURRY_MS / MS_PER_S if self._is_short else BEAT_S
            # The connection is the generator's until it has ended: only then can it be asked for more.
            announced = [one async for one in connection.notifies(timeout=timeout_s, stop_after=1)]
            changed = {one.payload for one in announced if one.channel == LIMITS_CHANNEL}
            for organization_id in changed:
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    await self._read(connection, UUID(organization_id))

    async def _beat(self, connection: Connection) -> int:
        before = self._limiter.claim
        claim = before

        def take(taken: list[Any]) -> tuple[Any, bool]:
            nonlocal claim
            at_us = clock.read_us()
            others = msgspec.convert(taken, list[Claim])
            claim, self._is_short = take_shares(others, self._limiter.measure(at_us=at_us))
            # Until it is known that this is written, only what was taken before and is taken now.
            self._limiter.set_claim(before.lower(claim), at_us=at_us)
            return msgspec.to_builtins(claim), claim.grows(before)

        try:
            known = await beat(connection, self._node_id, take)
        except LookupError:
            # The table is older than this process: it was restored.
            await join_nodes(connection, self._node_id, "serve")
            known = replace(await beat(connection, self._node_id, take), was_alive=False)
        at_us = self._beaten_at_us = clock.read_us()
        self._limiter.is_alone = not known.others
        self._limiter.set_claim(claim, at_us=at_us)
        if not known.was_alive:
            self._limiter.empty(at_us=at_us)
        return known.others

    def _doubt(self) -> None:
        """Hold nothing while the others may think this node gone and let its share through themselves."""
        at_us = clock.read_us()
        if at_us - self._beaten_at_us > DOUBT_AFTER_S * 1_000_000:
            self._limiter.empty(at_us=at_us)

    async def _read(self, connection: Connection, organization_id: UUID) -> None:
        overrides = await read_overrides(connection, organization_id)
        self._limiter.set_overrides(organization_id, overrides, at_us=clock.read_us())

    async def _read_all(self, connection: Connection) -> None:
        self._limiter.set_all_overrides(await read_all_overrides(connection), at_us=clock.read_us())
