"""Closing a month: what hinders it, what it locks, and how it is opened again."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from tests.integration.world import USD, World, open_world

from jeton import clock
from jeton.billing.books_lock import BooksClosedError, find_locked_until, refuse_closed
from jeton.billing.closing.checklist import read_checklist
from jeton.billing.closing.closing import (
    close_month,
    list_closings,
    reopen_month,
)
from jeton.billing.closing.errors import (
    BooksBusyError,
    ClosingNotReadyError,
    ClosingOrderError,
    MonthNotClosedError,
)
from jeton.billing.closing.words import Month, find_month
from jeton.billing.invoicing.issuing.period import issue_period
from jeton.billing.invoicing.words import Rules
from jeton.charging.credits import Grant, grant
from jeton.db.pool import Pool
from jeton.identity.audit import Actor
from jeton.insight.accounts.trial_balance import read_trial_balance
from jeton.insight.accounts.words import Stretch
from jeton.insight.verify import snapshot, verify
from jeton.ledger.chart import LotKind
from jeton.watch.proofs import ProofOutcome, claim_proof, end_proof, request_proof

ADA = Actor("operator", "ada@example.com")
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)


@pytest.fixture
async def world(pool: Pool) -> AsyncIterator[World]:
    world = await open_world(pool)
    yield world
    await world.close()


def this_month() -> Month:
    """The month that the requests of a test lie in, or the one after: its end is hours away at least."""
    return find_month(clock.now() + 2 * HOUR, BERLIN)


async def prove(pool: Pool, at: datetime, findings: tuple[str, ...] = ()) -> None:
    """A proof that began at an instant."""
    async with pool.connection() as connection:
        await request_proof(connection, by="test", at=at)
        proof_id = await claim_proof(connection, at)
        assert proof_id is not None
        await end_proof(connection, proof_id, ProofOutcome({}, findings, bytes(32)), at=at)


async def issue(pool: Pool, until: datetime) -> None:
    """Every organization's periods are closed until then."""
    async with pool.connection() as connection:
        await connection.execute(
            "INSERT INTO billing_periods (organization_id, period_from, period_to, closed_at)"
            " SELECT organization_id, '2020-01-01', %s, now() FROM organizations",
            [until],
        )


async def make_ready(pool: Pool, month: Month) -> datetime:
    """Everything that hinders is done; the instant at which the month can be closed."""
    await prove(pool, month.ends_at + HOUR)
    await issue(pool, month.ends_at)
    return month.ends_at + 2 * HOUR


async def test_nothing_is_posted_into_a_closed_month(world: World, pool: Pool) -> None:
    """The month of now is closed, as if it were over: no request of it can be booked until it is opened."""
    await world.bill()
    month = this_month()
    at = await make_ready(pool, month)
    async with pool.connection() as connection:
        closing = await close_month(connection, month, by=ADA, at=at, reason="a test")
        assert closing.period_to == await find_locked_until(connection) == month.ends_at
    given = Grant(LotKind.PROMOTIONAL, USD, "a test")
    with pytest.raises(psycopg.errors.CheckViolation, match="transactions_after_closing"):
        async with pool.connection() as connection:
            await grant(connection, world.organization.organization_id, given)
    with pytest.raises(BooksClosedError, match=f"{month.ends_at:%Y-%m-%d %H:%M}"):
        async with pool.connection() as connection:
            await refuse_closed(connection, month.starts_at + HOUR)
    async with pool.connection() as connection:
        await refuse_closed(connection, month.ends_at + HOUR)
        opened = await reopen_month(connection, month, by=ADA, at=at + HOUR, reason="forgot a gift")
        assert (opened.reopened_by, opened.reopen_reason) == ("ada@example.com", "forgot a gift")
        await grant(connection, world.organization.organization_id, given)
        assert await find_locked_until(connection) is None
        cursor = await connection.execute(
            "SELECT action, actor, details ->> 'reason' FROM audit_entries WHERE action LIKE 'books.%'"
            " ORDER BY audit_id"
        )
        assert await cursor.fetchall() == [
            ("books.closed", "ada@example.com", "a test"),
            ("books.reopened", "ada@example.com", "forgot a gift"),
        ]
    async with pool.connection() as connection:
        assert (await verify(connection)).is_sound


async def test_the_month_before_is_closed_while_requests_go_on(world: World, pool: Pool) -> None:
    now = clock.now()
    month = find_month(find_month(now, BERLIN).starts_at - HOUR, BERLIN)
    await prove(pool, month.ends_at + HOUR)
    async with pool.connection() as connection:
        await close_month(connection, month, by=ADA, at=max(now, month.ends_at + 2 * HOUR))
    await world.bill()
    async with pool.connection() as connection:
        assert (await verify(connection)).is_sound


async def test_an_expiry_that_nobody_booked_is_booked_for_its_instant(world: World, pool: Pool) -> None:
    """$10 that were bought expired five days ago; the month in which they did is closed."""
    bought = Grant(LotKind.PAID, 10 * USD, "a test", expires_at=clock.now() + HOUR)
    async with pool.connection() as connection:
        lot_id = await grant(connection, world.organization.organization_id, bought)
        expired_at = (clock.now() - timedelta(days=40)).replace(microsecond=0)
        await connection.execute("ALTER TABLE transactions DISABLE TRIGGER transactions_are_facts")
        await connection.execute("UPDATE transactions SET posted_at = posted_at - interval '50 days'")
        await connection.execute(
            "UPDATE lots SET effective_at = effective_at - interval '50 days', expires_at = %s"
            " WHERE lot_id = %s",
            [expired_at, lot_id],
        )
    month = find_month(expired_at, BERLIN)
    await prove(pool, month.ends_at + HOUR)
    async with pool.connection() as connection:
        before = {item.key: item for item in await read_checklist(connection, month, clock.now())}
        assert (before["expiries"].state, before["expiries"].count) == ("attention", 1)
        closing = await close_month(connection, month, by=ADA, at=clock.now())
        cursor = await connection.execute("SELECT posted_at FROM transactions WHERE movement = 'expire_lot'")
        assert await cursor.fetchall() == [(expired_at,)]
        kept = await connection.execute(
            "SELECT account, balance_nano FROM closed_balances WHERE closing_id = %s AND balance_nano <> 0",
            [closing.closing_id],
        )
        balances: dict[str, int] = dict(await kept.fetchall())
    assert balances["breakage"] == -10 * USD
    assert balances["cash"] == 10 * USD
    async with pool.connection() as connection, snapshot(connection):
        lines = await read_trial_balance(connection, Stretch(month.ends_at))
        # What a month begins with is what the one before was closed with.
        later = await read_trial_balance(connection, Stretch(month.ends_at + HOUR, month.ends_at))
    assert {line.account.value: line.closing_nano for line in lines if line.closing_nano} == balances
    assert {line.account.value: line.opening_nano for line in later if line.opening_nano} == balances
    assert not any(line.debit_nano or line.credit_nano for line in later)


async def test_what_hinders_a_closing_is_named_all_at_once(world: World, pool: Pool) -> None:
    await world.bill()
    hold = await world.hold(USD)
    month = find_month(clock.now() + 2 * HOUR, ZoneInfo("UTC"))
    at = month.ends_at + 2 * HOUR
    async with pool.connection() as connection:
        with pytest.raises(ClosingNotReadyError) as refused:
            await close_month(connection, month, by=ADA, at=month.ends_at)
    said = str(refused.value)
    for part in ("is not over", "1 requests that began", "were not proved", "1 periods of organizations"):
        assert part in said
    await prove(pool, month.ends_at + HOUR, findings=("a nano is missing",))
    async with pool.connection() as connection:
        items = {item.key: item for item in await read_checklist(connection, month, at)}
    assert [key for key, item in items.items() if item.state == "open"] == ["usage", "proof", "documents"]
    assert items["proof"].count == 1
    assert items["exports"].count == 3
    await prove(pool, month.ends_at + 2 * HOUR)
    await issue(pool, month.ends_at)
    async with pool.connection() as connection:
        items = {item.key: item for item in await read_checklist(connection, month, at)}
        assert [key for key, item in items.items() if item.state == "open"] == ["usage"]
        assert await list_closings(connection) == []
    assert hold is not None


async def test_months_are_closed_one_after_the_other(world: World, pool: Pool) -> None:
    assert world.pool is pool
    first = find_month(datetime(2026, 1, 15, tzinfo=UTC), BERLIN)
    second = find_month(first.ends_at, BERLIN)
    third = find_month(second.ends_at, BERLIN)
    assert (first.name, second.name, third.name) == ("2026-01", "2026-02", "2026-03")
    assert first.starts_at == datetime(2025, 12, 31, 23, tzinfo=UTC)
    await prove(pool, third.ends_at + HOUR)
    at = third.ends_at + 2 * HOUR
    async with pool.connection() as connection:
        await close_month(connection, first, by=ADA, at=at)
        with pytest.raises(ClosingOrderError, match="2026-03 begins at 2026-02-28 23:00"):
            await close_month(connection, third, by=ADA, at=at)
        await close_month(connection, second, by=ADA, at=at)
        with pytest.raises(ClosingOrderError, match="newest month"):
            await reopen_month(connection, first, by=ADA, at=at, reason="x")
        with pytest.raises(MonthNotClosedError):
            await reopen_month(connection, third, by=ADA, at=at, reason="x")
        await reopen_month(connection, second, by=ADA, at=at, reason="x")
        assert await find_locked_until(connection) == first.ends_at
        await close_month(connection, second, by=ADA, at=at)
        assert [one.period_to for one in await list_closings(connection) if one.reopened_at is None] == [
            second.ends_at,
            first.ends_at,
        ]


async def test_a_posting_that_was_changed_in_a_closed_month_is_found(world: World, pool: Pool) -> None:
    await world.bill()
    month = this_month()
    at = await make_ready(pool, month)
    async with pool.connection() as connection:
        await close_month(connection, month, by=ADA, at=at)
        await connection.execute("ALTER TABLE closed_balances DISABLE TRIGGER closed_balances_are_facts")
        await connection.execute("UPDATE closed_balances SET balance_nano = balance_nano + 1")
    async with pool.connection() as connection:
        findings = (await verify(connection)).findings
    assert findings
    assert all("were kept for the closed periods" in finding for finding in findings)


async def test_a_long_reading_is_not_waited_for(world: World, pool: Pool) -> None:
    """A proof or a backup reads the journal for minutes; requests do not stand still that long."""
    assert world.pool is pool
    month = this_month()
    at = await make_ready(pool, month)
    async with pool.connection() as reading, reading.transaction():
        await reading.execute("SELECT count(*) FROM transactions")
        async with pool.connection() as connection:
            with pytest.raises(BooksBusyError):
                await close_month(connection, month, by=ADA, at=at)
    async with pool.connection() as connection:
        assert await find_locked_until(connection) is None


async def test_an_invoice_for_a_closed_period_is_refused_with_both_dates(world: World, pool: Pool) -> None:
    """The organization's first period ended before the books were closed; nobody had used anything in it."""
    organization_id = world.organization.organization_id
    month = find_month(datetime(2026, 2, 10, tzinfo=UTC), ZoneInfo("UTC"))
    await prove(pool, month.ends_at + HOUR)
    at = month.ends_at + timedelta(days=20)
    async with pool.connection() as connection:
        await connection.execute("UPDATE organizations SET created_at = '2026-01-20'")
        await close_month(connection, month, by=ADA, at=at)
        with pytest.raises(BooksClosedError) as refused:
            await issue_period(connection, organization_id, rules=Rules(), at=at, by=ADA)
    assert "until 2026-02-01 00:00 UTC" in str(refused.value)
    assert "closed until 2026-03-01 00:00 UTC" in str(refused.value)
