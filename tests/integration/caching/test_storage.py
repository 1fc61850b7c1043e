"""What is in the database: merged, swept, bounded; and never a text."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from tests.unit.caching.asking import MARK, SCOPE, body, text

from jeton.caching.plan import make_plan
from jeton.caching.shared import storage
from jeton.caching.shared.account import Account
from jeton.caching.shared.storage import Row, queue_entries, read_entries, sweep
from jeton.caching.words import Entry
from jeton.db.channel import Channel
from jeton.db.pool import Pool, open_pool

ONE, OTHER = UUID(int=1), UUID(int=2)
AT_S = 1_800_000_000


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url)
    yield opened
    await opened.close()


def name(number: int) -> bytes:
    return number.to_bytes(16, "big")


async def write(pool: Pool, *rows: Row) -> None:
    async with pool.connection() as connection:
        channel = Channel(connection)
        await channel.fetch("BEGIN")
        queue_entries(channel, rows)
        await channel.fetch("COMMIT")
        channel.close()


async def read(pool: Pool, *numbers: int) -> dict[int, Entry]:
    async with pool.connection() as connection:
        channel = Channel(connection)
        found = await read_entries(channel, [name(number) for number in numbers])
        channel.close()
    return {int.from_bytes(key, "big"): entry for key, entry in found.items()}


def row(number: int, ttl_s: int, at_s: int, *, is_paid: bool, organization_id: UUID = ONE) -> Row:
    return Row(name(number), organization_id, Entry(ttl_s, at_s + ttl_s), is_paid)


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        pytest.param(row(1, 300, AT_S + 60, is_paid=False), Entry(300, AT_S + 360), id="a refresh"),
        pytest.param(row(1, 3600, AT_S + 60, is_paid=False), Entry(300, AT_S + 360), id="keeps its lifetime"),
        pytest.param(row(1, 3600, AT_S + 60, is_paid=True), Entry(3600, AT_S + 3660), id="an hour was paid"),
        pytest.param(row(1, 300, AT_S - 60, is_paid=False), Entry(300, AT_S + 300), id="an older refresh"),
        pytest.param(row(1, 3600, AT_S + 300, is_paid=True), Entry(3600, AT_S + 3900), id="it had ended"),
        pytest.param(
            row(1, 3600, AT_S + 300, is_paid=False), Entry(3600, AT_S + 3900), id="ended: a new one"
        ),
    ],
)
async def test_a_second_write(pool: Pool, later: Row, expected: Entry) -> None:
    await write(pool, row(1, 300, AT_S, is_paid=True))
    await write(pool, later)
    assert await read(pool, 1, 2) == {1: expected}


async def test_an_hour_that_has_ended_becomes_five_minutes(pool: Pool) -> None:
    await write(pool, row(1, 3600, AT_S, is_paid=True))
    await write(pool, row(1, 300, AT_S + 3600, is_paid=True))
    assert await read(pool, 1) == {1: Entry(300, AT_S + 3900)}


async def test_one_name_many_times_in_a_batch_is_written_once(pool: Pool) -> None:
    paid = row(1, 300, AT_S, is_paid=True)
    await write(pool, paid, row(1, 3600, AT_S + 1, is_paid=True), row(1, 300, AT_S + 5, is_paid=False), paid)
    assert await read(pool, 1) == {1: Entry(3600, AT_S + 3601)}


async def test_two_nodes_that_write_the_same_names_never_wait_for_each_other_for_ever(pool: Pool) -> None:
    rows = [row(number, 300, AT_S, is_paid=number % 2 == 0) for number in range(200)]
    await asyncio.gather(*(write(pool, *(rows if turn % 2 else rows[::-1])) for turn in range(8)))
    assert len(await read(pool, *range(200))) == 200


async def test_the_sweep_drops_what_has_ended(pool: Pool) -> None:
    await write(pool, row(1, 300, AT_S, is_paid=True), row(2, 3600, AT_S, is_paid=True))
    await sweep(pool, AT_S + 300)
    assert set(await read(pool, 1, 2)) == {2}


async def test_of_too_many_those_that_end_first_go(pool: Pool) -> None:
    many = [row(number, 300, AT_S + number, is_paid=True) for number in range(10)]
    await write(pool, *many, row(99, 300, AT_S, is_paid=True, organization_id=OTHER))
    await sweep(pool, AT_S, entries_max=4)
    assert set(await read(pool, *range(10), 99)) == {6, 7, 8, 9, 99}


@pytest.mark.parametrize(("ttl", "ttl_s"), [("5m", 300), ("1h", 3600)])
async def test_a_hit_begins_the_lifetime_anew(pool: Pool, ttl: str, ttl_s: int) -> None:
    nodes = [Account(), Account()]
    for account in nodes:
        account.open(pool)
    plan = make_plan(body([text("a", {**MARK, "ttl": ttl})]), SCOPE)
    assert plan is not None
    hits = []
    # Each is ten seconds before the end that the one before has made; the last one is late.
    for turn, at_s in enumerate((0, ttl_s - 10, 2 * ttl_s - 20, 3 * ttl_s - 20)):
        account = nodes[turn % 2]
        look = await account.look(plan, (AT_S + at_s) * 1_000_000)
        hits.append(look.hit)
        assert await account.begin(look, plan.breakpoints, message_id="", cached_tokens=0)
    assert hits == [None, 0, 0, None]
    for account in nodes:
        await account.close()


async def test_no_text_is_stored(pool: Pool) -> None:
    account = Account()
    account.open(pool)
    plan = make_plan(body([text("the secret text", MARK)], diagnostics={"previous_message_id": None}), SCOPE)
    assert plan is not None
    look = await account.look(plan, AT_S * 1_000_000)
    assert await account.begin(look, plan.breakpoints, message_id="msg_1", cached_tokens=5)
    await account.close()
    async with pool.connection() as connection:
        for table in ("prompt_cache_entries", "prompt_cache_traces"):
            rows = await (await connection.execute(f"SELECT {table}::text FROM {table}")).fetchall()  # noqa: S608 - our own names
            assert len(rows) == 1
            assert "secret" not in rows[0][0]


def test_the_bound_is_what_the_docs_say() -> None:
    assert storage.ORGANIZATION_ENTRIES_MAX == 1_000_000
