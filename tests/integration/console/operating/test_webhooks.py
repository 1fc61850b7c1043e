"""Webhooks in the Console: made, rotated, tested, sent again and deleted, by whoever may."""

import re
from datetime import UTC, datetime

import pytest
from tests.integration.console.operating.scene import OPERATOR, seated
from tests.integration.world import World, open_world

from jeton import clock
from jeton.db.pool import Pool
from jeton.identity.audit import list_audit
from jeton.notifications.catalogue import TYPES
from jeton.notifications.catalogue.testing import AlertTest
from jeton.notifications.events import Event, emit
from jeton.notifications.outbox import claim, fan_out

PLACE = "/console/webhooks"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{44}")
URL = "http://127.0.0.1:9/hook"


async def secrets_of(world: World) -> list[str]:
    """What the next attempt is signed with."""
    async with world.pool.connection() as connection:
        (claimed,) = await claim(connection, limit=1, has_mailer=False, at=clock.now())
    return claimed.list_secrets(clock.now())


async def test_a_secret_is_shown_once_and_replaced_without_a_gap(pool: Pool) -> None:
    world = await open_world(pool)
    async with seated(world) as seat:
        form = {"url": URL, "description": "d", "type:credit.low_balance": "yes"}
        first = SECRET.findall((await seat.post(PLACE, **form)).text)[0]
        (hook,) = (await seat.client.get(f"{PLACE}.json")).json()["data"]
        assert hook["event_types"] == ["credit.low_balance"]
        one = f"{PLACE}/{hook['id']}"
        assert not SECRET.search(await seat.text(PLACE) + await seat.text(one))
        second = SECRET.findall((await seat.post(f"{one}/rotate", overlap="24")).text)[0]
        assert (await seat.post(f"{one}/rotate", overlap="1000")).status_code == 400
        await seat.post(f"{one}/test")
        assert await secrets_of(world) == [second, first]
        third = SECRET.findall((await seat.post(f"{one}/rotate", overlap="0")).text)[0]
        (delivery,) = (await seat.client.get(f"{one}.json")).json()["deliveries"]
        assert (await seat.post(f"{one}/replay", event_id=delivery["event_id"])).status_code == 303
        assert await secrets_of(world) == [third]
    await world.close()


async def test_a_webhook_is_disabled_enabled_and_deleted(pool: Pool) -> None:
    world = await open_world(pool)
    async with seated(world) as seat:
        await seat.post(PLACE, url=URL)
        (hook,) = (await seat.client.get(f"{PLACE}.json")).json()["data"]
        one = f"{PLACE}/{hook['id']}"
        await seat.post(f"{one}/enable", is_enabled="no")
        assert "because somebody asked" in await seat.text(one)
        assert (await seat.post(f"{one}/replay-missed", since="2026-11-01")).status_code == 409
        await seat.post(f"{one}/enable", is_enabled="yes")
        assert (await seat.post(f"{one}/replay-missed", since="2026-11-01")).status_code == 200
        assert (await seat.post(f"{one}/replay-missed", since="soon")).status_code == 400
        assert (await seat.post(f"{one}/delete")).headers["location"] == PLACE
        assert (await seat.client.get(one)).status_code == 404
        assert (await seat.post(PLACE, url="ftp://x")).status_code == 400
    await world.close()


async def test_the_operators_webhooks_get_everybodys_events_and_are_the_operators_alone(pool: Pool) -> None:
    world = await open_world(pool)
    place = "/console/operator-webhooks"
    async with seated(world) as member:
        await member.post(PLACE, url=URL)
        assert (await member.client.get(place)).status_code == 403
        assert (await member.post(place, url=URL)).status_code == 403
    async with seated(world, OPERATOR) as seat:
        every = {f"type:{name}": "yes" for name in TYPES}
        assert SECRET.search((await seat.post(place, url=URL, description="d", **every)).text)
        (hook,) = (await seat.client.get(f"{place}.json")).json()["data"]
        assert (hook["organization_id"], hook["event_types"]) == (None, list(TYPES))
        one = f"{place}/{hook['id']}"
        assert (await seat.client.get(f"{PLACE}/{hook['id']}")).status_code == 404
        chosen = {"type:inbox.item_opened": "yes", "type:credit.low_balance": "yes"}
        assert (await seat.post(f"{one}/types", **chosen)).status_code == 303
        twin = (await seat.client.get(f"{one}.json")).json()
        assert twin["event_types"] == ["inbox.item_opened", "credit.low_balance"]
        await seat.post(f"{one}/types")
        assert (await seat.client.get(f"{one}.json")).json()["event_types"] is None
    async with world.pool.connection() as connection:
        entries = [entry for entry in await list_audit(connection) if entry.subject == hook["id"]]
    assert [(entry.actor_kind, entry.actor) for entry in entries] == [("operator", OPERATOR)] * 3
    await world.close()


async def test_what_was_delivered_in_some_days_is_sent_again_if_asked_for(pool: Pool) -> None:
    world = await open_world(pool)
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    async with seated(world) as seat:
        await seat.post(PLACE, url=URL)
        (hook,) = (await seat.client.get(f"{PLACE}.json")).json()["data"]
        again = f"{PLACE}/{hook['id']}/replay-missed"
        async with world.pool.connection() as connection:
            await emit(
                connection,
                Event(AlertTest(asked_by="ada@example.com"), world.organization.organization_id, "one", at),
            )
            await fan_out(connection, has_mailer=False, operator_emails=(), at=at)
            await connection.execute("UPDATE deliveries SET delivered_at = now(), next_attempt_at = NULL")
        days = {"since": "2026-11-20", "until": "2026-11-21"}
        assert "It missed nothing" in (await seat.post(again, **days)).text
        later = await seat.post(again, since="2026-11-21", is_again="yes")
        assert "It missed nothing" in later.text
        assert "1 event goes" in (await seat.post(again, **days, is_again="yes")).text
        # What is on its way is not sent twice.
        assert "It missed nothing" in (await seat.post(again, **days, is_again="yes")).text
        assert (await seat.post(again, since="2026-11-21", until="2026-11-20")).status_code == 400
    await world.close()


async def test_another_organizations_webhook_is_not_there(pool: Pool) -> None:
    world, other = await open_world(pool), await open_world(pool, name="Other")
    async with seated(other, "bob@example.com") as theirs:
        await theirs.post(PLACE, url=URL)
        (hook,) = (await theirs.client.get(f"{PLACE}.json")).json()["data"]
    one = f"{PLACE}/{hook['id']}"
    async with seated(world) as seat:
        for path in (one, f"{one}.json"):
            assert (await seat.client.get(path)).status_code == 404
        for act in ("rotate", "enable", "delete", "test", "replay", "replay-missed"):
            answer = await seat.post(f"{one}/{act}", overlap="24", event_id="evt_1", since="2026-11-01")
            assert answer.status_code == 404, act
    await world.close()
    await other.close()


@pytest.mark.parametrize("role", ["developer", "billing", "auditor"])
async def test_who_may_not_manage_webhooks_sees_none(pool: Pool, role: str) -> None:
    world = await open_world(pool)
    async with seated(world, role=role) as seat:  # type: ignore[arg-type]  # one of the roles
        assert (await seat.client.get(PLACE)).status_code == 403
        assert (await seat.post(PLACE, url=URL)).status_code == 403
        assert PLACE not in await seat.text("/console")
    await world.close()
