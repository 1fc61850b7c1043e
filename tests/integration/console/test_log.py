"""The request log: its columns, its filters, its file, and the stream that it follows."""

import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx2
import pytest
from starlette.applications import Starlette
from tests.integration.console.test_routes import signed_in
from tests.integration.world import EMAIL, OTHER, World, add_member, open_world

from jeton.admin.deps import AdminDeps
from jeton.admin.routes import admin_routes
from jeton.console.deps import ConsoleDeps
from jeton.console.routes import console_routes
from jeton.db.pool import Pool
from jeton.identity.key_ring import KeyRing
from jeton.identity.passwords import Passwords
from jeton.identity.sessions import open_session
from jeton.identity.sign_in import SignIn, SignInLimiter
from jeton.insight.live.feed import Feed
from jeton.insight.requests import ChargeFilter, list_charges, make_first_id

PATH = "/console/requests"


@asynccontextmanager
async def following(world: World, feed: Feed) -> AsyncIterator[httpx2.AsyncClient]:
    member = await add_member(world, EMAIL, "developer")
    async with world.pool.connection() as connection:
        secret = await open_session(connection, member.member_id)
    deps = ConsoleDeps(
        world.pool, SignIn(world.pool, Passwords(), SignInLimiter()), brand_name="Jeton", live=feed
    )
    routes = [
        *console_routes(deps),
        *admin_routes(AdminDeps(world.pool, KeyRing(world.pool), live=feed)),
    ]
    transport = httpx2.ASGITransport(app=Starlette(routes=routes))
    async with httpx2.AsyncClient(transport=transport, base_url="http://jeton.test") as client:
        client.cookies.set("jeton_session", secret)
        yield client


async def test_a_row_has_tokens_by_class_what_was_saved_and_what_was_paid(pool: Pool) -> None:
    """V1 reads 100,000 of 102,000 prompt tokens: 98.04 %; $0.219 list less $0.19 saved is $0.029."""
    world = await open_world(pool)
    charge = await world.bill()
    async with signed_in(world) as client:
        page = (await client.get(PATH)).text
        (row,) = (await client.get(f"{PATH}.json")).json()["data"]
    for text in ("98.04\u00a0%", "$0.219", "$0.19", "$0.029", f'href="{PATH}/{charge.request_id}"'):
        assert text in page
    assert (row["list_amount"], row["saved_amount"], row["net_amount"]) == ("0.219", "0.19", "0.029")
    assert (row["cache_read_ppm"], row["service_tier"]) == (980_392, "standard")
    await world.close()


async def test_the_file_has_the_rows_of_the_page_and_no_formulas(pool: Pool) -> None:
    world = await open_world(pool)
    first, second = await world.bill(), await world.bill(version=OTHER)
    async with pool.connection() as connection:
        await connection.execute("UPDATE api_keys SET name = '=1+1' WHERE key_id = %s", (world.key.key_id,))
    async with signed_in(world) as client:
        answer = await client.get(f"{PATH}.csv")
        filtered = await client.get(f"{PATH}.csv", params={"model": "claude-other-1"})
        refused = await client.get(f"{PATH}.csv", params={"state": "lost"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["request_id"] for row in rows] == [second.request_id, first.request_id]
    assert {(row["net_amount"], row["saved_amount"], row["api_key"]) for row in rows} == {
        ("0.029", "0.19", "'=1+1")
    }
    assert [row["request_id"] for row in csv.DictReader(io.StringIO(filtered.text))] == [second.request_id]
    assert refused.status_code == 400
    await world.close()


async def test_a_request_is_found_by_its_id_or_how_that_begins(pool: Pool) -> None:
    world = await open_world(pool)
    charge = await world.bill()
    await world.bill()
    async with signed_in(world) as client:
        for text, count in (
            (charge.request_id, 1),
            (charge.request_id[:8], 2),
            ("req_ffff", 0),
        ):
            found = (await client.get(f"{PATH}.json", params={"request_id": text})).json()["data"]
            assert len(found) == count
        wrong = await client.get(PATH, params={"request_id": "<b>"})
    assert wrong.status_code == 400
    assert "<b>" not in wrong.text
    await world.close()


async def test_a_filter_by_what_is_gone_shows_nothing_and_keeps_it_in_the_form(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill()
    async with signed_in(world) as client:
        page = (await client.get(PATH, params={"workspace_id": "wrkspc_gone", "service_tier": "batch"})).text
    assert "No requests here" in page
    assert '<option value="wrkspc_gone" selected>' in page
    await world.close()


async def test_the_page_and_the_api_follow_the_same_charges(pool: Pool) -> None:
    world = await open_world(pool)
    feed = Feed(pool, interval_s=60)
    async with following(world, feed) as client:
        assert "/static/live.js" in (await client.get(PATH)).text
        feed.close()
        charge = await world.bill()
        last = {"last-event-id": charge.transaction_id}
        live = await client.get(f"{PATH}/live", headers=last)
        for secret, shown in ((world.admin_secret, True), (world.secret, True)):
            api = await client.get("/v1/usage/stream", headers={**last, "x-api-key": secret})
            assert api.headers["content-type"].startswith("text/event-stream")
            assert (charge.request_id in api.text) is shown
        other = await client.get(
            "/v1/usage/stream", params={"model": "x"}, headers={**last, "x-api-key": world.admin_secret}
        )
        bad = await client.get(
            "/v1/usage/stream", headers={"last-event-id": "x", "x-api-key": world.admin_secret}
        )
        nobody = await client.get("/v1/usage/stream")
        client.cookies.clear()
        stranger = await client.get(f"{PATH}/live")
    assert live.headers["content-type"].startswith("text/event-stream")
    assert f'"request_id":"{charge.request_id}"' in live.text
    assert '"net_amount":"0.029"' in live.text
    assert charge.request_id not in other.text
    assert (bad.status_code, bad.json()["error"]["details"]["error_code"]) == (400, "invalid_last_event")
    assert (nobody.status_code, stranger.status_code) == (401, 401)
    await world.close()


async def test_a_range_of_time_is_a_range_of_ids(pool: Pool) -> None:
    world = await open_world(pool)
    charge = await world.bill()
    async with pool.connection() as connection:
        organization_id = world.organization.organization_id
        page = await list_charges(connection, organization_id)
        held_at = page.charges[0].held_at
        hour = timedelta(hours=1)
        for filter_, count in (
            (ChargeFilter(from_at=held_at, until_at=held_at + hour), 1),
            (ChargeFilter(from_at=held_at - hour, until_at=held_at), 0),
            (ChargeFilter(from_at=held_at + hour), 0),
        ):
            found = await list_charges(connection, organization_id, filter_=filter_)
            assert len(found.charges) == count
    assert make_first_id(held_at - hour) < charge.request_id < make_first_id(held_at + hour)
    await world.close()


@pytest.mark.parametrize("query", ["rows=7", "service_tier=fast", "batch_id=x", "request_id=req_X"])
async def test_an_unknown_choice_is_told_what_there_is(pool: Pool, query: str) -> None:
    world = await open_world(pool)
    async with signed_in(world) as client:
        assert (await client.get(f"{PATH}?{query}")).status_code == 400
    await world.close()
