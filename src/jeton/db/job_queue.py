"""Job queue: one queue of procrastinate's on our own pool; its tables are those of migration 0017.

A job is a reminder: what it does is decided by whatever it names, as that stands when the job runs. At
most one job of a lock waits at a time.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import procrastinate
import psycopg
import structlog
from procrastinate import exceptions
from procrastinate.jobs import Job, Status

from jeton.db.pool import Pool

HEARTBEAT_S = 5.0
# A worker that was silent for longer is gone.
SILENCE_MAX_S = 20.0
POLL_INTERVAL_S = 2.0
STOP_TIMEOUT_S = 3.0
RESTART_PAUSE_S = 1.0

# What goes wrong with the queue itself.
QUEUE_ERRORS = (exceptions.ConnectorException, psycopg.Error, OSError)

_log = structlog.get_logger(__name__)


def is_being_cancelled() -> bool:
    """Whether somebody has asked the running task to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class JobQueue:
    """A queue as one process sees it."""

    def __init__(
        self, pool: Pool, queue: str, *, task_name: str, run: Callable[..., Awaitable[None]]
    ) -> None:
        """``run`` does what a job reminds of; it is given the job's arguments by name."""
        self._pool = pool
        self._queue = queue
        self._task_name = task_name
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector())
        self._app.task(name=task_name, queue=queue)(run)

    async def open(self) -> None:
        """Be ready; the pool stays its owner's."""
        await self._app.open_async(self._pool)

    def make_job(self, lock: str, arguments: dict[str, Any], *, priority: int = 0) -> Job:
        """A reminder under a lock that keeps it from being in the queue twice."""
        return Job(
            id=None,
            queue=self._queue,
            task_name=self._task_name,
            priority=priority,
            lock=None,
            queueing_lock=lock,
            task_kwargs=arguments,
        )

    async def defer(self, jobs: Iterable[Job]) -> int:
        """Put reminders into the queue; return how many were not in it yet."""
        wanted = list(jobs)
        if not wanted:
            return 0
        try:
            await self._app.job_manager.batch_defer_jobs_async(wanted)
        except exceptions.AlreadyEnqueued:
            # Somebody else was faster with one of them.
            return sum([await self._defer_one(job) for job in wanted])
        return len(wanted)

    async def work(
        self, concurrency: int, *, poll_interval_s: float = POLL_INTERVAL_S, has_listener: bool = True
    ) -> None:
        """Run jobs as they come, so many at a time, for ever; a listener takes a connection for itself."""
        while True:
            try:
                await self._app.run_worker_async(
                    queues=[self._queue],
                    concurrency=concurrency,
                    install_signal_handlers=False,
                    listen_notify=has_listener,
                    delete_jobs="always",
                    fetch_job_polling_interval=poll_interval_s,
                    shutdown_graceful_timeout=STOP_TIMEOUT_S,
                    update_heartbeat_interval=HEARTBEAT_S,
                    stalled_worker_timeout=SILENCE_MAX_S,
                )
            except QUEUE_ERRORS as problem:
                _log.warning("queue_worker_stopped", queue=self._queue, problem=str(problem))
                if is_being_cancelled():
                    # Without a database the library's own end fails, and that error took its place.
                    raise asyncio.CancelledError from problem
            await asyncio.sleep(RESTART_PAUSE_S)

    async def forget_stalled(self) -> int:
        """Remove the jobs of workers that are gone; return how many. What they were about is due again."""
        stalled = await self._app.job_manager.get_stalled_jobs(
            queue=self._queue, seconds_since_heartbeat=SILENCE_MAX_S
        )
        count = 0
        for job in stalled:
            # Somebody else may have removed it meanwhile.
            with contextlib.suppress(exceptions.ConnectorException):
                await self._app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
                count += 1
        return count

    async def _defer_one(self, job: Job) -> int:
        try:
            await self._app.job_manager.defer_job_async(job)
        except exceptions.AlreadyEnqueued:
            return 0
        return 1
