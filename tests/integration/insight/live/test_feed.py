"""The feed of charges: who is told what, once, in order, and what happens to whoever reads too slowly."""

from datetime import timedelta

import msgspec
import pytest
from tests.integration.world import OTHER, World, open_world

from jeton import clock
from jeton.charging.words import Rule
from jeton.db.pool import Pool
from jeton.insight.live import feed as feeds
from jeton.insight.live.feed import Feed, ListenersFullError
from jeton.insight.live.reading import make_place, read_ended
from jeton.insight.live.streaming import InvalidLastEventError, StreamAsk, open_stream
from jeton.insight.requests import ChargeFilter


def names_of(events: bytes) -> list[str]:
    return [
        line.removeprefix("event: ") for line in events.decode().splitlines() if line.startswith("event:")
    ]


def data_of(events: bytes) -> list[dict[str, object]]:
    lines = events.decode().splitlines()
    return [msgspec.json.decode(line.removeprefix("data: ")) for line in lines if line.startswith("data:")]


def ask_of(world: World, **fields: object) -> StreamAsk:
    return StreamAsk(world.organization.organization_id, **fields)  # type: ignore[arg-type]  # as the test says


async def test_what_ends_is_told_once_in_order_to_its_organization(pool: Pool) -> None:
    ours, theirs = await open_world(pool), await open_world(pool, name="Theirs")
    feed = Feed(pool, interval_s=60)
    async with feed.listen(ours.organization.organization_id) as listener:
        first, _ = await ours.bill(), await theirs.bill()
        second = await ours.charging.release(await ours.hold(), Rule.UPSTREAM_FAILED)
        await feed.look()
        await feed.look()
        told = await listener.wait()
        third = await ours.bill()
        await feed.look()
        told += await listener.wait()
    assert [ended.charge.request_id for ended in told] == [
        first.request_id,
        second.request_id,
        third.request_id,
    ]
    assert [ended.charge.net_nano for ended in told] == [29_000_000, 0, 29_000_000]
    await ours.close()
    await theirs.close()


async def test_what_ended_before_is_not_told_and_nobody_asks_when_nobody_listens(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill()
    feed = Feed(pool, interval_s=60)
    assert not feed.is_read
    async with feed.listen(world.organization.organization_id) as listener:
        assert feed.is_read
        after = await world.bill()
        await feed.look()
        assert [ended.charge.request_id for ended in await listener.wait()][-1:] == [after.request_id]
    assert not feed.is_read
    await world.close()


async def test_a_look_that_is_full_is_gone_on_with_where_it_ended(pool: Pool) -> None:
    """A hold and a settlement each: of six transactions the fourth settles the second request."""
    world = await open_world(pool)
    before = make_place(clock.now() - timedelta(seconds=1))
    organization_ids = [world.organization.organization_id]
    charges = [await world.bill() for _ in range(3)]
    found: list[str] = []
    rounds = 0
    async with pool.connection() as connection:
        place: str | None = before
        while place is not None:
            read = await read_ended(connection, organization_ids, place, scanned_max=2)
            found += [ended.charge.request_id for ended in read.ended]
            place, rounds = read.more_after, rounds + 1
    assert found == [charge.request_id for charge in charges]
    assert rounds > 1
    await world.close()


async def test_whoever_reads_too_slowly_is_let_go_and_told_so(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await open_world(pool)
    monkeypatch.setattr(feeds, "QUEUED_MAX", 2)
    feed = Feed(pool, interval_s=60)
    events = await open_stream(feed, ask_of(world))
    assert names_of(await anext(events)) == ["ready"]
    for _ in range(4):
        await world.bill()
    await feed.look()
    last = await anext(events)
    assert data_of(last) == [{"type": "end", "reason": "too_slow"}]
    with pytest.raises(StopAsyncIteration):
        await anext(events)
    assert not feed.is_read
    await world.close()


async def test_a_stream_begins_again_after_its_last_event(pool: Pool) -> None:
    world = await open_world(pool)
    feed = Feed(pool, interval_s=60)
    first, missed = await world.bill(), await world.bill()
    ask = ask_of(world, last_id=first.transaction_id)
    events = await open_stream(feed, ask)
    await anext(events)
    told = await anext(events)
    assert [event["request_id"] for event in data_of(told)] == [first.request_id, missed.request_id]
    assert b"id: " + missed.transaction_id.encode() in told
    await events.aclose()  # type: ignore[attr-defined]  # it is a generator
    old = f"txn_{0:012x}{missed.transaction_id[16:]}"
    events = await open_stream(feed, ask_of(world, last_id=old))
    await anext(events)
    assert names_of(await anext(events)) == ["gap", "charge", "charge"]
    await events.aclose()  # type: ignore[attr-defined]  # it is a generator
    await world.close()


async def test_filters_apply_and_silence_is_a_heartbeat(pool: Pool) -> None:
    world = await open_world(pool)
    feed = Feed(pool, interval_s=60)
    wanted = ChargeFilter(model="claude-other-1")
    events = await open_stream(feed, ask_of(world, wanted=wanted, heartbeat_s=0.05))
    await anext(events)
    assert names_of(await anext(events)) == ["heartbeat"]
    await world.bill()
    other = await world.bill(version=OTHER)
    await feed.look()
    told = data_of(await anext(events))
    charged, spent = told
    assert (charged["request_id"], charged["net_amount"]) == (other.request_id, "0.029")
    assert charged["held_amount"] == "1.00"
    # $0.029 in a minute, in whole nano a second; what the filter left out is not in it.
    assert (spent["type"], spent["requests"], spent["net_amount"]) == ("spend", 1, "0.029")
    assert (spent["net_amount_per_second"], spent["held_amount"]) == ("0.000483333", "1.00")
    assert spent["by_key"] == [{"api_key_id": world.key.key_id, "requests": 1, "net_amount": "0.029"}]
    await events.aclose()  # type: ignore[attr-defined]  # it is a generator
    await world.close()


async def test_a_closed_feed_lets_everybody_go(pool: Pool) -> None:
    world = await open_world(pool)
    feed = Feed(pool, interval_s=60)
    events = await open_stream(feed, ask_of(world))
    await anext(events)
    feed.close()
    assert data_of(await anext(events)) == [{"type": "end", "reason": "stopping"}]
    late = await open_stream(feed, ask_of(world))
    await anext(late)
    assert names_of(await anext(late)) == ["end"]
    await world.close()


async def test_too_many_listeners_are_refused_with_the_number(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await open_world(pool)
    monkeypatch.setattr(feeds, "LISTENERS_OF_ONE_MAX", 1)
    feed = Feed(pool, interval_s=60)
    organization_id = world.organization.organization_id
    async with feed.listen(organization_id):
        with pytest.raises(ListenersFullError, match=r"^1 live streams"):
            await open_stream(feed, ask_of(world))
    async with feed.listen(organization_id):
        pass
    await world.close()


@pytest.mark.parametrize("last_id", ["x", "txn_", "txn_" + "g" * 32, "req_" + "0" * 32, "txn_" + "f" * 32])
def test_a_last_event_that_is_none_is_refused(last_id: str) -> None:
    with pytest.raises(InvalidLastEventError):
        StreamAsk(organization_id=None, last_id=last_id)  # type: ignore[arg-type]  # it is not looked at
