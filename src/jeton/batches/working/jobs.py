"""Jobs: the queue of chunks.

A job is a reminder: what it does is decided by the chunk as it stands. The chunk's turn is its priority,
and at most one job for it waits at a time.
"""

from collections.abc import Awaitable, Callable, Iterable

from jeton.db.job_queue import JobQueue
from jeton.db.pool import Pool

QUEUE = "batches"
TASK = "run_batch_chunk"

RunChunk = Callable[[str, int], Awaitable[object]]


class Jobs:
    """The queue as one process sees it."""

    def __init__(self, pool: Pool, run_chunk: RunChunk) -> None:
        """``run_chunk`` works on a chunk, by batch and number."""

        async def run(batch_id: str, chunk_no: int) -> None:
            await run_chunk(batch_id, chunk_no)

        self._queue = JobQueue(pool, QUEUE, task_name=TASK, run=run)

    async def open(self) -> None:
        """Be ready; the pool stays its owner's."""
        await self._queue.open()

    async def defer(self, chunks: Iterable[tuple[str, int, int]]) -> int:
        """Remind of chunks: batch, number and turn; return how many were not in the queue yet."""
        return await self._queue.defer(
            self._queue.make_job(
                make_lock(batch_id, chunk_no), {"batch_id": batch_id, "chunk_no": chunk_no}, priority=-turn
            )
            for batch_id, chunk_no, turn in chunks
        )

    async def work(self, chunks_max: int) -> None:
        """Run chunks as they come, ``chunks_max`` at a time, for ever."""
        await self._queue.work(chunks_max)

    async def forget_stalled(self) -> int:
        """Remove the jobs of workers that are gone; return how many. Their chunks are due again."""
        return await self._queue.forget_stalled()


def make_lock(batch_id: str, chunk_no: int) -> str:
    """What keeps a chunk from being in the queue twice."""
    return f"{batch_id}:{chunk_no}"
