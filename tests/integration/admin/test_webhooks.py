"""Webhooks over the Admin API: made, seen, changed, tried, replayed and deleted."""

import json
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from starlette.applications import Starlette
from tests.integration.notifications.receiving import PRIVATE, make_notifier, receive
from tests.integration.world import World, open_world

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.routes import admin_routes
from jeton.db.pool import Pool
from jeton.identity.key_ring import KeyRing
from jeton.notifications.addresses import AddressRules
from jeton.notifications.catalogue import LowBalance
from jeton.notifications.events import Event, emit

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOOKS = "/v1/organizations/webhooks"


def client_of(world: World, secret: str, *, rules: AddressRules = PRIVATE) -> httpx2.AsyncClient:
    app = Starlette(routes=admin_routes(AdminDeps(world.pool, KeyRing(world.pool), rules)))
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app),
        base_url="http://jeton.test",
        headers={"x-api-key": secret},
    )


async def happen(world: World, key: str) -> str:
    data = LowBalance(remaining="0.42", threshold="1.00")
    event = Event(data, world.organization.organization_id, key, AT)
    async with world.pool.connection() as connection:
        await emit(connection, event)
    return event.event_id


async def test_a_webhook_from_its_making_to_its_end(pool: Pool) -> None:
    world = await open_world(pool)
    async with receive() as receiver, client_of(world, world.admin_secret) as client:
        body = {"url": receiver.url, "event_types": ["credit.low_balance"], "description": "pager"}
        made = (await client.post(HOOKS, json=body)).json()
        assert made["secret"].startswith("whsec_")
        assert (made["status"], made["event_types"]) == ("enabled", ["credit.low_balance"])
        assert made["created_by"].startswith("apikey_")
        one = f"{HOOKS}/{made['id']}"
        shown = {name: value for name, value in made.items() if name != "secret"}
        assert (await client.get(HOOKS)).json()["data"] == [shown]
        assert (await client.get(one)).json() == shown

        event_id = await happen(world, "a")
        notifier = make_notifier(pool)
        await notifier.work_off(lambda: AT)
        [delivery] = (await client.get(f"{one}/deliveries")).json()["data"]
        assert (delivery["event_id"], delivery["state"], delivery["last_status"]) == (
            event_id,
            "delivered",
            204,
        )
        [event] = (await client.get("/v1/organizations/events")).json()["data"]
        assert (event["id"], event["event_type"], event["delivered"]) == (event_id, "credit.low_balance", 1)
        assert event["data"] == {"remaining": "0.42", "threshold": "1.00"}

        again = await client.post(f"/v1/organizations/events/{event_id}/replay", json={})
        assert again.json()["webhook_ids"] == [made["id"]]
        missed = await client.post(f"{one}/replay", json={"since": "2026-11-01T00:00:00Z"})
        assert (missed.json()["event_ids"], missed.json()["has_more"]) == ([], False)
        tested = (await client.post(f"{one}/test")).json()
        # Repeated and tested deliveries are due by the real clock, which is before AT or after it.
        while await notifier.work_off(lambda: max(AT, clock.now()) + timedelta(minutes=1)):
            pass
        ids = [request.headers["webhook-id"] for request in receiver.requests]
        # The last two went out at once.
        assert ids[0] == event_id
        assert set(ids[1:]) == {event_id, tested["event_id"]}

        changed = await client.post(one, json={"is_enabled": False, "event_types": None})
        assert (changed.json()["status"], changed.json()["event_types"]) == ("disabled", None)
        refused = await client.post(f"/v1/organizations/events/{event_id}/replay", json={})
        assert (refused.status_code, refused.json()["error"]["details"]) == (
            409,
            {"error_code": "no_webhook"},
        )
        assert (await client.post(one, json={"is_enabled": True})).json()["status"] == "enabled"
        assert (await client.delete(one)).json() == {"type": "webhook_deleted", "id": made["id"]}
        assert (await client.get(one)).status_code == 404
        assert (await client.get(HOOKS)).json()["data"] == []
    await world.close()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "https://127.0.0.1/"}, "webhook_address_refused"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "webhook_address_refused"),
        ({"url": "http://8.8.8.8/"}, "webhook_address_refused"),
        ({"url": "https://8.8.8.8/", "event_types": ["no.such"]}, "event_type_unknown"),
        ({"url": "https://8.8.8.8/", "description": "x" * 201}, "invalid_description"),
        ({"url": "https://8.8.8.8/", "descripton": "x"}, "invalid_body"),
        ({}, "invalid_body"),
    ],
    ids=["loopback", "mapped", "plain", "type", "long", "unknown field", "empty"],
)
async def test_a_bad_webhook_is_one_clear_error_and_nothing_written(
    pool: Pool, body: dict[str, object], code: str
) -> None:
    world = await open_world(pool)
    async with client_of(world, world.admin_secret, rules=AddressRules()) as client:
        response = await client.post(HOOKS, json=body)
        assert (response.status_code, response.json()["error"]["details"]) == (400, {"error_code": code})
        assert (await client.get(HOOKS)).json()["data"] == []
    await world.close()


async def test_there_is_a_most_of_webhooks(pool: Pool) -> None:
    world = await open_world(pool)
    async with client_of(world, world.admin_secret) as client:
        for number in range(20):
            assert (await client.post(HOOKS, json={"url": f"http://10.0.0.{number}/"})).status_code == 200
        response = await client.post(HOOKS, json={"url": "http://10.0.0.20/"})
        assert (response.status_code, response.json()["error"]["type"]) == (409, "conflict_error")
    await world.close()


async def test_nobody_sees_or_touches_the_webhooks_of_another_organization(pool: Pool) -> None:
    ours, theirs = await open_world(pool), await open_world(pool, name="Other AG")
    event_id = await happen(theirs, "theirs")
    async with client_of(theirs, theirs.admin_secret) as client:
        made = (await client.post(HOOKS, json={"url": "http://10.0.0.1/"})).json()
    async with client_of(ours, ours.admin_secret) as client:
        one = f"{HOOKS}/{made['id']}"
        answers = [
            await client.get(one),
            await client.delete(one),
            await client.post(one, json={"is_enabled": False}),
            await client.post(f"{one}/test"),
            await client.get(f"{one}/deliveries"),
            await client.post(f"/v1/organizations/events/{event_id}/replay", json={}),
            await client.get(f"{HOOKS}/whep_%00"),
        ]
        assert [answer.status_code for answer in answers] == [404] * 7
        assert (await client.get("/v1/organizations/events")).json()["data"] == []
    async with client_of(ours, ours.secret) as client:
        assert (await client.get(HOOKS)).status_code == 403
    await ours.close()
    await theirs.close()


async def test_events_come_page_by_page_newest_first(pool: Pool) -> None:
    world = await open_world(pool)
    made = [await happen(world, f"{number}") for number in range(5)]
    async with client_of(world, world.admin_secret) as client:
        seen: list[str] = []
        before_id = ""
        while True:
            query = {"limit": "2", "before_id": before_id}
            page = (await client.get("/v1/organizations/events", params=query)).json()
            seen += [event["id"] for event in page["data"]]
            before_id = page["last_id"]
            if not page["has_more"]:
                break
        other = await client.get("/v1/organizations/events", params={"type": "alarm.raised"})
    assert seen == made[::-1]
    assert json.loads(other.text)["data"] == []
    await world.close()
