"""The operator's inbox in the Console: seen and decided by operators only."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from starlette.applications import Starlette
from tests.integration.world import EMAIL, USD, World, add_member, open_world

from jeton.charging.credits.inbox import SalesRequest, open_item
from jeton.console.deps import ConsoleDeps
from jeton.console.routes import console_routes
from jeton.db.pool import Pool
from jeton.identity.audit import list_audit
from jeton.identity.passwords import Passwords
from jeton.identity.sessions import open_session
from jeton.identity.sign_in import SignIn, SignInLimiter
from jeton.insight.balance import get_balance

ASKED = SalesRequest(EMAIL, "Bob <script>", "Example Ltd", "Two months,\nplease.")
TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


@asynccontextmanager
async def signed_in(world: World, operators: frozenset[str]) -> AsyncIterator[httpx2.AsyncClient]:
    member = await add_member(world, EMAIL, "admin")
    deps = ConsoleDeps(
        world.pool, SignIn(world.pool, Passwords(), SignInLimiter()), "Jeton", operator_emails=operators
    )
    async with world.pool.connection() as connection:
        secret = await open_session(connection, member.member_id)
    transport = httpx2.ASGITransport(app=Starlette(routes=console_routes(deps)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://jeton.test") as client:
        client.cookies.set("jeton_session", secret)
        yield client


async def ask(pool: Pool) -> str:
    async with pool.connection() as connection:
        return await open_item(connection, ASKED)


async def token_of(client: httpx2.AsyncClient) -> str:
    found = TOKEN.search((await client.get("/console/inbox")).text)
    assert found
    return found[1]


async def test_an_operator_approves_and_declines(pool: Pool) -> None:
    """The writer's organization is filled in; the grant and the word are in the operator's name."""
    world = await open_world(pool)
    first, second = await ask(pool), await ask(pool)
    organization_id = world.organization.organization_id
    async with signed_in(world, frozenset({EMAIL})) as client:
        page = (await client.get("/console/inbox")).text
        assert str(organization_id) in page
        assert "<script>" not in page
        form = {"form_token": await token_of(client), "reason": "two months"}
        grant = {"amount": "500.00", "kind": "commit", "days": "60", "organization_id": str(organization_id)}
        approved = await client.post(f"/console/inbox/{first}/approve", data={**form, **grant})
        declined = await client.post(f"/console/inbox/{second}/decline", data=form)
        again = await client.post(f"/console/inbox/{first}/approve", data={**form, **grant})
        twin = (await client.get("/console/inbox.json?state=decided")).json()
    assert (approved.status_code, declined.status_code, again.status_code) == (303, 303, 409)
    assert {item["id"]: item["state"] for item in twin["data"]} == {first: "approved", second: "declined"}
    async with pool.connection() as connection:
        balance = await get_balance(connection, organization_id)
        entries = await list_audit(connection)
    assert (balance.amounts.available_nano, balance.owed_nano) == (505 * USD, 500 * USD)
    assert {entry.actor for entry in entries if entry.action.startswith("inbox.")} == {EMAIL}
    await world.close()


async def test_nobody_else_sees_or_decides(pool: Pool) -> None:
    """An administrator of an organization is no operator."""
    world = await open_world(pool)
    item_id = await ask(pool)
    async with signed_in(world, frozenset()) as client:
        assert (await client.get("/console/inbox")).status_code == 403
        assert "/console/inbox" not in (await client.get("/console")).text
        found = TOKEN.search((await client.get("/console")).text)
        assert found
        form = {"form_token": found[1], "reason": "x", "amount": "1", "kind": "commit", "days": "1"}
        for word in ("approve", "decline"):
            assert (await client.post(f"/console/inbox/{item_id}/{word}", data=form)).status_code == 403
    await world.close()


async def test_a_form_that_makes_no_sense_changes_nothing(pool: Pool) -> None:
    """A kind that is not offered, days and an amount that are none, an organization that is none."""
    world = await open_world(pool)
    item_id = await ask(pool)
    good = {"amount": "1.00", "kind": "commit", "days": "1", "reason": "x", "organization_id": ""}
    bad = [{"kind": "paid"}, {"days": "-1"}, {"days": "1.5"}, {"amount": "-1"}, {"amount": "x"}]
    bad += [{"organization_id": "nobody"}, {"reason": ""}]
    async with signed_in(world, frozenset({EMAIL})) as client:
        token = await token_of(client)
        for wrong in bad:
            form = {**good, **wrong, "form_token": token}
            response = await client.post(f"/console/inbox/{item_id}/approve", data=form)
            assert response.status_code == 400, wrong
        missing = await client.post("/console/inbox/inbox_none/decline", data={**good, "form_token": token})
        twin = (await client.get("/console/inbox.json")).json()
    assert missing.status_code == 404
    assert [item["state"] for item in twin["data"]] == ["open"]
    await world.close()
