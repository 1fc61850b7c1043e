"""What closings keep of lots: every figure is that of the whole journal, and one that is not is found."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.integration.billing.closing.test_closing import prove
from tests.integration.insight.exports.test_exports import fill, owe
from tests.integration.world import USD, World, open_world

from jeton import clock
from jeton.billing.closing.closing import close_month, list_closings, reopen_month
from jeton.billing.closing.words import find_month
from jeton.db.pool import Connection, Pool
from jeton.identity.audit import Actor
from jeton.insight.accounts.deferred import read_deferred, read_deferred_now, state_deferred
from jeton.insight.accounts.words import Stretch
from jeton.insight.proving.closings import verify_closings
from jeton.insight.proving.proof import Proof

ADA = Actor("operator", "ada@example.com")
UTC_ZONE = ZoneInfo("UTC")
FIRST_AT = datetime(2026, 1, 3, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
async def worlds(pool: Pool) -> AsyncIterator[tuple[World, World]]:
    """Two organizations whose entries are a day apart, each from January 3 on; nothing is under way."""
    prepaid, invoiced = await open_world(pool), await open_world(pool, name="Second Ltd")
    await fill(prepaid)
    await owe(invoiced)
    async with pool.connection() as connection:
        await connection.execute("ALTER TABLE transactions DISABLE TRIGGER transactions_are_facts")
        await connection.execute(
            "UPDATE transactions SET posted_at = %s::timestamptz + sequence * interval '1 day'", [FIRST_AT]
        )
        await connection.execute("DELETE FROM holds")
        # A day at which organizations begin, so that no period of theirs is due before.
        await connection.execute("UPDATE organizations SET created_at = now()")
    yield prepaid, invoiced
    await prepaid.close()
    await invoiced.close()


async def close_until(pool: Pool, month: int) -> None:
    """Close January until a month, one after the other."""
    await prove(pool, clock.now() + 365 * DAY)
    async with pool.connection() as connection:
        for number in range(1, month + 1):
            found = find_month(datetime(2026, number, 10, tzinfo=UTC), UTC_ZONE)
            at = max(clock.now(), found.ends_at) + HOUR
            await close_month(connection, found, by=ADA, at=at)


async def find_wrong(connection: Connection) -> list[str]:
    proof = Proof()
    await verify_closings(connection, proof)
    return [finding for finding in proof.findings if "promotion" not in finding]


async def test_every_figure_is_that_of_the_whole_journal(worlds: tuple[World, World], pool: Pool) -> None:
    """Lot by lot, of every stretch between some instants, of the house and of one organization."""
    await close_until(pool, 2)
    days = (None, *(FIRST_AT + days * DAY for days in (0, 29, 34, 57, 70, 400)))
    async with pool.connection() as connection:
        for whose in (None, worlds[0].organization.organization_id):
            for place, from_at in enumerate(days):
                for until_at in days[place + 1 :]:
                    assert until_at is not None
                    stretch = Stretch(until_at, from_at, whose)
                    kept = await read_deferred(connection, stretch)
                    assert kept == await read_deferred(connection, stretch, is_from_journal=True)
                    assert state_deferred(kept).is_tied
        everything = await read_deferred(connection, Stretch(FIRST_AT + 400 * DAY))
        # $97.0... are left of what was paid for: nothing is held, so the balances say so too.
        assert everything.sum("closing_nano") > 80 * USD
        closings = await list_closings(connection)
        for closing in closings:
            told = await read_deferred(connection, Stretch(closing.period_to), is_from_journal=True)
            assert closing.deferred_nano == told.sum("closing_nano")
        assert await find_wrong(connection) == []


async def test_what_was_kept_of_a_month_that_was_opened_again_counts_no_more(
    worlds: tuple[World, World], pool: Pool
) -> None:
    """February is opened and closed again: its lots are kept twice, and count once."""
    assert len(worlds) == 2
    await close_until(pool, 2)
    february = find_month(datetime(2026, 2, 10, tzinfo=UTC), UTC_ZONE)
    async with pool.connection() as connection:
        at = max(clock.now(), february.ends_at) + 2 * HOUR
        await reopen_month(connection, february, by=ADA, at=at, reason="a test")
        stretch = Stretch(FIRST_AT + 60 * DAY)
        whole = await read_deferred(connection, stretch, is_from_journal=True)
        assert await read_deferred(connection, stretch) == whole
        await close_month(connection, february, by=ADA, at=at)
        assert await read_deferred(connection, stretch) == whole
        assert await find_wrong(connection) == []
        await connection.execute("ALTER TABLE closed_lots DISABLE TRIGGER closed_lots_are_facts")
        await connection.execute("""
            UPDATE closed_lots SET used_nano = used_nano + 1 WHERE lot_id = (
                SELECT min(lot_id) FROM closed_lots JOIN lots USING (lot_id) WHERE kind = 'paid')
        """)
        wrong = await find_wrong(connection)
    assert wrong
    assert all("is not what the postings of its months come to" in sentence for sentence in wrong)


async def test_now_is_what_the_accounts_say(worlds: tuple[World, World], pool: Pool) -> None:
    """What is set aside for a request counted with it: it is used only when the request is settled."""
    assert len(worlds) == 2
    async with pool.connection() as connection:
        read = await read_deferred(connection, Stretch(FIRST_AT + 400 * DAY))
        assert await read_deferred_now(connection) == read.sum("closing_nano")
