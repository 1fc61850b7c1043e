"""Lots by hand on real PostgreSQL: granted, taken back and adjusted once, whatever is sent how often."""

import asyncio

import psycopg
import pytest
from tests.integration.charging.conftest import House
from tests.integration.charging.test_charging import TRIAL, V1_NANO, metered

from jeton.charging.credits import Grant, grant
from jeton.charging.credits.errors import CreditRequestError, IdempotencyError, LotNotFoundError
from jeton.charging.credits.taking_back import adjust_lot, revoke_lot
from jeton.charging.sweeping import sweep
from jeton.errors import InsufficientCreditError, NotFoundError
from jeton.identity.audit import Actor, list_audit
from jeton.ids import new_uuid
from jeton.insight.balance import LotBalance
from jeton.ledger.chart import LotKind

ADA = Actor("operator", "ada@example.com")
USD = 1_000_000_000
GIFT = Grant(LotKind.PROMOTIONAL, 10 * USD, "sorry", days=30, priority=-1)


async def give(house: House, given: Grant = GIFT, key: str = "") -> str:
    async with house.pool.connection() as connection:
        return await grant(connection, house.organization_id, given, by=ADA, idempotency_key=key)


async def see(house: House, lot_id: str) -> LotBalance:
    return next(lot for lot in (await house.balance()).lots if lot.lot_id == lot_id)


async def account(house: House, name: str) -> int:
    async with house.pool.connection() as connection:
        query = "SELECT coalesce(sum(amount_nano), 0) FROM postings WHERE account = %s"
        row = await (await connection.execute(query, (name,))).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_grant_under_a_key_happens_once(house: House) -> None:
    """Also when both come at once, and an hour later with other words for the same days."""
    first, second = await asyncio.gather(give(house, key="k1"), give(house, key="k1"))
    assert first == second == await give(house, key="k1")
    assert (await house.balance()).amounts.granted_nano == TRIAL + 10 * USD


async def test_something_else_under_the_same_key_is_refused(house: House) -> None:
    """Nothing is granted."""
    await give(house, key="k1")
    with pytest.raises(IdempotencyError, match="'k1' was used for another request"):
        await give(house, Grant(LotKind.PROMOTIONAL, 11 * USD, "sorry", days=30, priority=-1), key="k1")
    assert (await house.balance()).amounts.granted_nano == TRIAL + 10 * USD


async def test_a_grant_to_nobody_is_refused(house: House) -> None:
    """And leaves no audit entry, no key and no lot behind."""
    async with house.pool.connection() as connection:
        with pytest.raises(NotFoundError):
            await grant(connection, new_uuid(), GIFT, idempotency_key="k")
        entries = await list_audit(connection)
    granted = [entry.details for entry in entries if entry.action == "credits.granted"]
    assert [details["reason"] for details in granted] == ["trial"]


async def test_a_revoked_lot_has_nothing_left_and_takes_nothing_back(house: House) -> None:
    """$2 of it were held: they go where the rest went as soon as they come back."""
    lot_id = await give(house)
    hold = await house.charging.hold(house.ask(2 * USD))
    async with house.pool.connection() as connection:
        taken = await revoke_lot(connection, lot_id, reason="abuse", by=ADA)
        again = await revoke_lot(connection, lot_id, reason="abuse", by=ADA)
    assert (taken.amount_nano, taken.held_nano, again.amount_nano) == (8 * USD, 2 * USD, 0)
    with pytest.raises(InsufficientCreditError):
        await house.charging.hold(house.ask(TRIAL + 1))
    await house.charging.settle(hold, metered())
    lot = await see(house, lot_id)
    assert (lot.state, lot.amounts.available_nano, lot.amounts.used_nano) == ("revoked", 0, V1_NANO)
    assert lot.amounts.refunded_nano == 10 * USD - V1_NANO
    assert (await house.balance()).amounts.available_nano == TRIAL
    assert (await house.proof()).findings == []


async def test_what_a_node_remembers_of_a_revoked_lot_is_not_used(house: House) -> None:
    """It decided from memory a moment ago."""
    lot_id = await give(house)
    for _ in range(3):
        await house.charging.hold(house.ask(USD))
    async with house.pool.connection() as connection:
        await revoke_lot(connection, lot_id, reason="abuse", by=ADA)
    with pytest.raises(InsufficientCreditError) as refusal:
        await house.charging.hold(house.ask(TRIAL + 1))
    assert refusal.value.available_nano == TRIAL
    assert (await house.proof()).findings == []


async def test_a_purchase_is_paid_back_at_its_cost(house: House) -> None:
    """$100 for $90, $10 of it used: $9 revenue; the rest goes back as $81 of money."""
    given = Grant(LotKind.PAID, 100 * USD, "wire 7", cost_basis_nano=90 * USD, priority=-1)
    lot_id = await give(house, given)
    assert (await account(house, "cash"), await account(house, "promotion")) == (90 * USD, TRIAL + 10 * USD)
    async with house.pool.connection() as connection:
        await adjust_lot(connection, lot_id, -90 * USD, reason="asked for it", by=ADA)
    assert await account(house, "cash") == 9 * USD
    hold = await house.charging.hold(house.ask(10 * USD))
    await house.charging.settle(hold, metered())
    # $0.029 used of it.
    assert await account(house, "revenue") == -26_100_000
    assert await account(house, "promotion") == TRIAL + USD - 2_900_000
    lot = await see(house, lot_id)
    assert (lot.cost_basis_nano, lot.amounts.refunded_nano) == (90 * USD, 90 * USD)
    assert (await house.proof()).findings == []


async def test_an_adjustment_under_a_key_happens_once(house: House) -> None:
    """What was taken may be put back, no more."""
    lot_id = await give(house)
    async with house.pool.connection() as connection:
        for _ in range(2):
            await adjust_lot(connection, lot_id, -4 * USD, reason="too much", by=ADA, idempotency_key="a")
    assert (await see(house, lot_id)).amounts.available_nano == 6 * USD
    async with house.pool.connection() as connection:
        for nano, problem in {
            0: "changes nothing",
            -7 * USD: "6.00 dollars are left of",
            5 * USD: "4.00 dollars were taken out of",
        }.items():
            with pytest.raises(CreditRequestError, match=problem):
                await adjust_lot(connection, lot_id, nano, reason="x", by=ADA)
        with pytest.raises(LotNotFoundError):
            await adjust_lot(connection, "lot_none", 1, reason="x", by=ADA)
        with pytest.raises(IdempotencyError):
            await adjust_lot(connection, lot_id, -5 * USD, reason="too much", by=ADA, idempotency_key="a")
        await adjust_lot(connection, lot_id, 4 * USD, reason="it was right", by=ADA)
    assert (await see(house, lot_id)).amounts.available_nano == 10 * USD
    assert (await house.proof()).findings == []


async def test_every_change_names_who_made_it(house: House) -> None:
    """Newest first; and nobody can change what is written."""
    lot_id = await give(house)
    async with house.pool.connection() as connection:
        await adjust_lot(connection, lot_id, -USD, reason="too much", by=ADA)
        await revoke_lot(connection, lot_id, reason="abuse", by=ADA)
        entries = await list_audit(connection, organization_id=house.organization_id)
    assert [(entry.actor, entry.action) for entry in entries] == [
        ("ada@example.com", "credits.revoked"),
        ("ada@example.com", "credits.adjusted"),
        ("ada@example.com", "credits.granted"),
        ("jeton", "credits.granted"),
        ("jeton", "organization.opened"),
    ]
    assert entries[0].details == {"amount": "-9.00", "reason": "abuse"}
    with pytest.raises(psycopg.errors.RaiseException, match="are facts"):
        async with house.pool.connection() as connection:
            await connection.execute("DELETE FROM audit_entries")


async def test_nothing_is_swept_that_is_not_over(house: House) -> None:
    """A revoked lot has nothing left to sweep."""
    lot_id = await give(house)
    async with house.pool.connection() as connection:
        await revoke_lot(connection, lot_id, reason="abuse", by=ADA)
    assert await sweep(house.pool, house.commits) == 0
