"""The desk: a quote holds and keeps nothing and is what would be held; what failed is sent again once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import msgspec
from starlette.applications import Starlette
from tests.integration.batches.conftest import USD, Shop, pieces, request
from tests.integration.console.test_routes import signed_in, token_of
from tests.integration.world import BOOK, hash_password, open_world

from jeton import clock
from jeton.batches.desk import BatchDesk
from jeton.batches.items import BatchHead, new_batch_id
from jeton.batches.overview import get_organization_batch
from jeton.console.deps import ConsoleDeps
from jeton.console.routes import console_routes
from jeton.db.pool import Pool
from jeton.gateway.batching.judging import ItemJudge
from jeton.identity.keys import create_key
from jeton.identity.members import create_member
from jeton.identity.passwords import Passwords
from jeton.identity.sessions import open_session
from jeton.identity.sign_in import SignIn, SignInLimiter
from jeton.insight.batchable.reading import get_unbatched
from jeton.pricing.rating import Conditions
from jeton.pricing.terms import OwnTerms

PATH = "/console/batches"


@asynccontextmanager
async def at_desk(shop: Shop) -> AsyncIterator[httpx2.AsyncClient]:
    judge = shop.uploads._judge
    assert isinstance(judge, ItemJudge)
    desk = BatchDesk(shop.pool, shop.uploads, judge, shop.keeper.wake)
    async with shop.pool.connection() as connection:
        member = await create_member(
            connection,
            shop.organization_id,
            email="dev@x.com",
            password_hash=hash_password(),
            role="developer",
        )
        secret = await open_session(connection, member.member_id)
    deps = ConsoleDeps(shop.pool, SignIn(shop.pool, Passwords(), SignInLimiter()), "Jeton", batches=desk)
    transport = httpx2.ASGITransport(app=Starlette(routes=console_routes(deps)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://jeton.test") as client:
        client.cookies.set("jeton_session", secret)
        yield client


async def submit_with_key(shop: Shop, *custom_ids: str) -> tuple[str, str]:
    """A batch of a key that is there, and the key's id."""
    async with shop.pool.connection() as connection:
        key, _ = await create_key(connection, shop.organization_id, name="batches")
    assert key.workspace_id is not None
    head = BatchHead(new_batch_id(), shop.organization_id, key.workspace_id, key.key_id, "2023-06-01", "")
    body = msgspec.json.encode({"requests": [request(custom_id) for custom_id in custom_ids]})
    await shop.uploads.receive(head, pieces(body))
    return head.batch_id, key.key_id


async def test_a_quote_is_what_would_be_held_and_keeps_nothing(shop: Shop) -> None:
    requests = [request("a"), request("b"), request("c", model="no-such-model")]
    text = b"\n".join(map(msgspec.json.encode, requests))
    async with at_desk(shop) as client:
        token = await token_of(client, f"{PATH}/quote")
        form = {"form_token": token}
        shown = await client.post(
            f"{PATH}/quote", data=form, files={"file": ("requests.jsonl", text, "application/jsonl")}
        )
        doubled = await client.post(f"{PATH}/quote", data=form, files={"file": ("x", text + b"\n" + text)})
        broken = await client.post(f"{PATH}/quote", data=form, files={"file": ("x", b"{")})
        stale = await client.post(f"{PATH}/quote", data={}, files={"file": ("x", text)})
        empty = (await client.get(f"{PATH}/quote.json")).json()
    assert (await shop.fetch("SELECT count(*) FROM batches"))[0][0] == 0
    assert (await shop.money())[1] == 0
    await shop.submit(requests)
    held_nano = (await shop.fetch("SELECT held_nano FROM batches"))[0][0]
    assert shown.status_code == 200
    # To the nano on hover.
    assert f"{held_nano / USD:.9f}".rstrip("0") in shown.text
    assert "no-such-model" in shown.text
    assert [answer.status_code for answer in (doubled, broken, stale)] == [400, 400, 403]
    assert empty["quote"] is None


async def test_what_failed_is_sent_again_once_and_held(shop: Shop) -> None:
    batch_id, key_id = await submit_with_key(shop, "a", "b")
    await shop.expire(batch_id)
    await shop.keeper.close()
    await shop.keeper.end()
    assert (await shop.money())[1] == 0
    async with at_desk(shop) as client:
        page = (await client.get(f"{PATH}/{batch_id}")).text
        token = await token_of(client, f"{PATH}/{batch_id}")
        form = {"form_token": token}
        await shop.execute("UPDATE api_keys SET paused_at = now() WHERE key_id = %s", key_id)
        paused = await client.post(f"{PATH}/{batch_id}/retry", data=form)
        await shop.execute("UPDATE api_keys SET paused_at = NULL WHERE key_id = %s", key_id)
        sent = await client.post(f"{PATH}/{batch_id}/retry", data=form)
        again = await client.post(f"{PATH}/{batch_id}/retry", data=form)
        after = (await client.get(f"{PATH}/{batch_id}.json")).json()["retry"]
    assert "Retry the 2 that failed" in page
    assert (paused.status_code, sent.status_code, again.status_code) == (403, 303, 409)
    retry_id = sent.headers["location"].rpartition("/")[2]
    assert after == {"requests": 2, "batch_id": retry_id}
    assert (await shop.money())[1] > 0
    for chunk_no in range(await shop.count_chunks(retry_id)):
        await shop.runner.run_chunk(retry_id, chunk_no)
    await shop.keeper.end()
    async with shop.pool.connection() as connection:
        retried = await get_organization_batch(connection, shop.organization_id, retry_id)
    assert (retried.state, retried.succeeded) == ("ended", 2)
    assert set(await shop.results(retry_id)) == {"a", "b"}
    # Nothing of what succeeded is kept.
    assert await shop.fetch("SELECT 1 FROM batch_leftovers WHERE batch_id = %s", retry_id) == []


async def test_without_credit_nothing_is_sent_again_and_it_can_be_tried_later(shop: Shop) -> None:
    batch_id, _ = await submit_with_key(shop, "a")
    await shop.expire(batch_id)
    await shop.keeper.close()
    await shop.keeper.end()
    await shop.execute("UPDATE lots SET expires_at = now() WHERE organization_id = %s", shop.organization_id)
    async with at_desk(shop) as client:
        form = {"form_token": await token_of(client, f"{PATH}/{batch_id}")}
        refused = await client.post(f"{PATH}/{batch_id}/retry", data=form)
        left = (await client.get(f"{PATH}/{batch_id}.json")).json()["retry"]
    assert refused.status_code >= 400
    assert left == {"requests": 1, "batch_id": None}


async def test_what_came_in_crowds_and_was_not_batched_costs_half_as_a_batch(pool: Pool) -> None:
    """V1 is $0.029 by itself and $0.0145 in a batch; 49 requests in a quarter of an hour are no crowd."""
    world = await open_world(pool)
    await world.bill()
    await world.bill(conditions=Conditions("batch"))
    organization_id, reports = world.organization.organization_id, []
    async with pool.connection() as connection:
        for requests in (49, 50):
            await connection.execute("UPDATE usage_quarters SET requests = %s", (requests,))
            reports.append(
                await get_unbatched(connection, organization_id, book=BOOK, own=OwnTerms(()), at=clock.now())
            )
    few, many = reports
    assert (few.crowds_saved_nano, few.saved_nano) == (0, 14_500_000)
    assert (many.crowds_saved_nano, many.saved_nano) == (14_500_000, 14_500_000)
    (row,) = many.rows
    assert (row.model, row.key_id, row.crowds.requests) == ("claude-sonnet-5-5", world.key.key_id, 50)
    async with signed_in(world, role="auditor") as client:
        # Without a price book there is no price of today to compare with.
        assert "not sold in batches" in (await client.get(f"{PATH}/unbatched")).text
        shown = (await client.get(f"{PATH}/unbatched.json")).json()
    assert shown["data"][0]["crowds"]["charged_amount"] == "0.029"
    await world.close()
