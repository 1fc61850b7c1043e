"""Jobs: the queue of chunks, which is procrastinate's; its tables are those of migration 0017.

A job is a reminder: what it does is decided by the chunk as it stands. The chunk's turn is its priority,
and at most one job for it waits at a time.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable

import procrastinate
import psycopg
import structlog
from procrastinate import exceptions
from procrastinate.jobs import Job, Status

from jeton.db.pool import Pool

QUEUE = "batches"
TASK = "run_batch_chunk"
HEARTBEAT_S = 5.0
# A worker that was silent for longer is gone.
SILENCE_MAX_S = 20.0
POLL_INTERVAL_S = 2.0
STOP_TIMEOUT_S = 3.0
RESTART_PAUSE_S = 1.0

RunChunk = Callable[[str, int], Awaitable[object]]

_log = structlog.get_logger(__name__)


def is_being_cancelled() -> bool:
    """Whether somebody has asked the running task to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Jobs:
    """The queue as one process sees it."""

    def __init__(self, pool: Pool, run_chunk: RunChunk) -> None:
        """``run_chunk`` works on a chunk, by batch and number."""
        self._pool = pool
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector())

        @self._app.task(name=TASK, queue=QUEUE)
        async def run(batch_id: str, chunk_no: int) -> None:
            await run_chunk(batch_id, chunk_no)

    async def open(self) -> None:
        """Be ready; the pool stays its owner's."""
        await self._app.open_async(self._pool)

    async def defer(self, chunks: Iterable[tuple[str, int, int]]) -> int:
        """Remind of chunks: batch, number and turn; return how many were not in the queue yet."""
        jobs = [_job(*chunk) for chunk in chunks]
        if not jobs:
            return 0
        try:
            await self._app.job_manager.batch_defer_jobs_async(jobs)
        except exceptions.AlreadyEnqueued:
            # Somebody else was faster with one of them.
            return sum([await self._defer_one(job) for job in jobs])
        return len(jobs)

    async def work(self, chunks_max: int) -> None:
        """Run chunks as they come, ``chunks_max`` at a time, for ever."""
        while True:
            try:
                await self._app.run_worker_async(
                    queues=[QUEUE],
                    concurrency=chunks_max,
                    install_signal_handlers=False,
                    listen_notify=True,
                    delete_jobs="always",
                    fetch_job_polling_interval=POLL_INTERVAL_S,
                    shutdown_graceful_timeout=STOP_TIMEOUT_S,
                    update_heartbeat_interval=HEARTBEAT_S,
                    stalled_worker_timeout=SILENCE_MAX_S,
                )
            except (exceptions.ConnectorException, psycopg.Error, OSError) as problem:
                _log.warning("batch_worker_stopped", problem=str(problem))
                if is_being_cancelled():
                    # Without a database the library's own end fails, and that error took its place.
                    raise asyncio.CancelledError from problem
            await asyncio.sleep(RESTART_PAUSE_S)

    async def forget_stalled(self) -> int:
        """Remove the jobs of workers that are gone; return how many. Their chunks are due again."""
        stalled = await self._app.job_manager.get_stalled_jobs(
            queue=QUEUE, seconds_since_heartbeat=SILENCE_MAX_S
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


def make_lock(batch_id: str, chunk_no: int) -> str:
    """What keeps a chunk from being in the queue twice."""
    return f"{batch_id}:{chunk_no}"


def _job(batch_id: str, chunk_no: int, turn: int) -> Job:
    return Job(
        id=None,
        queue=QUEUE,
        task_name=TASK,
        priority=-turn,
        lock=None,
        queueing_lock=make_lock(batch_id, chunk_no),
        task_kwargs={"batch_id": batch_id, "chunk_no": chunk_no},
    )
