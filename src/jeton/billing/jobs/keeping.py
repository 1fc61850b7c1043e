"""Keeping: the queue is reminded of what is due, and its worker does it.

Any number of processes may do both. What is lost of the queue is no loss: what is due stands in
``billing_jobs``.
"""

import asyncio

import structlog

from jeton.billing.jobs.claiming import know_kinds, list_due
from jeton.billing.jobs.running import Runner
from jeton.db.job_queue import QUEUE_ERRORS, JobQueue
from jeton.db.pool import Pool

QUEUE = "billing"
TASK = "run_billing_job"
INTERVAL_S = 1
TIDY_EVERY = 60
POLL_INTERVAL_S = 1

_log = structlog.get_logger(__name__)


class Keeper:
    """Looks after the jobs of billing in one process."""

    def __init__(self, pool: Pool, runner: Runner) -> None:
        """``runner`` does what is due."""
        self._pool = pool
        self._runner = runner

        async def run(kind: str) -> None:
            await runner.run(kind)

        self.queue = JobQueue(pool, QUEUE, task_name=TASK, run=run)

    async def open(self) -> None:
        """Be ready, and see to it that every kind is known."""
        await self.queue.open()
        async with self._pool.connection() as connection:
            await know_kinds(connection, self._runner.duties)

    async def keep(self) -> None:
        """Remind of what is due, every ``INTERVAL_S``, for ever; a database that is away is asked again."""
        looks = 0
        while True:
            try:
                await self.remind()
                if looks % TIDY_EVERY == 0:
                    await self.queue.forget_stalled()
            except QUEUE_ERRORS as problem:
                _log.warning("billing_jobs_not_kept", problem=str(problem))
            looks += 1
            await asyncio.sleep(INTERVAL_S)

    async def remind(self) -> int:
        """Put what is due into the queue; how many jobs."""
        async with self._pool.connection() as connection:
            kinds = await list_due(connection, self._runner.duties)
        return await self.queue.defer(
            self.queue.make_job(f"{QUEUE}:{kind}", {"kind": kind}) for kind in kinds
        )

    async def work(self) -> None:
        """Do what the queue reminds of, one of each kind at a time, for ever."""
        await self.queue.work(
            max(1, len(self._runner.duties)), poll_interval_s=POLL_INTERVAL_S, has_listener=False
        )
