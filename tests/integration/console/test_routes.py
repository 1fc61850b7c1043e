"""The Console over HTTP: signing in, what the pages show, and what forms refuse."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from starlette.applications import Starlette
from tests.integration.world import EMAIL, PASSWORD, World, add_member, open_world

from jeton import clock
from jeton.charging.words import Rule
from jeton.console.deps import ConsoleDeps
from jeton.console.routes import console_routes
from jeton.db.pool import Pool
from jeton.identity.errors import RevokedKeyError
from jeton.identity.key_ring import KeyRing
from jeton.identity.members import Role
from jeton.identity.passwords import Passwords
from jeton.identity.sessions import find_session, open_session
from jeton.identity.sign_in import SignIn, SignInLimiter

PAGES = ("/console", "/console/usage", "/console/cost", "/console/requests", "/console/keys")
TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')
SECRET = re.compile(r"sk-jtn-(?:api|admin)-[\w-]{43}")


def client_of(world: World, *, base_url: str = "", is_rehearsal: bool = False) -> httpx2.AsyncClient:
    sign_in = SignIn(world.pool, Passwords(), SignInLimiter())
    deps = ConsoleDeps(world.pool, sign_in, "Jeton", base_url, "support@example.com", is_rehearsal)
    transport = httpx2.ASGITransport(app=Starlette(routes=console_routes(deps)))
    return httpx2.AsyncClient(transport=transport, base_url=base_url or "http://jeton.test")


@asynccontextmanager
async def signed_in(
    world: World, *, role: Role = "admin", email: str = EMAIL
) -> AsyncIterator[httpx2.AsyncClient]:
    member = await add_member(world, email, role)
    async with world.pool.connection() as connection:
        secret = await open_session(connection, member.member_id)
    async with client_of(world) as client:
        client.cookies.set("jeton_session", secret)
        yield client


async def token_of(client: httpx2.AsyncClient, path: str) -> str:
    found = TOKEN.search((await client.get(path)).text)
    assert found
    return found[1]


async def test_signing_in_leads_where_one_wanted_to_go_and_signing_out_ends_it(pool: Pool) -> None:
    world = await open_world(pool)
    await add_member(world)
    async with client_of(world) as client:
        turned_away = await client.get("/console/usage?from=2026-11-01")
        assert turned_away.status_code == 303
        place = turned_away.headers["location"]
        assert place == "/console/sign-in?next=/console/usage%3Ffrom%3D2026-11-01"
        form = {
            "form_token": await token_of(client, place),
            "next": "/console/usage?from=2026-11-01",
            "email": EMAIL,
            "password": PASSWORD,
        }
        welcome = await client.post("/console/sign-in", data=form)
        assert (welcome.status_code, welcome.headers["location"]) == (303, "/console/usage?from=2026-11-01")
        cookie = welcome.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        secret = client.cookies["jeton_session"]
        token = await token_of(client, "/console")
        goodbye = await client.post("/console/sign-out", data={"form_token": token})
        assert goodbye.headers["location"] == "/console/sign-in"
    async with pool.connection() as connection:
        assert await find_session(connection, secret, at=clock.now()) is None
    await world.close()


async def test_with_https_the_cookie_is_never_sent_over_http(pool: Pool) -> None:
    world = await open_world(pool)
    async with client_of(world, base_url="https://jeton.test") as client:
        response = await client.get("/console/sign-in")
    assert "; secure" in response.headers["set-cookie"].lower()
    await world.close()


async def test_behind_a_proxy_forms_come_from_the_address_that_people_use(pool: Pool) -> None:
    world = await open_world(pool)
    await add_member(world)
    async with client_of(world, base_url="https://jeton.test") as client:
        for origin, status in (("https://jeton.test", 303), ("https://evil.test", 403)):
            token = await token_of(client, "/console/sign-in")
            form = {"form_token": token, "email": EMAIL, "password": PASSWORD}
            headers = {"host": "10.0.0.5:8080", "origin": origin}
            response = await client.post("/console/sign-in", data=form, headers=headers)
            assert response.status_code == status
            client.cookies.clear()
    await world.close()


async def test_a_wrong_password_stays_at_the_door(pool: Pool) -> None:
    world = await open_world(pool)
    await add_member(world)
    async with client_of(world) as client:
        token = await token_of(client, "/console/sign-in")
        form = {"form_token": token, "email": EMAIL, "password": "a wrong password"}
        response = await client.post("/console/sign-in", data=form)
        assert response.status_code == 401
        assert "do not belong together" in response.text
        assert "a wrong password" not in response.text
        assert "jeton_session" not in client.cookies
    await world.close()


@pytest.mark.parametrize(
    "place",
    ["https://evil.example/console", "//evil.example/console", "/\\evil.example", "/v1/x", "javascript:1"],
)
async def test_the_way_after_signing_in_never_leads_elsewhere(pool: Pool, place: str) -> None:
    world = await open_world(pool)
    async with signed_in(world) as client:
        response = await client.get("/console/sign-in", params={"next": place})
    assert response.headers["location"] == "/console"
    await world.close()


async def test_every_page_is_sealed_and_has_a_twin(pool: Pool) -> None:
    world = await open_world(pool)
    charge = await world.bill()
    async with signed_in(world) as client:
        for path in (*PAGES, f"/console/requests/{charge.request_id}"):
            page, twin = await client.get(path), await client.get(f"{path}.json")
            assert (page.status_code, twin.status_code) == (200, 200)
            assert twin.headers["content-type"] == "application/json"
            assert twin.json()["type"]
            for response in (page, twin):
                assert response.headers["content-security-policy"].startswith("default-src 'self'")
                assert response.headers["cache-control"] == "no-store"
                assert response.headers["x-content-type-options"] == "nosniff"
            assert "style=" not in page.text
            scripts = re.findall(r"<script.*?</script>", page.text, re.DOTALL)
            assert all(re.fullmatch(r'<script src="/static/[\w.]+" defer></script>', one) for one in scripts)
            assert not re.search(r"<[^>]+\son\w+=", page.text)
            assert "As of" in page.text
    await world.close()


async def test_a_twin_without_a_session_is_a_401_and_not_a_form(pool: Pool) -> None:
    world = await open_world(pool)
    async with client_of(world) as client:
        for path in PAGES:
            response = await client.get(f"{path}.json")
            assert response.status_code == 401
            assert response.json()["type"] == "error"
    await world.close()


async def test_the_pages_show_the_charge_exactly_and_agree(pool: Pool) -> None:
    world = await open_world(pool)
    charge = await world.bill()
    async with signed_in(world) as client:
        overview = await client.get("/console")
        usage = await client.get("/console/usage")
        requests = await client.get("/console/requests")
        receipt = await client.get(f"/console/requests/{charge.request_id}")
        twins = (await client.get("/console.json")).json()
    for page in (usage, requests, receipt):
        assert '<span class="money" title="$0.029000000">$0.029</span>' in page.text
    assert (
        '<span class="money" title="$4.971000000">$4.97<span class="finer">1</span></span>' in overview.text
    )
    assert "100,000 × $0.10 ÷ 1,000,000 = $0.01" in receipt.text
    assert "claude-sonnet-5-5@2026-10-07" in receipt.text
    assert twins["balance"]["used"] == twins["usage"]["totals"]["net_amount"] == "0.029"
    assert twins["requests"]["data"][0]["net_amount"] == "0.029"
    await world.close()


async def test_requests_are_filtered_and_paged_by_the_address(pool: Pool) -> None:
    world = await open_world(pool)
    for _ in range(51):
        await world.charging.release(await world.hold(1000), Rule.UPSTREAM_FAILED)
    async with signed_in(world) as client:
        first = (await client.get("/console/requests.json")).json()
        rest = (await client.get("/console/requests.json", params={"before": first["next_id"]})).json()
        none = (await client.get("/console/requests.json", params={"state": "settled"})).json()
        page = await client.get("/console/requests")
    assert (len(first["data"]), first["has_more"]) == (50, True)
    assert (len(rest["data"]), rest["has_more"]) == (1, False)
    assert none["data"] == []
    assert f"before={first['next_id']}" in page.text
    await world.close()


async def test_a_key_is_made_shown_once_and_revoked_on_the_page(pool: Pool) -> None:
    world = await open_world(pool)
    async with signed_in(world) as client:
        token = await token_of(client, "/console/keys")
        form = {"form_token": token, "name": "<b>laptop</b>", "kind": "api", "life": "30"}
        created = await client.post("/console/keys", data=form)
        found = SECRET.search(created.text)
        assert found
        assert "<b>laptop</b>" not in created.text
        caller = await KeyRing(pool).authenticate(found[0])
        again = await client.get("/console/keys")
        assert not SECRET.search(again.text)
        revoked = await client.post(f"/console/keys/{caller.key_id}/revoke", data={"form_token": token})
        assert revoked.status_code == 303
    with pytest.raises(RevokedKeyError):
        await KeyRing(pool).authenticate(found[0])
    await world.close()


@pytest.mark.parametrize(
    ("role", "kind", "status"),
    [
        ("admin", "admin", 200),
        ("developer", "api", 200),
        ("developer", "admin", 403),
        ("billing", "api", 403),
        ("auditor", "api", 403),
    ],
)
async def test_a_role_decides_which_keys_one_may_make(pool: Pool, role: Role, kind: str, status: int) -> None:
    world = await open_world(pool)
    async with signed_in(world, role=role) as client:
        token = await token_of(client, "/console/keys")
        form = {"form_token": token, "name": "x", "kind": kind, "life": "0"}
        response = await client.post("/console/keys", data=form)
        data = (await client.get("/console/keys.json")).json()["data"]
    assert response.status_code == status
    assert len(data) == (3 if status == 200 else 2)
    await world.close()


async def test_a_form_without_its_token_or_from_elsewhere_does_nothing(pool: Pool) -> None:
    world = await open_world(pool)
    path = f"/console/keys/{world.key.key_id}/revoke"
    async with signed_in(world) as client:
        token = await token_of(client, "/console/keys")
        answers = [
            await client.post(path),
            await client.post(path, data={"form_token": "0" * 64}),
            await client.post(path, data={"form_token": "é"}),
            await client.post(path, data={"form_token": token}, headers={"origin": "https://evil.example"}),
            await client.post(path, data={"form_token": token}, headers={"origin": "null"}),
            await client.post("/console/sign-out", data={}),
            await client.post("/console/sign-in", data={"email": EMAIL, "password": PASSWORD}),
        ]
        assert [answer.status_code for answer in answers] == [403] * 7
        assert (await client.get("/console")).status_code == 200
    await KeyRing(pool).authenticate(world.secret)
    await world.close()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/console/usage?from=yesterday", 400),
        ("/console/usage?from=2026-11-02&until=2026-11-01", 400),
        ("/console/usage?from=0001-01-01", 400),
        ("/console/requests?state=lost", 400),
        ("/console/requests?model=%00", 400),
        ("/console/requests?before=" + "x" * 257, 400),
        ("/console/requests/req_none", 404),
        ("/console/requests/%00", 404),
        ("/console/requests/%00.json", 404),
    ],
)
async def test_a_bad_address_is_told_what_is_wrong(pool: Pool, path: str, status: int) -> None:
    world = await open_world(pool)
    async with signed_in(world) as client:
        response = await client.get(path)
    assert response.status_code == status
    assert "Traceback" not in response.text
    await world.close()


async def test_a_bad_form_is_told_what_is_wrong(pool: Pool) -> None:
    world = await open_world(pool)
    async with signed_in(world) as client:
        token = await token_of(client, "/console/keys")
        good = {"form_token": token, "name": "x", "kind": "api", "life": "0"}
        for bad, status in (
            ({**good, "name": ""}, 400),
            ({**good, "kind": "root"}, 400),
            ({**good, "life": "-1"}, 400),
            ({**good, "name": "x" * 20_000}, 400),
            ({**good, **{f"f{number}": "x" for number in range(60)}}, 400),
        ):
            assert (await client.post("/console/keys", data=bad)).status_code == status
        assert (await client.post("/console/keys", content=b"\xff=\xff")).status_code == 400
        assert (await client.post("/console/keys/%00/revoke", data={"form_token": token})).status_code == 404
    await world.close()


async def test_another_organization_is_not_there(pool: Pool) -> None:
    ours, theirs = await open_world(pool), await open_world(pool, name="Theirs")
    charge = await theirs.bill()
    async with signed_in(ours) as client:
        token = await token_of(client, "/console/keys")
        receipt = await client.get(f"/console/requests/{charge.request_id}")
        revoked = await client.post(f"/console/keys/{theirs.key.key_id}/revoke", data={"form_token": token})
        overview = await client.get("/console.json")
    assert (receipt.status_code, revoked.status_code) == (404, 404)
    assert overview.json()["requests"]["data"] == []
    await KeyRing(pool).authenticate(theirs.secret)
    await ours.close()
    await theirs.close()


async def test_rehearsal_is_said_on_every_page(pool: Pool) -> None:
    world = await open_world(pool)
    member = await add_member(world)
    async with pool.connection() as connection:
        secret = await open_session(connection, member.member_id)
    async with client_of(world, is_rehearsal=True) as client:
        client.cookies.set("jeton_session", secret)
        for path in PAGES:
            assert "<strong>Rehearsal:</strong>" in (await client.get(path)).text
    await world.close()


async def test_without_a_database_the_page_says_so(pool: Pool) -> None:
    world = await open_world(pool)
    async with signed_in(world) as client:
        await world.close()
        await pool.close()
        response = await client.get("/console")
    assert response.status_code == 503
    assert "database is away" in response.text
