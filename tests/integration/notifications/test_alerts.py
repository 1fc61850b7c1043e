"""What is looked for: lots that expire, credit that runs low, alarms; each told once."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from tests.integration.world import OTHER, SONNET, USD, World, open_world, sonnet

from jeton import clock
from jeton.db.pool import Pool
from jeton.identity.audit import SYSTEM
from jeton.insight.contract.announcing import find_price_changes
from jeton.notifications.addresses import AddressRules
from jeton.notifications.alerts import Thresholds, find_alarms, find_low_balances, make_finders
from jeton.notifications.catalogue.spending import EXAMPLES as SPENDING_EXAMPLES
from jeton.notifications.catalogue.spending import ModelImpact, PriceChangeComing
from jeton.notifications.endpoints import WantedEndpoint, create_endpoint
from jeton.notifications.events import Event, emit
from jeton.notifications.notifier import Notifier
from jeton.notifications.outbox import fan_out
from jeton.notifications.quiet.choices import AlertChoices, set_choices
from jeton.notifications.quiet.looking import find_unusual
from jeton.notifications.quiet.snoozes import snooze
from jeton.pricing.book import PriceBook
from jeton.usage import Usage
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


async def put_on(pool: Pool, *days: date) -> None:
    """All sums so far as those of these days, whatever day it is now."""
    async with pool.connection() as connection:
        await connection.execute("CREATE TEMP TABLE again ON COMMIT DROP AS SELECT * FROM usage_rollups")
        await connection.execute("DELETE FROM usage_rollups")
        for day_on in days:
            await connection.execute("UPDATE again SET day_on = %s", (day_on,))
            await connection.execute("INSERT INTO usage_rollups SELECT * FROM again")


async def test_a_day_that_costs_twice_the_dearest_of_the_days_before_is_told_once(pool: Pool) -> None:
    """Three days of $0.029 each, then one with a request of $1.60."""
    world = await open_world(pool)
    at = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    await world.bill(Usage(output_tokens=160_000))
    await put_on(pool, at.date())
    async with pool.connection() as connection:
        # Nothing to compare with.
        assert await find_unusual(connection, at) == []
        await connection.execute("CREATE TABLE dear AS SELECT * FROM usage_rollups")
        await connection.execute("DELETE FROM usage_rollups")
    await world.bill()
    await put_on(pool, *(date(2026, 11, day) for day in (17, 18, 19)))
    async with pool.connection() as connection:
        await connection.execute("INSERT INTO usage_rollups SELECT * FROM dear")
    notifier = looking(pool)
    assert await notifier.look(at) == 1
    # A process looks seldom; another one finds what was told already.
    assert [await notifier.look(at), await looking(pool).look(at)] == [0, 0]
    [(_, data)] = await look_up(pool, "spending.unusual")
    assert data == {"day_on": "2026-11-20", "spent": "1.60", "dearest": "0.029"}
    await world.close()


async def test_silence_is_told_once_to_who_wants_to_know(pool: Pool) -> None:
    world = await open_world(pool)
    organization_id = world.organization.organization_id
    used_at = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    async with pool.connection() as connection:
        await connection.execute(
            "INSERT INTO key_uses (key_id, last_used_at) VALUES (%s, %s)", (world.key.key_id, used_at)
        )
    notifier = looking(pool)
    assert await notifier.look(used_at + timedelta(days=3)) == 0
    async with pool.connection() as connection:
        await set_choices(connection, organization_id, AlertChoices(silence_hours=12), by=SYSTEM)
    assert await notifier.look(used_at + timedelta(hours=12, microseconds=-1)) == 0
    assert [await notifier.look(used_at + timedelta(hours=hours)) for hours in (12, 13)] == [1, 0]
    assert await look_up(pool, "requests.silent") == [
        (organization_id, {"last_used_at": "2026-11-20T08:00:00Z", "hours": 12})
    ]
    await world.close()


async def test_who_uses_a_model_is_told_of_its_next_price_with_what_that_means(pool: Pool) -> None:
    """$0.029 at 2 / 0.10 / 10 dollars a million; $0.039 at 0.20 for cache reads: 0.004 + 0.020 + 0.015."""
    world = await open_world(pool)
    at = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    await world.bill()
    await put_on(pool, at.date())
    from_on = date(2026, 12, 10)
    dearer = sonnet(from_on, None, cache_read=200_000_000, model="claude-sonnet-5-5")
    book = PriceBook((replace(SONNET, until_on=from_on), dearer, OTHER))
    async with pool.connection() as connection:
        (event,) = await find_price_changes(connection, book, at)
        assert event.data == PriceChangeComing(
            from_on=from_on, days=30, models=(ModelImpact("claude-sonnet-5-5", "0.029", "0.039", "0.039"),)
        )
        assert "$0.029 would have been $0.039, $0.01 more" in event.data.sentence
        await emit(connection, event)
        assert await find_price_changes(connection, book, at) == []
        # The second notice, three days before; and none for who does not want any.
        (again,) = await find_price_changes(connection, book, at + timedelta(days=17))
        assert isinstance(again.data, PriceChangeComing)
        assert again.data.days == 3
        wanted = AlertChoices(tells_price_changes=False)
        await set_choices(connection, world.organization.organization_id, wanted, by=SYSTEM)
        assert await find_price_changes(connection, book, at + timedelta(days=17)) == []
    await world.close()


async def test_what_is_snoozed_goes_to_nobody_but_the_operators_webhook(pool: Pool) -> None:
    world = await open_world(pool)
    organization_id, at = world.organization.organization_id, clock.now()
    async with pool.connection() as connection:
        await snooze(connection, organization_id, "", until=at + timedelta(hours=1), by=SYSTEM, at=at)
        for owner in (organization_id, None):
            target = AddressRules(allows_private=True).parse("http://127.0.0.1:9/")
            await create_endpoint(connection, owner, WantedEndpoint(target), at=at)
        for number, moment in enumerate((at, at + timedelta(hours=2))):
            await emit(connection, Event(SPENDING_EXAMPLES[0], organization_id, f"unusual {number}", moment))
            await fan_out(connection, has_mailer=False, operator_emails=(), at=moment)
        cursor = await connection.execute(
            "SELECT e.dedup_key, count(*) FROM deliveries AS d JOIN events AS e USING (event_id)"
            " GROUP BY 1 ORDER BY 1"
        )
        assert await cursor.fetchall() == [("unusual 0", 1), ("unusual 1", 2)]
    await world.close()
