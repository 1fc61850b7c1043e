"""``jeton webhooks`` against a database, as it is typed."""

import asyncio
import json
from typing import Any

import pytest
from tests.integration.world import open_world

from jeton.cli import run
from jeton.db.pool import open_pool
from jeton.notifications.catalogue import LowBalance
from jeton.notifications.events import Event, emit


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETON_DATABASE_URL", database_url)
    monkeypatch.setenv("JETON_WEBHOOK_PRIVATE_NETWORKS", "yes")


def prepare(database_url: str) -> Event:
    async def happen() -> Event:
        pool = await open_pool(database_url)
        world = await open_world(pool)
        data = LowBalance(remaining="0.42", threshold="1.00")
        event = Event(data, world.organization.organization_id, "a", world.organization.created_at)
        async with pool.connection() as connection:
            await emit(connection, event)
        await world.close()
        await pool.close()
        return event

    return asyncio.run(happen())


def typed(*words: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        run(["webhooks", *words])
    assert ended.value.code in (0, None)
    return capsys.readouterr().out


def read(*words: str, capsys: pytest.CaptureFixture[str]) -> Any:  # noqa: ANN401 - JSON of any shape
    return json.loads(typed(*words, "--json", capsys=capsys))


def test_a_webhook_is_made_seen_switched_tried_and_deleted(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    event = prepare(database_url)
    made = read("create", "http://10.0.0.1/", "--event", "credit.low_balance", capsys=capsys)
    assert made["secret"].startswith("whsec_")
    assert (made["created_by"], made["event_types"]) == ("command line", ["credit.low_balance"])
    webhook_id = made["id"]
    assert webhook_id in typed("list", capsys=capsys)
    assert typed("replay", event.event_id, capsys=capsys) == f"{event.event_id} goes again to {webhook_id}.\n"
    assert "is on its way" in typed("test", webhook_id, capsys=capsys)
    deliveries = read("deliveries", webhook_id, capsys=capsys)
    assert [delivery["event_type"] for delivery in deliveries] == ["webhook.test", "credit.low_balance"]
    assert {delivery["state"] for delivery in deliveries} == {"waiting"}
    assert "waiting" in typed("deliveries", webhook_id, capsys=capsys)
    assert '"remaining": "0.42"' in typed("events", "--type", "credit.low_balance", capsys=capsys)
    assert typed("recover", webhook_id, capsys=capsys) == f"0 events go to {webhook_id}.\n"
    typed("disable", webhook_id, capsys=capsys)
    [shown] = read("list", capsys=capsys)
    assert (shown["status"], shown["disabled_reason"]) == ("disabled", "asked")
    typed("enable", webhook_id, capsys=capsys)
    typed("delete", webhook_id, capsys=capsys)
    assert read("list", capsys=capsys) == []


def test_the_operators_webhooks_are_its_own_and_see_every_event(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    event = prepare(database_url)
    secret = typed("create", "http://10.0.0.1/", "--operator", capsys=capsys)
    assert secret.startswith("whsec_")
    assert read("list", capsys=capsys) == []
    [shown] = read("list", "--operator", capsys=capsys)
    assert shown["organization_id"] is None
    [seen] = read("events", "--operator", capsys=capsys)
    assert (seen["id"], seen["organization_id"]) == (event.event_id, str(event.organization_id))
    typed("replay", event.event_id, "--operator", "--webhook", shown["id"], capsys=capsys)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("create", "https://169.254.169.254/"), 2, "a link-local address, which is never allowed"),
        (("create", "http://10.0.0.1/", "--event", "no.such"), 2, "There is no event of type 'no.such'"),
        (("replay", "evt_none"), 1, "There is no event evt_none here."),
        (("test", "whep_none"), 1, "There is no webhook whep_none here."),
    ],
    ids=["address", "type", "event", "webhook"],
)
def test_a_mistake_is_one_sentence(
    database_url: str, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, sentence: str
) -> None:
    prepare(database_url)
    assert run(["webhooks", *words]) == code
    assert sentence in capsys.readouterr().err
