import asyncio
from collections.abc import Sequence

import psycopg
import pytest

from jeton.db.channel import Channel
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import Pool
from jeton.errors import ConflictError, JetonError, OverloadedError


@pytest.fixture
async def table(pool: Pool) -> Pool:
    """A table of numbers, none above 1000, and the transaction that wrote each."""
    async with pool.connection() as connection:
        await connection.execute(
            "CREATE TABLE numbers (number int PRIMARY KEY CHECK (number <= 1000), "
            "written_in xid8 NOT NULL DEFAULT pg_current_xact_id())"
        )
    return pool


async def write(channel: Channel, numbers: Sequence[int]) -> list[int | JetonError]:
    """Write each number once, whatever is asked how often; refuse odd hundreds by name."""
    for number in numbers:
        if number % 200 != 100:
            channel.queue("INSERT INTO numbers VALUES ($1) ON CONFLICT DO NOTHING", str(number))
    return [ConflictError(f"{number}.") if number % 200 == 100 else number for number in numbers]


async def read(pool: Pool) -> list[tuple[int, str]]:
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT number, written_in::text FROM numbers ORDER BY 1")
        return [(int(row[0]), str(row[1])) for row in await cursor.fetchall()]


async def test_members_that_wait_together_are_committed_together(table: Pool) -> None:
    commit = GroupCommit(table, write)
    assert await asyncio.gather(*(commit.submit(number) for number in range(1, 31))) == [*range(1, 31)]
    await commit.close()
    rows = await read(table)
    assert [number for number, _ in rows] == [*range(1, 31)]
    assert len({transaction for _, transaction in rows}) == 1


async def test_a_patient_member_goes_with_the_next_one_and_alone_if_none_comes(table: Pool) -> None:
    commit = GroupCommit(table, write)
    await commit.submit(1)
    alone = commit.enqueue(2, is_patient=True)
    assert await alone == 2
    patient = commit.enqueue(3, is_patient=True)
    await commit.submit(4)
    assert patient.done()
    await commit.close()
    transactions = dict(await read(table))
    assert transactions[3] == transactions[4]
    assert len({*transactions.values()}) == 3


async def test_a_transaction_has_at_most_members_max(table: Pool) -> None:
    commit = GroupCommit(table, write, members_max=10)
    await asyncio.gather(*(commit.submit(number) for number in range(1, 51)))
    await commit.close()
    assert len({transaction for _, transaction in await read(table)}) == 5


async def test_only_what_is_committed_is_said_to_be(table: Pool) -> None:
    """What was queued last fails on the way, together with the commit: nobody is told of one."""
    commits = 0

    def count() -> None:
        nonlocal commits
        commits += 1

    commit = GroupCommit(table, write, on_commit=count)
    with pytest.raises(psycopg.errors.CheckViolation):
        await commit.submit(1001)
    assert commits == 0
    await commit.submit(1)
    assert commits == 1
    await commit.close()


async def test_a_refused_member_fails_alone_and_its_neighbours_stay_together(table: Pool) -> None:
    commit = GroupCommit(table, write)
    results = await asyncio.gather(
        *(commit.submit(number) for number in (99, 100, 101)), return_exceptions=True
    )
    await commit.close()
    assert results[0] == 99
    assert isinstance(results[1], ConflictError)
    assert results[2] == 101
    assert len({transaction for _, transaction in await read(table)}) == 1


async def test_a_member_that_the_database_refuses_fails_alone(table: Pool) -> None:
    commit = GroupCommit(table, write)
    results = await asyncio.gather(
        *(commit.submit(number) for number in (1, 1001, 2)), return_exceptions=True
    )
    await commit.close()
    assert results[0] == 1
    assert isinstance(results[1], psycopg.errors.CheckViolation)
    assert results[2] == 2
    assert [number for number, _ in await read(table)] == [1, 2]


async def test_a_cancelled_submitter_does_not_withdraw_its_member(table: Pool) -> None:
    commit = GroupCommit(table, write)
    task = asyncio.create_task(commit.submit(7))
    await asyncio.sleep(0)
    task.cancel()
    await commit.close()
    assert [number for number, _ in await read(table)] == [7]


async def test_closing_commits_what_waits_and_refuses_what_comes(table: Pool) -> None:
    commit = GroupCommit(table, write, members_max=1)
    tasks = [asyncio.create_task(commit.submit(number)) for number in range(1, 6)]
    await asyncio.sleep(0)
    await commit.close()
    assert await asyncio.gather(*tasks) == [1, 2, 3, 4, 5]
    with pytest.raises(OverloadedError, match="stopping"):
        await commit.submit(6)


async def test_a_full_queue_refuses(table: Pool) -> None:
    commit = GroupCommit(table, write, waiting_max=3)
    results = await asyncio.gather(*(commit.submit(number) for number in range(1, 6)), return_exceptions=True)
    await commit.close()
    assert results[:3] == [1, 2, 3]
    assert all(isinstance(result, OverloadedError) for result in results[3:])


async def test_a_lost_connection_is_replaced_and_the_batch_repeated(table: Pool) -> None:
    commit = GroupCommit(table, write)
    assert await commit.submit(1) == 1
    async with table.connection() as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    assert await asyncio.gather(*(commit.submit(number) for number in (2, 3))) == [2, 3]
    await commit.close()
    assert [number for number, _ in await read(table)] == [1, 2, 3]


async def test_a_commit_of_unknown_outcome_is_repeated_once_and_kept_once(table: Pool) -> None:
    times = 0

    async def write_then_lose(channel: Channel, numbers: Sequence[int]) -> list[int | JetonError]:
        nonlocal times
        results = await write(channel, numbers)
        times += 1
        if times == 1:
            # Committed, and then the answer to COMMIT is lost.
            await channel.fetch("COMMIT")
            await channel.fetch("SELECT pg_terminate_backend(pg_backend_pid())")
        return results

    commit = GroupCommit(table, write_then_lose)
    assert await commit.submit(5) == 5
    await commit.close()
    assert times == 2
    assert [number for number, _ in await read(table)] == [5]


async def test_two_lost_connections_in_a_row_are_reported(table: Pool) -> None:
    async def lose(channel: Channel, numbers: Sequence[int]) -> list[int | JetonError]:
        await channel.fetch("SELECT pg_terminate_backend(pg_backend_pid())")
        return list(numbers)

    commit = GroupCommit(table, lose)
    with pytest.raises(OverloadedError, match="unknown"):
        await commit.submit(5)
    await commit.close()


async def test_a_defect_fails_its_batch_and_the_next_is_written(table: Pool) -> None:
    async def stumble(channel: Channel, numbers: Sequence[int]) -> list[int | JetonError]:
        if 13 in numbers:
            raise ZeroDivisionError
        return await write(channel, numbers)

    commit = GroupCommit(table, stumble)
    with pytest.raises(OverloadedError):
        await commit.submit(13)
    assert await commit.submit(14) == 14
    await commit.close()
