"""As of a past instant the balance reads as it read then, before and after the sweeper came."""

from datetime import timedelta

from tests.integration.charging.conftest import House
from tests.integration.charging.test_charging import metered

from jeton import clock
from jeton.charging.credits import Grant, grant
from jeton.charging.credits.limits import set_credit_limit
from jeton.charging.credits.reversing import reverse_charge
from jeton.charging.credits.taking_back import revoke_lot
from jeton.charging.sweeping import sweep
from jeton.identity.audit import Actor
from jeton.insight.balance import Balance, get_balance
from jeton.ledger.chart import LotKind
from jeton.usage import Usage

ADA = Actor("operator", "ada@example.com")
USD = 1_000_000_000


def shown(balance: Balance) -> object:
    """What must be the same: totals, debts, and every lot."""
    lots = {lot.lot_id: (lot.state, lot.amounts) for lot in balance.lots}
    return balance.amounts, balance.owed_nano, balance.accrued_nano, lots


async def test_the_past_reads_as_it_read_then(house: House) -> None:
    """A purchase, a lot that expires under a hold, a debt, a reversal, a revocation."""
    seen: list[Balance] = []

    async def look() -> None:
        seen.append(await house.balance())

    await look()
    soon = clock.now() + timedelta(seconds=1)
    async with house.pool.connection() as connection:
        short = Grant(LotKind.PROMOTIONAL, USD, "a moment", soon, priority=-2)
        await grant(connection, house.organization_id, short)
        paid = Grant(LotKind.PAID, 10 * USD, "wire", cost_basis_nano=9 * USD, priority=-1)
        lot_id = await grant(connection, house.organization_id, paid)
        await set_credit_limit(connection, house.organization_id, 100 * USD, by=ADA)
    await look()
    hold = await house.charging.hold(house.ask(20 * USD))
    await look()
    while clock.now() < soon:
        await look()
    await look()
    await house.charging.settle(hold, metered(Usage(output_tokens=50_000)))
    await look()
    async with house.pool.connection() as connection:
        await reverse_charge(connection, hold.ask.request_id, reason="ours", by=ADA)
    await look()
    async with house.pool.connection() as connection:
        await revoke_lot(connection, lot_id, reason="asked for it", by=ADA)
    await look()
    states = {lot.state for balance in seen for lot in balance.lots}
    assert states == {"active", "expired", "revoked"}
    for sweeps in (0, 1):
        for _ in range(sweeps):
            await sweep(house.pool, house.commits)
        async with house.pool.connection() as connection:
            for then in seen[:4] + seen[-4:]:
                now = await get_balance(connection, house.organization_id, at=then.as_of)
                assert shown(now) == shown(then), then.as_of
    assert (await house.proof()).findings == []


async def test_a_sweeper_that_comes_late_changes_no_past(house: House) -> None:
    """What was left when a lot expired is posted for that instant."""
    soon = clock.now() + timedelta(milliseconds=300)
    async with house.pool.connection() as connection:
        await grant(connection, house.organization_id, Grant(LotKind.PAID, USD, "wire", soon))
    before = await house.balance()
    while clock.now() < soon:
        await house.balance()
    unswept = await house.balance()
    assert await sweep(house.pool, house.commits) == 1
    async with house.pool.connection() as connection:
        for then in (before, unswept):
            now = await get_balance(connection, house.organization_id, at=then.as_of)
            assert shown(now) == shown(then)
        cursor = await connection.execute("SELECT posted_at FROM transactions WHERE movement = 'expire_lot'")
        assert await cursor.fetchall() == [(soon,)]
    assert (await house.proof()).findings == []
