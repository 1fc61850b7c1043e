"""The queue: turns, and workers that come and go."""

import asyncio
import contextlib

from tests.integration.batches.conftest import Shop, opened_shop, request

from jeton.batches.working.claiming import claim_chunk
from jeton.db.pool import Pool


async def turns(shop: Shop, batch_id: str) -> list[int]:
    rows = await shop.fetch("SELECT turn FROM batch_chunks WHERE batch_id = %s ORDER BY chunk_no", batch_id)
    return [int(row[0]) for row in rows]


async def test_organizations_take_turns_and_one_of_them_queues_behind_itself(pool: Pool) -> None:
    many = [request(f"r{number}") for number in range(3 * 256)]
    async with opened_shop(pool) as large, opened_shop(pool) as small:
        first = await large.submit(many)
        second = await large.submit(many[:256])
        other = await small.submit(many[:512])
        assert await turns(large, first) == [0, 1, 2]
        assert await turns(large, second) == [3]
        assert await turns(small, other) == [0, 1]


async def test_who_comes_late_begins_where_the_queue_is_now(pool: Pool) -> None:
    many = [request(f"r{number}") for number in range(3 * 256)]
    async with opened_shop(pool) as large, opened_shop(pool) as small:
        first = await large.submit(many)
        for chunk_no in (0, 1):
            await large.runner.run_chunk(first, chunk_no)
        assert await turns(small, await small.submit(many[:256])) == [2]


async def test_a_worker_does_what_the_keeper_reminds_it_of_once(shop: Shop) -> None:
    batch_id = await shop.submit([request(f"r{number}") for number in range(600)])
    assert await shop.keeper.remind() == 3
    assert await shop.keeper.remind() == 0
    working = asyncio.create_task(shop.keeper.jobs.work(2))
    keeping = asyncio.create_task(shop.keeper.run())
    async with asyncio.timeout(60):
        while (await shop.get(batch_id)).state != "ended":  # noqa: ASYNC110 - what is waited for is in the database
            await asyncio.sleep(0.05)
    for task in (working, keeping):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert (await shop.get(batch_id)).succeeded == 600
    assert await shop.fetch("SELECT id FROM procrastinate_jobs") == []
    assert (await shop.proof()).findings == []


async def test_a_chunk_belongs_to_one_at_a_time_and_to_others_when_its_holder_is_silent(shop: Shop) -> None:
    batch_id = await shop.submit([request("a")])
    async with shop.pool.connection() as connection:
        assert await claim_chunk(connection, batch_id, 0, claim_id="claim_1") is not None
        assert await claim_chunk(connection, batch_id, 0, claim_id="claim_2") is None
    assert not await shop.runner.run_chunk(batch_id, 0)
    await shop.execute("UPDATE batch_chunks SET claimed_until = now() - interval '1 second'")
    assert await shop.runner.run_chunk(batch_id, 0)
    ((attempts,),) = await shop.fetch("SELECT attempts FROM batch_chunks")
    assert attempts == 2


async def test_the_jobs_of_a_dead_worker_are_removed_and_its_chunks_due_again(shop: Shop) -> None:
    await shop.submit([request("a")])
    await shop.keeper.remind()
    await shop.execute("UPDATE procrastinate_jobs SET status = 'doing'")
    assert await shop.keeper.jobs.forget_stalled() == 1
    assert await shop.keeper.remind() == 1


async def test_uploads_that_broke_off_are_forgotten(shop: Shop) -> None:
    await shop.submit([request("a")])
    await shop.execute("UPDATE batches SET state = 'uploading', created_at = now() - interval '3 hours'")
    await shop.execute("DELETE FROM batch_pools")
    await shop.keeper.tidy()
    assert await shop.fetch("SELECT batch_id FROM batches") == []
