"""Writing requests under an idempotency key: done once, answered the same again, never something else."""

import asyncio
from typing import Any

import httpx2
import pytest
from tests.integration.admin.test_routes import client_of
from tests.integration.world import World, open_world

from jeton.db.pool import Pool

BUDGETS = "/v1/organizations/budgets"
KEYS = "/v1/organizations/api_keys"
WEBHOOKS = "/v1/organizations/webhooks"
TABLES = ("budgets", "api_keys", "webhook_endpoints", "audit_entries")
BUDGET = {"limit": "10.00", "period": "month"}
WEBHOOK = {"url": "https://8.8.8.8/hook"}


async def ask(
    world: World, path: str, body: dict[str, Any] | None, *, key: str, method: str = "POST"
) -> httpx2.Response:
    async with client_of(world, world.admin_secret) as client:
        return await client.request(method, path, json=body, headers={"idempotency-key": key})


async def count(pool: Pool, table: str) -> int:
    async with pool.connection() as connection:
        row = await (await connection.execute(f"SELECT count(*) FROM {table}")).fetchone()  # noqa: S608 - a name of ours
    assert row is not None
    return int(row[0])


async def test_the_same_again_gets_the_same_answer_and_makes_nothing(pool: Pool) -> None:
    world = await open_world(pool)
    first = await ask(world, BUDGETS, BUDGET, key="rollout-1")
    again = await ask(world, BUDGETS, {"period": "month", "limit": "10.00"}, key="rollout-1")
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert await count(pool, "budgets") == 1
    assert await count(pool, "audit_entries WHERE action = 'budgets.created'") == 1
    await world.close()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (BUDGETS, {**BUDGET, "limit": "20.00"}),
        (BUDGETS, {**BUDGET, "zone": "Asia/Tokyo"}),
        (KEYS, {"name": "ci"}),
        (WEBHOOKS, WEBHOOK),
    ],
)
async def test_something_else_under_the_key_conflicts_and_writes_nothing(
    pool: Pool, path: str, body: dict[str, Any]
) -> None:
    world = await open_world(pool)
    await ask(world, BUDGETS, BUDGET, key="one")
    before = [await count(pool, table) for table in TABLES]
    refused = await ask(world, path, body, key="one")
    assert refused.status_code == 409
    assert refused.json()["error"]["details"]["error_code"] == "idempotency_key_reused"
    after = [await count(pool, table) for table in TABLES]
    assert after == before
    await world.close()


async def test_twenty_at_once_make_one_budget(pool: Pool) -> None:
    world = await open_world(pool)
    answers = await asyncio.gather(*(ask(world, BUDGETS, BUDGET, key="storm") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await count(pool, "budgets") == 1
    await world.close()


async def test_a_refusal_leaves_the_key_free(pool: Pool) -> None:
    world = await open_world(pool)
    refused = await ask(world, BUDGETS, {**BUDGET, "zone": "Mars/Olympus"}, key="k")
    assert refused.status_code == 400
    assert (await ask(world, BUDGETS, BUDGET, key="k")).status_code == 200
    await world.close()


async def test_the_secret_of_a_key_is_shown_once_and_stored_nowhere(pool: Pool) -> None:
    world = await open_world(pool)
    first = (await ask(world, KEYS, {"name": "ci"}, key="k")).json()
    again = (await ask(world, KEYS, {"name": "ci"}, key="k")).json()
    assert first["secret"].startswith("sk-jtn-")
    assert again == {**first, "secret": None}
    assert await count(pool, f"credit_requests WHERE outcome LIKE '%{first['secret']}%'") == 0
    await world.close()


async def test_every_other_write_is_done_once_too(pool: Pool) -> None:
    world = await open_world(pool)
    hook = (await ask(world, WEBHOOKS, WEBHOOK, key="w")).json()
    assert (await ask(world, WEBHOOKS, WEBHOOK, key="w")).json()["id"] == hook["id"]
    assert await count(pool, "webhook_endpoints") == 1
    path = f"{WEBHOOKS}/{hook['id']}"
    events = [(await ask(world, f"{path}/test", {}, key="t")).json()["event_id"] for _ in range(2)]
    assert events[0] == events[1]
    assert await count(pool, "events WHERE type = 'webhook.test'") == 1
    # To delete it again would find nothing; under the key it is the same answer.
    deleted = [(await ask(world, path, None, key="d", method="DELETE")).status_code for _ in range(2)]
    assert deleted == [200, 200]
    assert (await ask(world, path, None, key="d2", method="DELETE")).status_code == 404
    await world.close()


async def test_the_same_key_of_another_organization_is_another_key(pool: Pool) -> None:
    world, other = await open_world(pool), await open_world(pool, name="Other")
    first, second = await ask(world, BUDGETS, BUDGET, key="k"), await ask(other, BUDGETS, BUDGET, key="k")
    assert first.json()["id"] != second.json()["id"]
    await world.close()
    await other.close()


async def test_a_key_that_cannot_be_one_is_refused(pool: Pool) -> None:
    world = await open_world(pool)
    refused = await ask(world, BUDGETS, BUDGET, key="x" * 201)
    assert (refused.status_code, await count(pool, "budgets")) == (400, 0)
    await world.close()
