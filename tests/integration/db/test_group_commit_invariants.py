"""Group commit under any mix of members: each gets its own answer, written once or not at all."""

import asyncio
from collections.abc import Sequence

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jeton.db.channel import Channel
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import open_pool
from jeton.errors import ConflictError, JetonError

KINDS = ("good", "refused", "rejected")


async def write(channel: Channel, members: Sequence[tuple[int, str]]) -> list[int | JetonError]:
    results: list[int | JetonError] = []
    for number, kind in members:
        if kind == "refused":
            results.append(ConflictError("Refused by us."))
            continue
        channel.queue(
            "INSERT INTO written VALUES ($1) ON CONFLICT DO NOTHING",
            str(number if kind == "good" else -1),
        )
        results.append(number)
    return results


async def submit_all(url: str, kinds: Sequence[str], members_max: int) -> tuple[list[object], list[int]]:
    pool = await open_pool(url, connections_min=1, connections_max=2)
    async with pool.connection() as connection:
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS written (number int PRIMARY KEY CHECK (number >= 0))"
        )
        await connection.execute("TRUNCATE written")
    commit = GroupCommit(pool, write, members_max=members_max, delay_max_s=0.0001)
    results = await asyncio.gather(
        *(commit.submit(member) for member in enumerate(kinds)), return_exceptions=True
    )
    await commit.close()
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT number FROM written ORDER BY number")
        rows = [int(row[0]) for row in await cursor.fetchall()]
    await pool.close()
    return list(results), rows


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # one database serves all examples; each begins with an empty table
@given(kinds=st.lists(st.sampled_from(KINDS), max_size=30), members_max=st.integers(1, 10))
def test_every_member_gets_its_own_answer(
    empty_database_url: str, kinds: list[str], members_max: int
) -> None:
    results, rows = asyncio.run(submit_all(empty_database_url, kinds, members_max))
    assert rows == [number for number, kind in enumerate(kinds) if kind == "good"]
    for number, (kind, result) in enumerate(zip(kinds, results, strict=True)):
        match kind:
            case "good":
                assert result == number
            case "refused":
                assert isinstance(result, ConflictError)
            case _:
                assert isinstance(result, psycopg.errors.CheckViolation)
