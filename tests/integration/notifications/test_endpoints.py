"""Endpoints over time: what they take, replays, failures that last, and their end."""

import json
from datetime import UTC, datetime

import psycopg
import pytest

from jeton.notifications.endpoints import (
    delete_endpoint,
    set_enabled,
)
from jeton.notifications.errors import NoWebhookError, UnknownEventError
from jeton.notifications.outbox import replay, replay_missed, send_test

from .receiving import answer, make_notifier, receive
from .stage import Stage


async def test_an_endpoint_gets_the_types_it_asked_for_and_nothing_of_others(stage: Stage) -> None:
    other = Stage(stage.pool)
    await other.open()
    async with receive() as ours, receive() as unwanted, receive() as theirs, receive() as operators:
        await stage.add(ours.url, "credit.low_balance", "credit.lot_expiring")
        await stage.add(unwanted.url, "budget.threshold_reached")
        await other.add(theirs.url)
        await stage.add(operators.url, of_operator=True)
        await stage.happen()
        await make_notifier(stage.pool).work_off(stage.clock)
        counts = [len(receiver.requests) for receiver in (ours, unwanted, theirs, operators)]
    assert counts == [1, 0, 0, 1]


async def test_what_was_delivered_or_given_up_is_sent_again_when_asked(stage: Stage) -> None:
    async with receive(answer(200), answer(503), answer(200)) as receiver:
        endpoint, _ = await stage.add(receiver.url)
        event_id = await stage.happen()
        notifier = make_notifier(stage.pool)
        await notifier.work_off(stage.clock)
        async with stage.pool.connection() as connection:
            asked = await replay(connection, stage.organization_id, event_id, at=stage.clock.at)
        assert asked == [endpoint.endpoint_id]
        await notifier.work_off(stage.clock)
        assert await stage.look_up("attempts, delivered_at") == [(1, None)]
        stage.clock.turn(seconds=5)
        await notifier.work_off(stage.clock)
    assert [request.headers["webhook-id"] for request in receiver.requests] == [event_id] * 3
    assert await stage.look_up("attempts, delivered_at") == [(2, stage.clock.at)]


async def test_a_replay_reaches_an_endpoint_that_was_made_later(stage: Stage) -> None:
    event_id = await stage.happen()
    notifier = make_notifier(stage.pool)
    await notifier.work_off(stage.clock)
    async with receive() as receiver:
        async with stage.pool.connection() as connection:
            with pytest.raises(NoWebhookError):
                await replay(connection, stage.organization_id, event_id, at=stage.clock.at)
        endpoint, _ = await stage.add(receiver.url, "alarm.raised")
        async with stage.pool.connection() as connection:
            await replay(
                connection,
                stage.organization_id,
                event_id,
                endpoint_id=endpoint.endpoint_id,
                at=stage.clock.at,
            )
        await notifier.work_off(stage.clock)
        assert len(receiver.requests) == 1


async def test_nobody_replays_the_event_of_another_organization(stage: Stage) -> None:
    other = Stage(stage.pool)
    await other.open()
    event_id = await other.happen()
    for asked in (event_id, "evt_none", "evt_\0"):
        async with stage.pool.connection() as connection:
            with pytest.raises(UnknownEventError):
                await replay(connection, stage.organization_id, asked, at=stage.clock.at)


async def test_a_deleted_endpoint_gets_nothing_more(stage: Stage) -> None:
    async with receive(answer(500)) as receiver:
        endpoint, _ = await stage.add(receiver.url)
        await stage.happen("before")
        notifier = make_notifier(stage.pool)
        await notifier.work_off(stage.clock)
        async with stage.pool.connection() as connection:
            await delete_endpoint(connection, stage.organization_id, endpoint.endpoint_id, at=stage.clock.at)
        await stage.happen("after")
        stage.clock.turn(days=1)
        await notifier.work_off(stage.clock)
    assert len(receiver.requests) == 1
    assert await stage.look_up("gave_up_at IS NOT NULL, last_problem") == [
        (True, "The answer had status 500.")
    ]
    async with stage.pool.connection() as connection:
        kept = await (await connection.execute("SELECT secret FROM webhook_endpoints")).fetchone()
    assert kept == ("whsec_",)


async def try_daily(stage: Stage, days: range) -> None:
    """An event a day, attempted the moment it happens."""
    notifier = make_notifier(stage.pool)
    for day in days:
        await stage.happen(f"day {day}")
        await notifier.work_off(stage.clock)
        stage.clock.turn(days=1)


async def test_five_days_of_failures_disable_an_endpoint_and_that_is_an_event(stage: Stage) -> None:
    async with receive(answer(500)) as receiver:
        endpoint, _ = await stage.add(receiver.url)
        await try_daily(stage, range(5))
        assert (await stage.endpoint(endpoint.endpoint_id)).disabled_at is None
        await try_daily(stage, range(5, 6))
    found = await stage.endpoint(endpoint.endpoint_id)
    assert (found.disabled_reason, found.failing_since) == (
        "failures",
        datetime(2026, 11, 23, 12, tzinfo=UTC),
    )
    assert {due for (due,) in await stage.look_up("next_attempt_at")} == {None}
    async with stage.pool.connection() as connection:
        query = "SELECT organization_id, data FROM events WHERE type = 'webhook.disabled'"
        told = await (await connection.execute(query)).fetchall()
    data = {
        "endpoint_id": endpoint.endpoint_id,
        "url": endpoint.url,
        "reason": "failures",
        "failing_since": "2026-11-23T12:00:00Z",
    }
    assert told == [(stage.organization_id, data)]


async def test_a_success_ends_a_row_of_failures(stage: Stage) -> None:
    async with receive(answer(500)) as receiver:
        endpoint, _ = await stage.add(receiver.url)
        await try_daily(stage, range(1))
        assert (await stage.endpoint(endpoint.endpoint_id)).failing_since is not None
        receiver.answers[:] = [answer(200)]
        await try_daily(stage, range(1, 2))
    assert (await stage.endpoint(endpoint.endpoint_id)).failing_since is None


async def test_gone_disables_at_once_and_enabling_begins_anew(stage: Stage) -> None:
    async with receive(answer(410), answer(200)) as receiver:
        endpoint, _ = await stage.add(receiver.url)
        event_id = await stage.happen()
        notifier = make_notifier(stage.pool)
        await notifier.work_off(stage.clock)
        assert (await stage.endpoint(endpoint.endpoint_id)).disabled_reason == "gone"
        assert await stage.look_up("gave_up_at") == [(stage.clock.at,)]
        async with stage.pool.connection() as connection:
            await set_enabled(connection, endpoint, is_enabled=True, at=stage.clock.at)
            await replay(connection, stage.organization_id, event_id, at=stage.clock.at)
        await notifier.work_off(stage.clock)
    # The second time it hears of its disabling too, in no order.
    delivered = [request.headers["webhook-id"] for request in receiver.requests]
    assert (delivered[0], delivered.count(event_id)) == (event_id, 2)


async def test_a_test_goes_to_its_endpoint_only_whatever_that_takes(stage: Stage) -> None:
    async with receive() as tested, receive() as other:
        endpoint, _ = await stage.add(tested.url, "budget.forecast_breach")
        await stage.add(other.url)
        async with stage.pool.connection() as connection:
            await send_test(connection, endpoint, at=stage.clock.at)
        await make_notifier(stage.pool).work_off(stage.clock)
        assert (len(tested.requests), len(other.requests)) == (1, 0)
    assert json.loads(tested.requests[0].body)["type"] == "webhook.test"


async def test_events_are_facts(stage: Stage) -> None:
    await stage.happen()
    async with stage.pool.connection() as connection:
        for change in ("UPDATE events SET type = 'a.b'", "DELETE FROM events"):
            with pytest.raises(psycopg.errors.RaiseException, match="rows of events are facts"):
                async with connection.transaction():
                    await connection.execute(change)  # type: ignore[call-overload, unused-ignore]  # a constant above


async def test_an_endpoint_that_is_well_again_gets_what_it_missed_and_nothing_else(stage: Stage) -> None:
    async with receive(answer(200), answer(410), answer(200)) as receiver:
        endpoint, _ = await stage.add(receiver.url)
        notifier = make_notifier(stage.pool)
        too_old = await stage.happen("delivered")
        await notifier.work_off(stage.clock)
        stage.clock.turn(hours=1)
        since = stage.clock.at
        missed = [await stage.happen("given up")]
        await notifier.work_off(stage.clock)
        missed.append(await stage.happen("while it was disabled"))
        # The first of these tells of the disabling itself, which it takes as well.
        await notifier.work_off(stage.clock)
        disabled = await stage.endpoint(endpoint.endpoint_id)
        async with stage.pool.connection() as connection:
            with pytest.raises(NoWebhookError):
                await replay_missed(connection, disabled, since=since, at=stage.clock.at)
            await set_enabled(connection, disabled, is_enabled=True, at=stage.clock.at)
        enabled = await stage.endpoint(endpoint.endpoint_id)
        async with stage.pool.connection() as connection:
            event_ids = await replay_missed(connection, enabled, since=since, at=stage.clock.at)
            assert await replay_missed(connection, enabled, since=since, at=stage.clock.at) == []
        await notifier.work_off(stage.clock)
    assert set(missed) < set(event_ids)
    assert len(event_ids) == 3
    sent = [request.headers["webhook-id"] for request in receiver.requests]
    assert sent[:2] == [too_old, missed[0]]
    assert sorted(sent[2:]) == sorted(event_ids)
