"""Keeping: what has to be done for batches whoever works on them: reminders, ends, and what is kept too long.

Every process does it; what one finds done by another it leaves. Nothing here is lost with a process: each
time, what is due is read from the batches themselves.
"""

import asyncio
import contextlib
from datetime import timedelta

import psycopg
import structlog
from procrastinate import exceptions

from jeton import clock
from jeton.batches.changing import archive_results
from jeton.batches.retrying import keep_failed
from jeton.batches.uploading.storing import forget_stale_uploads
from jeton.batches.working.jobs import Jobs
from jeton.batches.working.running import Runner
from jeton.charging.batching.members import ReleasePools
from jeton.charging.members import Member, Outcome
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import Pool
from jeton.errors import JetonError

INTERVAL_S = 2.0
TIDY_INTERVAL_S = 60.0
RESULTS_KEPT = timedelta(days=29)
UPLOAD_MAX = timedelta(hours=2)
CHUNKS_A_TIME = 1_000
BATCHES_A_TIME = 100

_DUE = """
    SELECT c.batch_id, c.chunk_no, c.turn FROM batch_chunks AS c
    WHERE c.finished_at IS NULL AND c.turn IS NOT NULL
      AND (c.claimed_until IS NULL OR c.claimed_until < clock_timestamp())
      AND NOT EXISTS (SELECT FROM procrastinate_jobs AS j
                      WHERE j.queueing_lock = c.batch_id || ':' || c.chunk_no AND j.status = 'todo')
    ORDER BY c.turn LIMIT %s
"""
_CLOSING = """
    SELECT c.batch_id, c.chunk_no FROM batches AS b JOIN batch_chunks AS c USING (batch_id)
    WHERE (b.state = 'canceling' OR b.state = 'in_progress' AND b.expires_at <= %s)
      AND c.finished_at IS NULL AND (c.claimed_until IS NULL OR c.claimed_until < clock_timestamp())
    ORDER BY c.batch_id, c.chunk_no LIMIT %s
"""
_OVER = """
    SELECT b.organization_id, b.batch_id,
        ARRAY(SELECT p.pool_id FROM batch_pools AS p WHERE p.batch_id = b.batch_id)
    FROM batches AS b WHERE b.state IN ('in_progress', 'canceling')
      AND NOT EXISTS (SELECT FROM batch_chunks AS c WHERE c.batch_id = b.batch_id AND c.finished_at IS NULL)
    ORDER BY b.batch_id LIMIT %s
"""

_log = structlog.get_logger(__name__)


class Keeper:
    """Looks after all batches; ``wake`` has it look at once."""

    def __init__(self, pool: Pool, commits: GroupCommit[Member, Outcome], runner: Runner) -> None:
        """``runner`` works on chunks, and closes those of batches that are over."""
        self.jobs = Jobs(pool, self.run_chunk)
        self._pool = pool
        self._commits = commits
        self._runner = runner
        self._is_awake = asyncio.Event()

    def wake(self) -> None:
        """Look now: there is a new batch, or one was canceled."""
        self._is_awake.set()

    async def run(self) -> None:
        """Look every ``INTERVAL_S`` seconds, for ever; a database that is away is asked again."""
        loop = asyncio.get_running_loop()
        tidied_at = -TIDY_INTERVAL_S
        while True:
            try:
                await self.look()
                if loop.time() - tidied_at >= TIDY_INTERVAL_S:
                    tidied_at = loop.time()
                    await self.tidy()
            except (psycopg.Error, OSError, JetonError, exceptions.ConnectorException) as problem:
                _log.warning("batches_not_kept", problem=str(problem))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_S):
                    await self._is_awake.wait()
            self._is_awake.clear()

    async def run_chunk(self, batch_id: str, chunk_no: int) -> None:
        """Work on a chunk; it may have been the last of its batch."""
        if await self._runner.run_chunk(batch_id, chunk_no):
            self.wake()

    async def look(self) -> None:
        """Remind of what is due, close what is over, end what is done."""
        await self.remind()
        await self.close()
        await self.end()

    async def remind(self) -> int:
        """Put chunks into the queue that are due and not in it; return how many."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(_DUE, (CHUNKS_A_TIME,))).fetchall()
        return await self.jobs.defer(rows)

    async def close(self) -> int:
        """Close the chunks of batches that were canceled or have expired; return how many."""
        count = 0
        while True:
            async with self._pool.connection() as connection:
                rows = await (await connection.execute(_CLOSING, (clock.now(), CHUNKS_A_TIME))).fetchall()
            closed = sum([await self._runner.run_chunk(batch_id, chunk_no) for batch_id, chunk_no in rows])
            count += closed
            if not closed:
                return count

    async def end(self) -> int:
        """End the batches all of whose items have a result; return how many."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(_OVER, (BATCHES_A_TIME,))).fetchall()
        for organization_id, batch_id, pool_ids in rows:
            # Its end forgets what was asked. Done again if this process dies before.
            async with self._pool.connection() as connection:
                await keep_failed(connection, batch_id)
            await self._commits.submit(ReleasePools(organization_id, batch_id, tuple(pool_ids), is_end=True))
            _log.info("batch_ended", batch_id=batch_id)
        return len(rows)

    async def tidy(self) -> None:
        """Forget what is kept no longer: uploads that broke off, results, jobs of the dead."""
        at = clock.now()
        async with self._pool.connection() as connection:
            await forget_stale_uploads(connection, at - UPLOAD_MAX, limit=BATCHES_A_TIME)
            await archive_results(connection, at, before=at - RESULTS_KEPT, limit=BATCHES_A_TIME)
        await self.jobs.forget_stalled()
