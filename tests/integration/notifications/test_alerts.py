"""What is looked for: lots that expire, credit that runs low, alarms; each told once."""

from datetime import UTC, datetime, timedelta

from tests.integration.world import USD, World, open_world

from jeton import clock
from jeton.db.pool import Pool
from jeton.notifications.alerts import Thresholds, find_alarms, find_low_balances, make_finders
from jeton.notifications.notifier import Notifier
from jeton.watch.alarms import Alarm, AlarmCode, acknowledge_alarm, record_alarms

from .receiving import make_notifier


async def look_up(pool: Pool, type_: str) -> list[tuple[object, ...]]:
    async with pool.connection() as connection:
        query = "SELECT organization_id, data FROM events WHERE type = %s ORDER BY event_id"
        return list(await (await connection.execute(query, (type_,))).fetchall())


def looking(pool: Pool, *, low_balance_nano: int = 0, days: tuple[int, ...] = (7, 1)) -> Notifier:
    return make_notifier(pool, finders=make_finders(Thresholds(days, low_balance_nano)))


async def test_a_lot_is_told_of_at_seven_days_and_at_one_and_never_twice(pool: Pool) -> None:
    world = await open_world(pool)
    expires_at = clock.now() + timedelta(days=20)
    lot_id = await world.grant(3_971_000_000, expires_at=expires_at)
    notifier = looking(pool)

    async def look(**before: float) -> int:
        return await notifier.look(expires_at - timedelta(**before))

    assert await look(days=7, microseconds=1) == 0
    assert [await look(days=7), await look(days=7), await look(days=2)] == [1, 0, 0]
    assert [await look(days=1), await look(microseconds=1), await look()] == [1, 0, 0]
    told = await look_up(pool, "credit.lot_expiring")
    shown = expires_at.isoformat().replace("+00:00", "Z")
    common = {"lot_id": lot_id, "kind": "promotional", "left": "3.971", "expires_at": shown}
    organization_id = world.organization.organization_id
    assert told == [(organization_id, {**common, "days": 7}), (organization_id, {**common, "days": 1})]
    await world.close()


async def test_who_looks_late_tells_the_nearest_warning_only(pool: Pool) -> None:
    world = await open_world(pool)
    expires_at = clock.now() + timedelta(days=20)
    await world.grant(USD, expires_at=expires_at)
    assert await looking(pool).look(expires_at - timedelta(hours=5)) == 1
    [(_, data)] = await look_up(pool, "credit.lot_expiring")
    assert isinstance(data, dict)
    assert data["days"] == 1
    await world.close()


async def test_a_lot_shorter_than_the_warning_needs_none(pool: Pool) -> None:
    world = await open_world(pool)
    await world.grant(USD, expires_at=clock.now() + timedelta(days=5))
    assert await looking(pool).look(clock.now() + timedelta(seconds=1)) == 0
    await world.close()


async def test_a_lot_that_is_used_up_is_not_told_of(pool: Pool) -> None:
    world = await open_world(pool)
    expires_at = clock.now() + timedelta(days=20)
    await world.grant(29_000_000, expires_at=expires_at)
    await world.bill()
    assert await looking(pool).look(expires_at - timedelta(days=1)) == 0
    await world.close()


async def spend_all_but(world: World, left_nano: int) -> None:
    """Bill $0.029 a time until less than this is left."""
    async with world.pool.connection() as connection:
        query = "SELECT -(credit_free_nano + credit_paid_nano) FROM balances"
        row = await (await connection.execute(query)).fetchone()
    assert row is not None
    for _ in range((row[0] - left_nano) // 29_000_000 + 1):
        await world.bill()


async def test_low_credit_is_told_once_and_again_after_more_was_added(pool: Pool) -> None:
    world = await open_world(pool)
    notifier = looking(pool, low_balance_nano=4_950_000_000)
    now = clock.now()
    assert await notifier.look(now) == 0
    await spend_all_but(world, 4_950_000_000)
    assert [await notifier.look(now), await notifier.look(now)] == [1, 0]
    assert await look_up(pool, "credit.low_balance") == [
        (world.organization.organization_id, {"remaining": "4.942", "threshold": "4.95"})
    ]
    await world.grant(100_000_000)
    assert await notifier.look(now) == 0
    await spend_all_but(world, 4_950_000_000)
    assert [await notifier.look(now), await notifier.look(now)] == [1, 0]
    await world.close()


async def test_a_credit_limit_that_is_nearly_used_is_told_of_once_a_month(pool: Pool) -> None:
    world = await open_world(pool)
    async with pool.connection() as connection:
        await connection.execute("UPDATE balances SET credit_limit_nano = 1000000000, version = version + 1")
    notifier = looking(pool, low_balance_nano=5_990_000_000)
    november, december = datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    assert await notifier.look(november) == 0
    await world.bill()
    assert [await notifier.look(at) for at in (november, november, december)] == [1, 0, 1]
    told = await look_up(pool, "credit.low_balance")
    assert told[0][1] == {"remaining": "5.971", "threshold": "5.99"}
    await world.close()


async def test_held_credit_is_not_taken_for_spent(pool: Pool) -> None:
    world = await open_world(pool)
    await world.hold(4_900_000_000)
    async with pool.connection() as connection:
        assert await find_low_balances(connection, 1_000_000_000, at=clock.now()) == []
    await world.close()


async def test_an_alarm_of_the_watch_is_told_to_the_operator_until_it_is_acknowledged(
    pool: Pool,
) -> None:
    async def raise_one(at: datetime) -> None:
        alarm = Alarm(AlarmCode.BOUND_EXCEEDED, "claude-sonnet-5-5", {"bound_tokens": 900}, at, at)
        async with pool.connection() as connection:
            await record_alarms(connection, [alarm])

    now = clock.now()
    notifier = looking(pool)
    await raise_one(now)
    assert [await notifier.look(now), await notifier.look(now)] == [1, 0]
    await raise_one(now)
    assert await notifier.look(now) == 0
    [(organization_id, data)] = await look_up(pool, "alarm.raised")
    assert isinstance(data, dict)
    assert (organization_id, data["code"], data["about"]) == (None, "bound_exceeded", "claude-sonnet-5-5")
    async with pool.connection() as connection:
        await acknowledge_alarm(connection, str(data["alarm_id"]), by="op@example.com", at=now)
        assert await find_alarms(connection, now) == []
    await raise_one(now)
    assert await notifier.look(now) == 1
