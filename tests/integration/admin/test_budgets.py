"""Budgets over the Admin API: made, changed, listed and ended, and what bad requests get."""

from typing import Any

import pytest
from tests.integration.admin.test_routes import client_of
from tests.integration.world import V1, World, open_world

from jeton.db.pool import Pool
from jeton.ledger.budgets.errors import BudgetExceededError

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


BAD = {
    "no amount": ({"limit": "ten", "period": "day"}, 400, "invalid_amount"),
    "nothing": ({"limit": "0", "period": "day"}, 400, "invalid_budget"),
    "another period": ({"limit": "1", "period": "year"}, 400, "invalid_body"),
    "an unknown zone": ({"limit": "1", "period": "day", "zone": "Mars/Olympus"}, 400, "unknown_zone"),
    "two scopes": ({"limit": "1", "period": "day", "key_id": "a", "workspace_id": "b"}, 400, "invalid_body"),
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
