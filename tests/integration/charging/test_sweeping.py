"""Sweeping: holds of dead nodes and lots whose time is over."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from jeton import clock
from jeton.charging.credits import Grant, grant
from jeton.charging.sweeping import sweep
from jeton.ledger.chart import LotKind

from .conftest import House


async def test_a_hold_past_its_validity_ends_unconfirmed(
    open_house: Callable[..., Awaitable[House]],
) -> None:
    """Its credit is back, nothing is charged, and the charge says that the node was lost."""
    house = await open_house(validity_s=0)
    hold = await house.charging.hold(house.ask(1_000_000_000))
    assert await sweep(house.pool, house.commits) == 1
    assert (await house.balance()).amounts.available_nano == 5_000_000_000
    async with house.pool.connection() as connection:
        query = "SELECT state, rule_id, net_nano FROM charges WHERE request_id = %s"
        row = await (await connection.execute(query, (hold.ask.request_id,))).fetchone()
    assert row == ("unconfirmed", "node_lost", 0)
    assert (await house.proof()).findings == []


async def test_a_hold_within_its_validity_is_left_alone(house: House) -> None:
    """The node may still be at it."""
    await house.charging.hold(house.ask(1_000_000_000))
    assert await sweep(house.pool, house.commits) == 0


async def test_what_is_left_of_an_expired_lot_is_taken(house: House) -> None:
    """Expired free credit goes back to promotion; the proof still holds."""
    soon = clock.now() + timedelta(microseconds=50_000)
    given = Grant(LotKind.PROMOTIONAL, 70_000_000, "a moment", expires_at=soon)
    async with house.pool.connection() as connection:
        await grant(connection, house.organization_id, given)
    while clock.now() < soon:
        assert (await house.balance()).amounts.expired_nano == 0 or clock.now() >= soon
    assert await sweep(house.pool, house.commits) == 1
    amounts = (await house.balance()).amounts
    assert (amounts.expired_nano, amounts.available_nano) == (70_000_000, 5_000_000_000)
    assert (await house.proof()).findings == []
