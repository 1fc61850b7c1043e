"""Jobs of billing on real PostgreSQL: one runner at a time, retried by schedule, taken over from the dead."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import pytest

from jeton.billing.jobs.claiming import claim_job, hurry_job, know_kinds, list_due
from jeton.billing.jobs.keeping import Keeper
from jeton.billing.jobs.running import Runner
from jeton.billing.jobs.words import Duty, DutyIncompleteError
from jeton.db.pool import Pool

HOUR = timedelta(hours=1)


async def nothing(at: datetime) -> Mapping[str, int]:
    del at
    return {"done": 3}


async def open_runner(
    pool: Pool, run: Callable[[datetime], Awaitable[Mapping[str, int]]] = nothing, *, every: timedelta = HOUR
) -> Runner:
    runner = Runner(pool, [Duty("close_periods", every, run)], node_id="node_test")
    async with pool.connection() as connection:
        await know_kinds(connection, runner.duties)
    return runner


async def read_row(pool: Pool, columns: str) -> tuple[object, ...]:
    async with pool.connection() as connection:
        cursor = await connection.execute(f"SELECT {columns} FROM billing_jobs")  # noqa: S608 - of this test
        row = await cursor.fetchone()
    assert row is not None
    return row


async def test_a_new_kind_is_due_at_once_and_then_after_its_interval(pool: Pool) -> None:
    runner = await open_runner(pool)
    assert await runner.run("close_periods")
    assert not await runner.run("close_periods")
    found = await read_row(
        pool,
        "due_at = started_at + interval '1 hour', done_at = ended_at, failures, counts, node_id, claim_id",
    )
    assert found == (True, True, 0, {"done": 3}, "node_test", None)


async def test_who_asks_for_it_has_it_done_now(pool: Pool) -> None:
    runner = await open_runner(pool)
    await runner.run("close_periods")
    async with pool.connection() as connection:
        assert await hurry_job(connection, "close_periods")
        assert not await hurry_job(connection, "no_such_kind")
    assert await runner.run("close_periods")


async def test_one_process_at_a_time(pool: Pool) -> None:
    started, may_end = asyncio.Event(), asyncio.Event()
    runs = 0

    async def wait(at: datetime) -> Mapping[str, int]:
        nonlocal runs
        del at
        runs += 1
        started.set()
        await may_end.wait()
        return {}

    runner, other = await open_runner(pool, wait), await open_runner(pool, wait)
    running = asyncio.create_task(runner.run("close_periods"))
    await started.wait()
    assert not await other.run("close_periods")
    may_end.set()
    assert await running
    assert runs == 1


async def test_a_failure_is_said_and_tried_again_in_half_a_minute(pool: Pool) -> None:
    async def fail(at: datetime) -> Mapping[str, int]:
        del at
        raise DutyIncompleteError("2 of 7 invoices were not issued.")

    runner = await open_runner(pool, fail)
    assert await runner.run("close_periods")
    found = await read_row(
        pool, "failures, problem, due_at = ended_at + interval '30 seconds', done_at, claim_id"
    )
    assert found == (1, "2 of 7 invoices were not issued.", True, None, None)


async def test_a_defect_is_a_failure_too_and_is_not_hidden(pool: Pool) -> None:
    async def break_down(at: datetime) -> Mapping[str, int]:
        del at
        raise ZeroDivisionError

    runner = await open_runner(pool, break_down)
    with pytest.raises(ZeroDivisionError):
        await runner.run("close_periods")
    assert await read_row(pool, "failures, claim_id") == (1, None)


async def test_what_a_stopped_process_had_is_due_for_others(pool: Pool) -> None:
    started = asyncio.Event()

    async def wait(at: datetime) -> Mapping[str, int]:
        del at
        started.set()
        await asyncio.Event().wait()
        return {}

    runner, other = await open_runner(pool, wait), await open_runner(pool)
    running = asyncio.create_task(runner.run("close_periods"))
    await started.wait()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert await read_row(pool, "failures, claim_id") == (0, None)
    assert await other.run("close_periods")


async def test_what_a_dead_process_had_is_taken_over_when_its_claim_ends(pool: Pool) -> None:
    runner = await open_runner(pool)
    async with pool.connection() as connection:
        assert await claim_job(connection, "close_periods", claim_id="claim_dead", node_id="node_dead")
    assert not await runner.run("close_periods")
    async with pool.connection() as connection:
        await connection.execute("UPDATE billing_jobs SET claimed_until = clock_timestamp()")
    assert await runner.run("close_periods")


async def test_the_queue_is_reminded_once_and_its_worker_does_it(pool: Pool) -> None:
    done = asyncio.Event()

    async def note(at: datetime) -> Mapping[str, int]:
        del at
        done.set()
        return {}

    runner = await open_runner(pool, note)
    keeper = Keeper(pool, runner)
    await keeper.open()
    assert await keeper.remind() == 1
    assert await keeper.remind() == 0
    async with pool.connection() as connection:
        assert await list_due(connection, runner.duties) == []
    working = asyncio.create_task(keeper.work())
    async with asyncio.timeout(30):
        await done.wait()
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    # The row says the same as soon as the run is over.
    assert (await read_row(pool, "failures, done_at IS NOT NULL"))[0] == 0
