"""The page of rate limits: what is in force, the peaks, and a request for more in the operator's inbox."""

from datetime import timedelta
from uuid import uuid4

import httpx2
import pytest
from starlette.applications import Starlette
from tests.integration.console.test_routes import token_of
from tests.integration.world import BOOK, EMAIL, World, add_member, open_world

from jeton import clock
from jeton.charging.limits.terms import make_terms
from jeton.console.deps import ConsoleDeps
from jeton.console.routes import console_routes
from jeton.db.pool import Pool
from jeton.identity.members import Role
from jeton.identity.passwords import Passwords
from jeton.identity.sessions import open_session
from jeton.identity.sign_in import SignIn, SignInLimiter
from jeton.insight.limits.peaks import find_peaks
from jeton.limits.words import Limits
from jeton.notifications.inbox.items import ItemFilter, list_items
from jeton.usage import Usage
from jeton.watch.minutes import Minute, Minutes, begin_minute, sweep_minutes

PATH = "/console/limits"
FORM = {"group": "sonnet", "requests": "1,000", "reason": "We launch on Monday."}


async def enter(world: World, role: Role = "developer") -> httpx2.AsyncClient:
    """A member on a server with limits of 10 requests and 100,000 input tokens a minute."""
    member = await add_member(world, EMAIL, role)
    async with world.pool.connection() as connection:
        secret = await open_session(connection, member.member_id)
    terms = make_terms({"*": Limits(requests=10, input_tokens=100_000)}, {}, book=BOOK)
    limiter = terms.make_limiter(clock.read_us())
    organization_id = world.organization.organization_id
    assert world.key.workspace_id is not None
    line = limiter.find_line(organization_id, world.key.workspace_id, group="sonnet", at_us=clock.read_us())
    assert line is not None
    line.reserve(1, 1, at_us=clock.read_us())
    deps = ConsoleDeps(
        world.pool,
        SignIn(world.pool, Passwords(), SignInLimiter()),
        brand_name="Jeton",
        limit_terms=terms,
        limiter=limiter,
    )
    transport = httpx2.ASGITransport(app=Starlette(routes=console_routes(deps)))
    client = httpx2.AsyncClient(transport=transport, base_url="http://jeton.test")
    client.cookies.set("jeton_session", secret)
    return client


async def test_limits_stand_beside_what_is_used_and_the_busiest_minute(pool: Pool) -> None:
    """V1 has 2,000 tokens that count, since 100,000 were read from the cache."""
    world = await open_world(pool)
    await world.bill()
    async with await enter(world) as client:
        page = (await client.get(PATH)).text
        (place,) = (await client.get(f"{PATH}.json")).json()["data"]
    by_kind = {limit["type"]: limit for limit in place["limits"]}
    assert (place["group"], place["workspace_id"]) == ("sonnet", None)
    requests = by_kind["requests"]
    assert (requests["limit"], requests["peak"], requests["headroom_ppm"]) == (10, 1, 900_000)
    # On a busy machine what was taken has flowed back by now.
    assert requests["used_on_this_node"] in {0, 1}
    assert (place["refused"], place["bursts"]) == (0, [])
    assert "limit 10" in page
    assert (by_kind["input_tokens"]["limit"], by_kind["input_tokens"]["peak"]) == (100_000, 2_000)
    assert (by_kind["output_tokens"]["limit"], by_kind["output_tokens"]["peak"]) == (None, 1_500)
    assert "10.00\u00a0%" in page
    await world.close()


async def test_a_request_for_more_is_one_item_of_the_inbox_with_the_numbers(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill()
    async with await enter(world) as client:
        token = await token_of(client, PATH)
        for _ in range(2):
            asked = await client.post(PATH, data={**FORM, "form_token": token})
            assert asked.headers["location"] == f"{PATH}?asked=yes"
        assert "with the operator" in (await client.get(f"{PATH}?asked=yes")).text
    async with pool.connection() as connection:
        (item,) = await list_items(connection, ItemFilter(kind="limit_request"))
    assert (item.email, item.times, item.message) == (EMAIL, 2, "We launch on Monday.")
    assert item.details["wanted"] == {"requests": 1_000}
    assert item.details["now"]["requests"] == {"limit": 10, "peak": 1}
    await world.close()


async def test_a_limit_is_tried_on_what_was_used_and_bursts_say_what_would_have_fitted(pool: Pool) -> None:
    """30 passed and 10 were sent back: under 10 a minute 30 of the 40 belong into a batch.

    With 60,000 input tokens of 30 requests 40 come to 80,000, all of it under 100,000.
    """
    world = await open_world(pool)
    workspace_id = world.key.workspace_id
    assert workspace_id is not None
    minute_at = begin_minute(clock.now())
    usage = Usage(2_000, cache_read_input_tokens=7_000, output_tokens=50)
    minutes = Minutes()
    for back, requests, limited in ((2, 30, 10), (4, 5, 0), (60 * 24 * 40, 90, 9)):
        at = minute_at - timedelta(minutes=back)
        minute = Minute(world.organization.organization_id, at, workspace_id, "claude-sonnet-5-5")
        for _ in range(requests):
            minutes.note(minute, usage)
        for _ in range(limited):
            minutes.note_limited(minute)
    minutes.note(Minute(uuid4(), minute_at, workspace_id, "claude-sonnet-5-5"), usage)
    async with pool.connection() as connection:
        await minutes.write(connection)
        await sweep_minutes(connection, clock.now())
    async with await enter(world) as client:
        data = (await client.get(f"{PATH}.json?try=sonnet&requests=20&input_tokens=40,000")).json()
        page = (await client.get(f"{PATH}?try=sonnet&requests=20")).text
        fits = (await client.get(f"{PATH}.json?try=sonnet&requests=30")).json()["trial"]
        wrong = [
            await client.get(f"{PATH}?try={text}")
            for text in ("moon", "sonnet&requests=0", "sonnet&requests=x")
        ]
    trial = data["trial"]
    assert (trial["minutes_with_requests"], trial["requests"], trial["minutes_exceeding"]) == (2, 35, 1)
    assert (trial["requests_that_would_have_waited"], trial["requests_refused_by_the_limits_then"]) == (
        10,
        10,
    )
    by_kind = {limit["type"]: limit for limit in trial["limits"]}
    assert (by_kind["input_tokens"]["peak"], by_kind["input_tokens"]["minutes_exceeding"]) == (60_000, 1)
    assert (by_kind["output_tokens"]["limit"], by_kind["output_tokens"]["minutes_exceeding"]) == (None, 0)
    (burst,) = data["data"][0]["bursts"]
    assert (burst["requests"], burst["refused"], burst["fits_with_batched_requests"]) == (30, 10, 30)
    assert burst["fits_with_cached_input_ppm"] is None
    assert "30 of its 40 requests in a batch" in page
    assert fits["minutes_exceeding"] == 0
    assert [answer.status_code for answer in wrong] == [400, 400, 400]
    await world.close()


@pytest.mark.parametrize(
    ("role", "change", "status"),
    [
        ("auditor", {}, 403),
        ("developer", {"group": "moon"}, 400),
        ("developer", {"requests": "many"}, 400),
        ("developer", {"requests": ""}, 400),
        ("developer", {"reason": " "}, 400),
    ],
)
async def test_what_cannot_be_asked_is_said(
    pool: Pool, role: Role, change: dict[str, str], status: int
) -> None:
    world = await open_world(pool)
    async with await enter(world, role) as client:
        token = await token_of(client, "/console")
        answer = await client.post(PATH, data={**FORM, **change, "form_token": token})
        assert answer.status_code == status
    await world.close()


async def test_a_peak_is_the_busiest_minute_over_all_models_of_a_group(pool: Pool) -> None:
    world = await open_world(pool)
    for _ in range(3):
        await world.bill()
    async with pool.connection() as connection:
        organization_id = world.organization.organization_id
        peaks = await find_peaks(connection, organization_id, {"claude-sonnet-5-5": "sonnet"}, at=clock.now())
    highest = peaks.find_highest(None, "sonnet")
    assert 1 <= highest.requests <= 3
    assert highest.input_tokens == highest.requests * 2_000
    assert peaks.find_highest(world.key.workspace_id, "sonnet") == highest
    assert peaks.find_highest(None, "opus").requests == 0
    await world.close()
