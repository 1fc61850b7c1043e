"""Budgets over the Admin API: made, changed, listed and ended, and what bad requests get."""

from typing import Any

import pytest
from tests.integration.admin.test_routes import client_of
from tests.integration.world import V1, World, open_world

from jeton.db.pool import Pool
from jeton.identity.members import create_member
from jeton.ledger.budgets.errors import BudgetExceededError

MODEL = "claude-sonnet-5-5"
PATH = "/v1/organizations/budgets"


async def ask(world: World, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    async with client_of(world, world.admin_secret) as client:
        response = await client.request(method, path, json=body)
    return response.status_code, response.json()


async def test_a_budget_is_made_listed_changed_and_ended(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill(V1)
    status, made = await ask(
        world,
        "POST",
        PATH,
        {"limit": "0.10", "period": "month", "key_id": world.key.key_id, "zone": "Asia/Tokyo"},
    )
    assert status == 200
    assert made["id"].startswith("bdgt_")
    assert made["scope"] == {"type": "key", "key_id": world.key.key_id}
    assert (made["window"]["settled"], made["window"]["left"], made["window"]["percent"]) == (
        "0.029",
        "0.071",
        29,
    )
    await world.hold(50_000_000)
    _, listed = await ask(world, "GET", PATH)
    assert [(one["id"], one["window"]["held"]) for one in listed["data"]] == [(made["id"], "0.05")]
    with pytest.raises(BudgetExceededError):
        await world.hold(50_000_000)
    status, changed = await ask(world, "POST", f"{PATH}/{made['id']}", {"limit": "0.20"})
    assert (status, changed["limit"], changed["window"]["left"]) == (200, "0.20", "0.121")
    await world.hold(50_000_000)
    status, ended = await ask(world, "DELETE", f"{PATH}/{made['id']}")
    assert (status, ended["ended_at"] is not None) == (200, True)
    assert (await ask(world, "GET", PATH))[1]["data"] == []
    assert (await ask(world, "GET", f"{PATH}/{made['id']}"))[0] == 200
    assert (await ask(world, "DELETE", f"{PATH}/{made['id']}"))[0] == 404
    await world.close()


async def test_a_budget_is_of_a_member_a_model_an_end_user_or_a_tag_and_is_tried_first(pool: Pool) -> None:
    """Each of two requests held $1.00 and cost $0.029, so $1.02 has room for one only, of the model."""
    world = await open_world(pool)
    async with pool.connection() as connection:
        organization_id = world.organization.organization_id
        member = await create_member(connection, organization_id, email="ada@example.com", role="developer")
    for _ in range(2):
        await world.bill(V1)
    key = f"/v1/organizations/api_keys/{world.key.key_id}"
    assert (await ask(world, "GET", key))[1]["member_id"] is None
    given = await ask(world, "POST", key, {"member_id": member.member_id})
    assert (given[0], given[1]["member_id"]) == (200, member.member_id)
    body = {"limit": "1.02", "period": "total", "model": MODEL}
    status, run = await ask(world, "POST", f"{PATH}/dry_run", body)
    assert (status, run["requests"], run["refused"], run["refused_net_amount"]) == (200, 2, 1, "0.029")
    settled = {}
    for name, value in {
        "member_id": member.member_id,
        "model": MODEL,
        "end_user": "c 7",
        "tag": "a/b",
    }.items():
        status, made = await ask(world, "POST", PATH, {"limit": "9", "period": "total", name: value})
        assert (status, made["scope"]) == (200, {"type": name.removesuffix("_id"), name: value})
        settled[name] = made["window"]["settled"]
    # The key was nobody's when it was used.
    assert settled == {"member_id": "0.00", "model": "0.058", "end_user": "0.00", "tag": "0.00"}
    assert (await ask(world, "POST", key, {"member_id": "user_x"}))[0] == 404
    assert (await ask(world, "POST", key, {"member_id": None}))[1]["member_id"] is None
    await world.close()


async def test_alerts_are_chosen_snoozed_and_tested(pool: Pool) -> None:
    world = await open_world(pool)
    path = "/v1/organizations/alerts"
    _, made = await ask(world, "POST", PATH, {"limit": "1", "period": "total"})
    status, chosen = await ask(world, "POST", path, {"silence_hours": 12, "tells_anomalies": False})
    assert (status, chosen["alert_choices"]) == (
        200,
        {"tells_anomalies": False, "tells_price_changes": True, "silence_hours": 12},
    )
    _, chosen = await ask(world, "POST", path, {"silence_hours": None})
    assert chosen["alert_choices"]["silence_hours"] is None
    status, quiet = await ask(world, "POST", f"{path}/snooze", {"hours": 24, "budget_id": made["id"]})
    assert (status, [one["budget_id"] for one in quiet["snoozed"]]) == (200, [made["id"]])
    await ask(world, "POST", f"{path}/snooze", {"hours": 0, "budget_id": made["id"]})
    assert (await ask(world, "POST", f"{path}/test"))[0] == 200
    _, shown = await ask(world, "GET", path)
    assert (shown["snoozed"], [one["type"] for one in shown["data"]]) == ([], ["alert.test"])
    assert (await ask(world, "POST", f"{path}/snooze", {"hours": 1, "budget_id": "bdgt_x"}))[0] == 404
    assert (await ask(world, "POST", f"{path}/snooze", {"hours": 745}))[0] == 400
    assert (await ask(world, "POST", path, {"silence_hours": 721}))[0] == 400
    await world.close()


BAD = {
    "no amount": ({"limit": "ten", "period": "day"}, 400, "invalid_amount"),
    "nothing": ({"limit": "0", "period": "day"}, 400, "invalid_budget"),
    "another period": ({"limit": "1", "period": "year"}, 400, "invalid_body"),
    "an unknown zone": ({"limit": "1", "period": "day", "zone": "Mars/Olympus"}, 400, "unknown_zone"),
    "two scopes": ({"limit": "1", "period": "day", "key_id": "a", "workspace_id": "b"}, 400, "invalid_body"),
    "a model without a price": ({"limit": "1", "period": "day", "model": "gpt-9"}, 400, "invalid_budget"),
    "an empty end user": ({"limit": "1", "period": "day", "end_user": ""}, 400, "invalid_budget"),
    "an unknown key": ({"limit": "1", "period": "day", "key_id": "apikey_x"}, 404, "key_id_unknown"),
    "another field": ({"limit": "1", "period": "day", "reset_at": "now"}, 400, "invalid_body"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_budget_is_refused_with_its_code(pool: Pool, name: str) -> None:
    body, status, code = BAD[name]
    world = await open_world(pool)
    answered, shown = await ask(world, "POST", PATH, body)
    assert (answered, shown["error"]["details"]["error_code"]) == (status, code)
    assert (await ask(world, "GET", PATH))[1]["data"] == []
    await world.close()


async def test_the_budgets_of_others_are_not_to_be_had(pool: Pool) -> None:
    world, other = await open_world(pool), await open_world(pool, name="Other")
    _, made = await ask(world, "POST", PATH, {"limit": "1", "period": "total"})
    for method, body in (("GET", None), ("POST", {"limit": "2"}), ("DELETE", None)):
        assert (await ask(other, method, f"{PATH}/{made['id']}", body))[0] == 404
    async with client_of(world, world.secret) as client:
        assert (await client.get(PATH)).status_code == 403
    await world.close()
    await other.close()
