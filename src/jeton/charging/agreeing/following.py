"""Following: a node knows every agreement before it is in force.

A change is announced by PostgreSQL and read at once; after a break of the connection everything is read
again, and at the latest with the next beat. Terms begin and end at least ``LEAD`` after they are written
(``billing.terms`` refuses earlier), so a node that heard of one late still knew it in time. While the
database is away they are as they were last known: then nobody can write others.
"""

import asyncio
from datetime import timedelta
from uuid import UUID

import psycopg
import structlog

from jeton import clock
from jeton.charging.agreeing.book import TermsBook
from jeton.charging.agreeing.reading import read_all_terms, read_terms
from jeton.db.pool import Connection, Pool, connect_like

CHANNEL = "jeton_terms"
CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 5
RECONNECT_DELAY_S = 1
BEAT_S = 10
# How long before terms are in force they have to be written: several times what a node may be deaf for.
LEAD = timedelta(seconds=60)
# Who is asked for what was in force a moment ago: requests that were admitted then.
REACH_BACK = timedelta(hours=1)

_log = structlog.get_logger(__name__)


class TermsFollower:
    """Keeps one book of terms up to date for as long as ``run`` runs."""

    def __init__(self, pool: Pool, book: TermsBook) -> None:
        """Knows nothing until ``read``."""
        self._pool = pool
        self._book = book

    async def read(self) -> None:
        """Know what is agreed; before the first request."""
        async with self._pool.connection() as connection:
            await self._read_all(connection)

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                # Outside the pool: requests never wait for a connection that only listens.
                connection = await connect_like(self._pool, timeout_s=CONNECT_TIMEOUT_S)
                async with connection:
                    await self._listen(connection)
            except (psycopg.Error, TimeoutError) as problem:
                _log.warning("terms_not_followed", problem=str(problem))
            await asyncio.sleep(RECONNECT_DELAY_S)

    async def _listen(self, connection: Connection) -> None:
        await connection.set_autocommit(True)
        await connection.execute(f"LISTEN {CHANNEL}")
        while True:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._read_all(connection)
            while announced := await self._hear(connection):
                for organization_id in announced:
                    async with asyncio.timeout(ANSWER_TIMEOUT_S):
                        self._book.set(organization_id, await read_terms(connection, organization_id))

    async def _hear(self, connection: Connection) -> set[UUID]:
        """Whose terms have changed; nobody's with every beat."""
        # The connection is the generator's until it has ended: only then can it be asked for more.
        announced = [one async for one in connection.notifies(timeout=BEAT_S, stop_after=1)]
        return {UUID(one.payload) for one in announced}

    async def _read_all(self, connection: Connection) -> None:
        self._book.set_all(await read_all_terms(connection, clock.now() - REACH_BACK))
