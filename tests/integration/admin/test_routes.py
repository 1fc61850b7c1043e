"""The Admin API over HTTP: who may ask, what it answers, and what bad requests get."""

from decimal import Decimal

import httpx2
import pytest
from starlette.applications import Starlette
from tests.integration.world import World, open_world

from jeton.admin.deps import AdminDeps
from jeton.admin.resource import BODY_BYTES_MAX
from jeton.admin.routes import admin_routes
from jeton.db.pool import Pool
from jeton.identity.key_ring import KeyRing


def client_of(world: World, secret: str) -> httpx2.AsyncClient:
    app = Starlette(routes=admin_routes(AdminDeps(world.pool, KeyRing(world.pool))))
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app),
        base_url="http://jeton.test",
        headers={"x-api-key": secret} if secret else {},
    )


async def test_the_balance_adds_up_in_exact_dollars(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill()
    await world.hold(1_000_000_001)
    async with client_of(world, world.admin_secret) as client:
        response = await client.get("/v1/organizations/balance")
    shown = response.json()
    assert response.status_code == 200
    assert response.headers["request-id"].startswith("req_")
    assert (shown["granted"], shown["used"], shown["held"], shown["available"], shown["currency"]) == (
        "5.00", "0.029", "1.000000001", "3.970999999", "USD",
    )  # fmt: skip
    parts = ("used", "held", "expired", "refunded", "pending", "available")
    for amounts in (shown, *shown["lots"]):
        assert Decimal(amounts["granted"]) == sum(Decimal(amounts[part]) for part in parts)
    await world.close()


async def test_a_bearer_token_is_as_good_as_the_header(pool: Pool) -> None:
    world = await open_world(pool)
    async with client_of(world, "") as client:
        response = await client.get(
            "/v1/organizations/me", headers={"authorization": f"Bearer {world.admin_secret}"}
        )
    assert response.json() == {
        "type": "organization",
        "id": str(world.organization.organization_id),
        "name": "Example GmbH",
    }
    await world.close()


@pytest.mark.parametrize(
    "path", ["me", "balance", "workspaces", "api_keys"], ids=["me", "balance", "workspaces", "keys"]
)
async def test_only_an_admin_key_may_ask_about_the_organization(pool: Pool, path: str) -> None:
    world = await open_world(pool)
    wanted = {
        world.secret: (403, "permission_error", "admin_key_required"),
        "sk-jtn-admin-unknown": (401, "authentication_error", "key_unknown"),
        "": (401, "authentication_error", "key_missing"),
    }
    for secret, (status, kind, code) in wanted.items():
        async with client_of(world, secret) as client:
            response = await client.get(f"/v1/organizations/{path}")
        shown = response.json()
        assert response.status_code == status
        assert shown["type"] == "error"
        assert shown["error"]["type"] == kind
        assert shown["error"]["details"] == {"error_code": code}
        assert shown["request_id"] == response.headers["request-id"]
    await world.close()


async def test_a_key_is_created_shown_once_used_and_revoked(pool: Pool) -> None:
    world = await open_world(pool)
    async with client_of(world, world.admin_secret) as client:
        created = (await client.post("/v1/organizations/api_keys", json={"name": "ci"})).json()
        listed = (await client.get("/v1/organizations/api_keys", params={"limit": 2})).json()
        rest = (await client.get("/v1/organizations/api_keys", params={"after_id": listed["last_id"]})).json()
        assert created["secret"].startswith("sk-jtn-api-")
        assert created["status"] == "active"
        assert (listed["has_more"], rest["has_more"]) == (True, False)
        assert [key["id"] for key in rest["data"]] == [created["id"]]
        assert "secret" not in rest["data"][0]
        assert rest["data"][0]["partial_key_hint"] == f"sk-jtn-api-…{created['secret'][-4:]}"
        revoked = await client.post(
            f"/v1/organizations/api_keys/{created['id']}", json={"status": "archived"}
        )
        assert revoked.json()["status"] == "archived"
    async with client_of(world, created["secret"]) as client:
        response = await client.get("/v1/receipts/req_none")
    assert response.status_code == 401
    assert response.json()["error"]["details"] == {"error_code": "key_revoked"}
    await world.close()


async def test_a_key_is_restricted_and_what_is_not_named_stays(pool: Pool) -> None:
    world = await open_world(pool)
    path = "/v1/organizations/api_keys"
    async with client_of(world, world.admin_secret) as client:
        body = {"name": "ci", "networks": ["192.0.2.0/24"]}
        created = (await client.post(path, json=body)).json()
        assert (created["models"], created["networks"]) == (None, ["192.0.2.0/24"])
        path = f"{path}/{created['id']}"
        for bad in ({"models": ["claude-nothing-1"]}, {"networks": ["here"]}):
            answer = await client.post(path, json=bad)
            assert answer.json()["error"]["details"] == {"error_code": "invalid_restriction"}
        assert (await client.post(path, json={"networks": None})).json()["networks"] is None
        named = (await client.post(path, json={"networks": ["192.0.2.7"]})).json()
        assert (named["models"], named["networks"]) == (None, ["192.0.2.7/32"])
        assert (await client.post(path, json={"name": "other"})).json()["networks"] == ["192.0.2.7/32"]
    await world.close()


async def test_the_workspaces_are_listed_the_default_first(pool: Pool) -> None:
    world = await open_world(pool)
    async with client_of(world, world.admin_secret) as client:
        shown = (await client.get("/v1/organizations/workspaces")).json()
    assert [(item["id"], item["is_default"]) for item in shown["data"]] == [(world.key.workspace_id, True)]
    await world.close()


async def test_a_receipt_is_for_its_workspace_and_its_organization_alone(pool: Pool) -> None:
    ours, theirs = await open_world(pool), await open_world(pool, name="Theirs")
    charge = await ours.bill()
    statuses = {}
    for secret in (ours.secret, ours.admin_secret, theirs.secret, theirs.admin_secret):
        async with client_of(ours, secret) as client:
            response = await client.get(f"/v1/receipts/{charge.request_id}")
            statuses[secret] = response.status_code
            if response.status_code == 200:
                assert response.json()["net_amount"] == "0.029"
    assert list(statuses.values()) == [200, 200, 404, 404]
    await ours.close()
    await theirs.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"name": 1}', 400),
        (b'{"name": ""}', 400),
        (b'{"name": "a\\u0000b"}', 400),
        (b'{"name": "\xff"}', 400),
        (b'{"name": "x", "surprise": 1}', 400),
        (b'{"name": "x", "kind": "root"}', 400),
        (b'{"name": "x", "expires_at": "2020-01-01T00:00:00Z"}', 400),
        (b'{"name": "x", "expires_at": "2036-01-01T00:00:00"}', 400),
        (b'{"name": "x", "workspace_id": "wrkspc_none"}', 404),
        (b'{"name": "x", "workspace_id": "\\u0000"}', 400),
        (b"[" * 20_000, 400),
        (b" " * (BODY_BYTES_MAX + 1), 413),
    ],
)
async def test_a_bad_body_creates_no_key_and_says_why(pool: Pool, body: bytes, status: int) -> None:
    world = await open_world(pool)
    async with client_of(world, world.admin_secret) as client:
        response = await client.post("/v1/organizations/api_keys", content=body)
        keys = (await client.get("/v1/organizations/api_keys")).json()["data"]
    assert response.status_code == status
    assert response.json()["error"]["message"]
    assert len(keys) == 2
    await world.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/v1/organizations/balance", 405),
        ("POST", "/v1/organizations/me", 405),
        ("GET", "/v1/organizations/api_keys?limit=0", 400),
        ("GET", "/v1/organizations/api_keys?limit=1000000000000000000000000", 400),
        ("GET", "/v1/organizations/api_keys?limit=²", 400),
        ("GET", "/v1/organizations/api_keys?limit=000000000000000000011000000", 400),
        ("GET", f"/v1/organizations/api_keys?limit={'0' * 19}1{'9' * 5000}", 400),
        ("GET", "/v1/organizations/api_keys?after_id=%00", 400),
        ("POST", "/v1/organizations/api_keys/apikey_none", 404),
        ("POST", "/v1/organizations/api_keys/%00", 404),
        ("GET", "/v1/receipts/req_none", 404),
        ("GET", "/v1/receipts/%00", 404),
        ("GET", "/v1/receipts/%F0%9F%92%B0", 404),
    ],
)
async def test_a_bad_request_gets_its_status_and_the_envelope(
    pool: Pool, method: str, path: str, status: int
) -> None:
    world = await open_world(pool)
    async with client_of(world, world.admin_secret) as client:
        response = await client.request(method, path, content=b'{"status": "inactive"}')
    assert response.status_code == status
    assert response.json()["type"] == "error"
    await world.close()


async def test_without_a_database_the_answer_is_overloaded_and_not_a_lie(pool: Pool) -> None:
    world = await open_world(pool)
    await world.close()
    async with client_of(world, world.admin_secret) as client:
        await pool.close()
        response = await client.get("/v1/organizations/balance")
    assert response.status_code == 529
    assert response.json()["error"]["type"] == "overloaded_error"
