"""The balance: what adds up, what expires by itself, what is only held."""

from datetime import timedelta

from tests.integration.world import SONNET, USD, World, open_world

from jeton import clock
from jeton.db.pool import Pool
from jeton.identity.organizations import create_organization
from jeton.insight.balance import Amounts, get_balance, render_balance
from jeton.insight.overview.standing import get_standing
from jeton.insight.receipt import get_receipt
from jeton.ledger.chart import LotKind


def adds_up(amounts: Amounts) -> bool:
    return amounts.granted_nano == (
        amounts.used_nano
        + amounts.held_nano
        + amounts.expired_nano
        + amounts.refunded_nano
        + amounts.pending_nano
        + amounts.available_nano
    )


async def balance_of(world: World, *, days: int = 0) -> Amounts:
    async with world.pool.connection() as connection:
        balance = await get_balance(
            connection, world.organization.organization_id, at=clock.now() + timedelta(days=days)
        )
    assert adds_up(balance.amounts)
    assert all(adds_up(lot.amounts) for lot in balance.lots)
    return balance.amounts


async def test_a_charge_moves_credit_from_available_to_used(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill()
    await world.hold(USD)
    amounts = await balance_of(world)
    assert amounts == Amounts(
        granted_nano=5 * USD,
        used_nano=29_000_000,
        held_nano=USD,
        expired_nano=0,
        refunded_nano=0,
        pending_nano=0,
        available_nano=4 * USD - 29_000_000,
    )
    await world.close()


async def test_what_stands_above_every_page_is_the_same_balance(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill()
    await world.bill()
    await world.hold(USD)
    await world.grant(3 * USD)
    amounts = await balance_of(world)
    async with pool.connection() as connection:
        standing = await get_standing(connection, world.organization.organization_id)
    assert (standing.available_nano, standing.held_nano) == (amounts.available_nano, amounts.held_nano)
    assert standing.available_nano == 7 * USD - 58_000_000
    assert standing.holds >= 1
    # Two charges of this month, whose first day is UTC's.
    assert standing.settled_nano == 58_000_000
    assert standing.since_on.day == 1
    await world.close()


async def test_a_lot_past_its_expiry_is_expired_without_any_job(pool: Pool) -> None:
    world = await open_world(pool)
    await world.grant(2 * USD)
    await world.hold(USD)
    amounts = await balance_of(world, days=91)
    assert (amounts.expired_nano, amounts.held_nano, amounts.available_nano) == (4 * USD, USD, 2 * USD)
    await world.close()


async def test_the_json_has_exact_dollars_and_every_lot_in_burn_order(pool: Pool) -> None:
    world = await open_world(pool)
    await world.grant(10 * USD, kind=LotKind.PAID)
    restricted = await world.grant(1_000_000_001, models=frozenset({"claude-other-1"}))
    await world.bill()
    async with pool.connection() as connection:
        shown = render_balance(await get_balance(connection, world.organization.organization_id))
    lots = shown["lots"]
    assert isinstance(lots, list)
    assert {name: shown[name] for name in ("currency", "granted", "used", "available", "owed")} == {
        "currency": "USD",
        "granted": "16.000000001",
        "used": "0.029",
        "available": "15.971000001",
        "owed": "0.00",  # a purchase was paid for; a commit would be owed
    }
    assert [(lot["id"] == restricted, lot["kind"], lot["state"], lot["used"]) for lot in lots] == [
        (True, "promotional", "active", "0.00"),
        (False, "free", "active", "0.029"),
        (False, "paid", "active", "0.00"),
    ]
    assert lots[0]["models"] == ["claude-other-1"]
    await world.close()


async def test_lots_are_listed_in_the_order_in_which_they_burn_down(pool: Pool) -> None:
    """Of two lots that differ in nothing else, the older one goes first; as holds draw on them."""
    world = await open_world(pool)
    soon = clock.now() + timedelta(days=3)
    paid = await world.grant(USD, kind=LotKind.PAID, expires_at=soon)
    older = await world.grant(USD, expires_at=soon)
    newer = await world.grant(USD, expires_at=soon)
    restricted = await world.grant(USD, models=frozenset({SONNET.model}))
    async with pool.connection() as connection:
        balance = await get_balance(connection, world.organization.organization_id)
    listed = [lot.lot_id for lot in balance.lots]
    assert listed[:4] == [restricted, older, newer, paid]
    assert [lot.reason for lot in balance.lots[4:]] == ["trial"]
    hold = await world.hold(9 * USD)
    async with pool.connection() as connection:
        receipt = await get_receipt(connection, None, hold.ask.request_id)
    assert [lot.lot_id for lot in receipt.lots] == listed
    await world.close()


async def test_an_organization_without_any_lot_has_a_balance_of_zero(pool: Pool) -> None:
    async with pool.connection() as connection:
        organization = await create_organization(connection, "Empty")
        balance = await get_balance(connection, organization.organization_id)
    assert balance.amounts == Amounts(0, 0, 0, 0, 0, 0, 0)
    assert balance.lots == ()
