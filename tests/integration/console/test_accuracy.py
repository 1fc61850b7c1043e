"""The operator's page of token accuracy: who sees it, what it says, and how an alarm is closed."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import httpx2
import pytest
from starlette.applications import Starlette
from tests.integration.watch.scene import MODEL, Counter, make_watch, of_tokens
from tests.integration.world import World, add_member, open_world

from jeton.console.deps import ConsoleDeps
from jeton.console.routes import console_routes
from jeton.db.pool import Pool
from jeton.identity.passwords import Passwords
from jeton.identity.sessions import open_session
from jeton.identity.sign_in import SignIn, SignInLimiter

OPERATOR = "operator@example.com"
TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


@asynccontextmanager
async def signed_in(world: World, email: str = OPERATOR) -> AsyncIterator[httpx2.AsyncClient]:
    member = await add_member(world, email, "auditor")
    async with world.pool.connection() as connection:
        secret = await open_session(connection, member.member_id)
    sign_in = SignIn(world.pool, Passwords(), SignInLimiter())
    deps = ConsoleDeps(world.pool, sign_in, "Jeton", operator_emails=frozenset({OPERATOR}))
    transport = httpx2.ASGITransport(app=Starlette(routes=console_routes(deps)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://jeton.test") as client:
        client.cookies.set("jeton_session", secret)
        yield client


async def observe(pool: Pool) -> None:
    """Two estimates, one 4 % under and one far over, and a bound that was exceeded."""
    watch = make_watch(pool, Counter(96))
    watch.note(of_tokens(100))
    watch.note(of_tokens(64))
    watch.note(of_tokens(600, is_rehearsal=True, request_id="req_bad"))
    await watch.close()


async def test_only_the_operator_sees_the_page(pool: Pool) -> None:
    world = await open_world(pool)
    async with signed_in(world, "ada@example.com") as member:
        for path in ("/console/accuracy", "/console/accuracy.json"):
            answer = await member.get(path)
            assert answer.status_code == 403
            assert "JETON_OPERATOR_EMAILS" in answer.text
        overview = await member.get("/console")
        assert "/console/accuracy" not in overview.text
        found = TOKEN.search(overview.text)
        assert found
        act = await member.post("/console/alarms/alarm_1/acknowledge", data={"form_token": found[1]})
        assert act.status_code == 403
    async with signed_in(world) as operator:
        assert 'href="/console/accuracy"' in (await operator.get("/console")).text
    await world.close()


async def test_without_any_request_the_page_says_so(pool: Pool) -> None:
    world = await open_world(pool)
    async with signed_in(world) as operator:
        page = (await operator.get("/console/accuracy")).text
        assert "There was never an alarm." in page
        assert "No prompt was counted again" in page
        assert "No request was settled" in page
        refused = await operator.get("/console/accuracy?days=2")
        assert refused.status_code == 400
    await world.close()


async def test_the_page_and_its_twin_show_the_same_errors(pool: Pool) -> None:
    world = await open_world(pool)
    await observe(pool)
    async with signed_in(world) as operator:
        page = (await operator.get("/console/accuracy?days=7")).text
        twin = (await operator.get("/console/accuracy.json?days=7")).json()
    [row] = twin["counts"]
    # 96 for 100 is -4 %, 96 for 64 is +50 %.
    assert (row["kind"], row["method"], row["observations"]) == ("english", "estimated", 2)
    assert (row["mean_absolute_error_ppm"], row["mean_error_ppm"]) == (270_000, 230_000)
    for shown in ("27.00\u00a0%", "+23.00\u00a0%", "−4.00\u00a0%", "+50.00\u00a0%", "50.00\u00a0%"):
        assert f">{shown}</td>" in page
    [bound] = twin["bounds"]
    assert (bound["observations"], bound["outside"], bound["worst_under_ppm"]) == (3, 1, -166_667)
    assert "−16.67\u00a0%" in page
    ratio = Decimal(bound["counted_tokens"]) / Decimal(bound["reported_tokens"])
    assert f">{ratio:.1f}</td>" in page
    await world.close()


async def test_an_alarm_is_acknowledged_in_the_operators_name(pool: Pool) -> None:
    world = await open_world(pool)
    await observe(pool)
    async with signed_in(world) as operator:
        page = (await operator.get("/console/accuracy")).text
        assert "req_bad" in page
        found = TOKEN.search(page)
        assert found
        [alarm] = (await operator.get("/console/accuracy.json")).json()["alarms"]
        assert (alarm["code"], alarm["subject"], alarm["acknowledged_at"]) == ("bound_exceeded", MODEL, None)
        place = f"/console/alarms/{alarm['id']}/acknowledge"
        assert (await operator.post(place, data={"form_token": "no"})).status_code == 403
        done = await operator.post(place, data={"form_token": found[1]})
        assert (done.status_code, done.headers["location"]) == (303, "/console/accuracy")
        [alarm] = (await operator.get("/console/accuracy.json")).json()["alarms"]
        assert alarm["acknowledged_by"] == OPERATOR
        assert "Acknowledge</button>" not in (await operator.get("/console/accuracy")).text
    await world.close()


@pytest.mark.parametrize("alarm_id", ["alarm_x", "%00", "a" * 300])
async def test_an_alarm_that_is_not_there_is_not_found(pool: Pool, alarm_id: str) -> None:
    world = await open_world(pool)
    async with signed_in(world) as operator:
        found = TOKEN.search((await operator.get("/console/accuracy")).text)
        assert found
        answer = await operator.post(f"/console/alarms/{alarm_id}/acknowledge", data={"form_token": found[1]})
        assert answer.status_code == 404
    await world.close()
