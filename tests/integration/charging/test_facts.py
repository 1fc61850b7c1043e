"""Facts: what the database itself refuses, whatever a program with a defect would write."""

import asyncio

import psycopg
import pytest
from psycopg import errors

from jeton.charging.credits import Grant, grant
from jeton.charging.words import Rule
from jeton.db.channel import Channel
from jeton.errors import OverloadedError
from jeton.ledger.chart import LotKind
from jeton.ledger.journal import lock_books

from .conftest import House
from .test_charging import V1_NANO, metered

# A transaction once more with other amounts, and tables of which a row is tried once more.
_COPY = """
    INSERT INTO transactions
    SELECT transaction_id || '2', organization_id, movement, request_id, accounts, lots, {}, reason,
           posted_at, sequence, digest
    FROM transactions WHERE cardinality(amounts) = 2 LIMIT 1
"""
TWICE = ("charges", "usage_events", "lots", "transactions")


async def settle_one(house: House) -> str:
    """A settled request."""
    hold = await house.charging.hold(house.ask(V1_NANO))
    await house.charging.settle(hold, metered())
    return hold.ask.request_id


@pytest.mark.parametrize("table", TWICE)
async def test_a_fact_is_recorded_once(house: House, table: str) -> None:
    """The same row again is refused by its key."""
    await settle_one(house)
    async with house.pool.connection() as connection:
        columns = await (
            await connection.execute(
                "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns"
                " WHERE table_name = %s AND is_generated = 'NEVER'",
                (table,),
            )
        ).fetchone()
        assert columns is not None
        with pytest.raises(errors.UniqueViolation):
            await connection.execute(
                f"INSERT INTO {table} ({columns[0]}) SELECT {columns[0]} FROM {table} LIMIT 1"  # noqa: S608 - a table of the list above
            )
        await connection.rollback()


async def test_a_request_is_held_once(house: House) -> None:
    await house.charging.hold(house.ask(1))
    async with house.pool.connection() as connection:
        with pytest.raises(errors.UniqueViolation):
            await connection.execute("INSERT INTO holds SELECT * FROM holds")
        await connection.rollback()


async def test_an_organization_has_one_trial_also_in_the_database(house: House) -> None:
    copied = """
        INSERT INTO lots
            (lot_id, organization_id, kind, granted_nano, left_nano, effective_at, granted_at, reason)
        SELECT lot_id || '2', organization_id, kind, granted_nano, granted_nano, effective_at, granted_at,
               reason
        FROM lots WHERE reason = 'trial'
    """
    async with house.pool.connection() as connection:
        with pytest.raises(errors.UniqueViolation, match="lots_one_trial"):
            await connection.execute(copied)
        await connection.rollback()


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE transactions SET amounts = amounts", errors.RaiseException),
        ("DELETE FROM transactions", errors.RaiseException),
        ("UPDATE charges SET net_nano = 0, state = 'settled'", errors.RestrictViolation),
        ("DELETE FROM charges", errors.RaiseException),
        ("UPDATE usage_events SET output_tokens = 0", errors.RaiseException),
        ("UPDATE lots SET left_nano = left_nano + 1", errors.CheckViolation),
        ("UPDATE balances SET held_nano = held_nano - 1", errors.CheckViolation),
        (_COPY.format("amounts || 1::bigint"), errors.CheckViolation),
        (_COPY.format("ARRAY[amounts[1], amounts[2] + 1]"), errors.CheckViolation),
    ],
)
async def test_facts_are_not_changed_and_sums_hold(
    house: House, statement: str, problem: type[psycopg.Error]
) -> None:
    await settle_one(house)
    async with house.pool.connection() as connection:
        with pytest.raises(problem):
            await connection.execute(statement)
        await connection.rollback()


async def test_the_book_is_locked_from_its_reading_to_the_commit(house: House) -> None:
    """Whoever reads it meanwhile waits, and reads what was committed."""
    async with house.pool.connection() as first, house.pool.connection() as second:
        locked = Channel(first)
        locked.queue("BEGIN")
        await lock_books(locked, [house.organization_id], [])
        await second.execute("SET lock_timeout = '200ms'")
        waiting = Channel(second)
        waiting.queue("BEGIN")
        with pytest.raises(errors.LockNotAvailable):
            await lock_books(waiting, [house.organization_id], [])
        await waiting.fetch("ROLLBACK")
        waiting.close()
        await locked.fetch("ROLLBACK")
        locked.close()


async def test_a_hold_that_went_behind_a_nodes_back_is_not_ended_from_memory(house: House) -> None:
    """Its row is gone and the version of the book is not: nothing is booked on what the node remembers."""
    hold = await house.charging.hold(house.ask(V1_NANO))
    async with house.pool.connection() as connection:
        await connection.execute("DELETE FROM holds")
    with pytest.raises(OverloadedError):
        await house.charging.release(hold, Rule.UPSTREAM_FAILED)
    async with house.pool.connection() as connection:
        row = await (await connection.execute("SELECT count(*) FROM charges")).fetchone()
    assert row == (0,)


async def test_two_who_write_at_once_both_count(house: House) -> None:
    """Twenty grants and twenty holds at a time, each through a connection of its own."""
    given = Grant(LotKind.PROMOTIONAL, 1_000, "chaos")

    async def give() -> None:
        async with house.pool.connection() as connection:
            await grant(connection, house.organization_id, given)

    await asyncio.gather(
        *(give() for _ in range(20)), *(house.charging.hold(house.ask(1)) for _ in range(20))
    )
    amounts = (await house.balance()).amounts
    assert (amounts.granted_nano, amounts.held_nano) == (5_000_020_000, 20)
    assert (await house.proof()).findings == []
