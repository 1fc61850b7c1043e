"""The desk: a quote holds and keeps nothing and is what would be held; what failed is sent again once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from uuid import UUID

import httpx2
import msgspec
from starlette.applications import Starlette
from tests.integration.batches.conftest import USD, Shop, pieces, request
from tests.integration.console.test_routes import signed_in, token_of
from tests.integration.world import BOOK, hash_password, open_world

from jeton import clock
from jeton.batches.desk import BatchDesk
from jeton.batches.drafts import DRAFTS_MAX
from jeton.batches.items import BatchHead, new_batch_id
from jeton.batches.overview import get_organization_batch
from jeton.charging.onboarding import TrialTerms, open_organization
from jeton.console.deps import ConsoleDeps
from jeton.console.routes import console_routes
from jeton.db.pool import Pool
from jeton.gateway.batching.judging import ItemJudge
from jeton.identity.audit import Actor
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
async def at_desk(shop: Shop, organization_id: UUID | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody of the shop's organization, or of another one, at the same Console."""
    judge = shop.uploads._judge
    assert isinstance(judge, ItemJudge)
    desk = BatchDesk(shop.pool, shop.uploads, judge, shop.keeper.wake)
    async with shop.pool.connection() as connection:
        member = await create_member(
            connection,
            organization_id or shop.organization_id,
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


async def test_a_draft_is_confirmed_for_its_quote_and_sent_once(shop: Shop) -> None:
    cached = request("c")
    cached["params"]["system"] = [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]
    text = b"\n".join(map(msgspec.json.encode, (request("a"), request("b"), cached)))
    async with shop.pool.connection() as connection:
        key, _ = await create_key(connection, shop.organization_id, name="sender")
    async with at_desk(shop) as client:
        form = {"form_token": await token_of(client, f"{PATH}/quote"), "key_id": key.key_id}
        none = {"file": ("", b"")}
        kept = await client.post(f"{PATH}/quote", data={**form, "requests": text.decode()}, files=none)
        both = await client.post(
            f"{PATH}/quote", data={**form, "requests": "{}"}, files={"file": ("x", text)}
        )
        wrong = await client.post(
            f"{PATH}/quote", data={**form, "requests": text.decode() + "\n{"}, files=none
        )
        other = await client.post(
            f"{PATH}/quote", data={**form, "key_id": "apikey_x"}, files={"file": ("x", text)}
        )
        draft = kept.headers["location"]
        page, quote = (await client.get(draft)).text, (await client.get(f"{draft}.json")).json()["quote"]
        before = (await client.get(f"{PATH}.json")).json()["data"]
        quoted = next(part for part in page.split('name="quoted_nano" value="')[1:]).partition('"')[0]
        changed = await client.post(f"{draft}/send", data={**form, "quoted_nano": str(int(quoted) - 1)})
        sent = await client.post(f"{draft}/send", data={**form, "quoted_nano": quoted})
        again = await client.post(f"{draft}/send", data={**form, "quoted_nano": quoted})
        gone = await client.get(draft)
    assert [answer.status_code for answer in (kept, both, wrong, other)] == [303, 400, 400, 403]
    assert "line 4" in wrong.text
    assert (quote["requests"], quote["requests_with_cache_breakpoints"], before) == (3, 1, [])
    assert Decimal(quote["cached_amount_max"]) < Decimal(quote["batch_amount_max"])
    rates = quote["by_model"][0]["rates_per_mtok"]
    assert rates["cache_read"] == {"standard": "0.1", "batch": "0.05"}
    assert (changed.status_code, gone.status_code) == (409, 404)
    assert sent.headers["location"] == again.headers["location"]
    assert await shop.fetch("SELECT held_nano, key_id, items FROM batches") == [(int(quoted), key.key_id, 3)]
    assert (await shop.money())[1] == int(quoted)


async def test_drafts_make_room_and_one_is_discarded(shop: Shop) -> None:
    text = msgspec.json.encode(request("a")).decode()
    async with shop.pool.connection() as connection:
        key, _ = await create_key(connection, shop.organization_id, name="sender")
    async with at_desk(shop) as client:
        form = {"form_token": await token_of(client, f"{PATH}/quote"), "key_id": key.key_id, "requests": text}
        drafts = [
            (await client.post(f"{PATH}/quote", data=form, files={"file": ("", b"")})).headers["location"]
            for _ in range(DRAFTS_MAX + 1)
        ]
        await client.post(f"{drafts[-1]}/discard", data=form)
        found = [(await client.get(draft)).status_code for draft in (drafts[0], drafts[1], drafts[-1])]
    assert found == [404, 200, 404]
    assert (await shop.fetch("SELECT count(*) FROM batch_chunks"))[0][0] == DRAFTS_MAX - 1


async def test_whoever_has_batches_and_drafts_of_their_own_reaches_no_others(shop: Shop) -> None:
    async with shop.pool.connection() as connection:
        theirs = (
            await open_organization(connection, name="Theirs AG", trial=TrialTerms(USD, 90))
        ).organization_id
    batch_id, key_id = await submit_with_key(shop, "a")
    await shop.expire(batch_id)
    await shop.keeper.close()
    await shop.keeper.end()
    text = msgspec.json.encode(request("a")).decode()
    async with at_desk(shop) as ours, at_desk(shop, theirs) as eve:
        form = {"form_token": await token_of(ours, f"{PATH}/quote"), "key_id": key_id, "requests": text}
        kept = await ours.post(f"{PATH}/quote", data=form, files={"file": ("", b"")})
        draft, batch = kept.headers["location"], f"{PATH}/{batch_id}"
        before = await shop.fetch("SELECT count(*), sum(held_nano) FROM batches")
        form["form_token"] = await token_of(eve, f"{PATH}/quote")
        reads = [draft, f"{draft}.json", batch, f"{batch}.json", f"{batch}/results"]
        deeds = [f"{draft}/send", f"{batch}/retry", f"{batch}/cancel"]
        found = [(await eve.get(path)).status_code for path in reads]
        found += [(await eve.post(path, data={**form, "quoted_nano": "1"})).status_code for path in deeds]
        # Forgetting what is not there does nothing, and says nothing.
        await eve.post(f"{draft}/discard", data=form)
        taken = await eve.post(f"{PATH}/quote", data=form, files={"file": ("", b"")})
        assert [(await ours.get(path)).status_code for path in reads[:4]] == [200] * 4
    assert found == [404] * len(found)
    assert taken.status_code == 403, "a draft under another organization's key"
    assert await shop.fetch("SELECT count(*), sum(held_nano) FROM batches") == before


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
    # Once, whoever asks: what was refused before it was noted, or came again, is no entry.
    assert await read_retries(shop) == [("batches.retried", "dev@x.com", batch_id, retry_id)]
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
    said = await read_retries(shop)
    assert [action for action, *_ in said] == ["batches.retried", "batches.retry_refused"]
    assert len({retry_id for *_, retry_id in said}) == 1


async def test_an_api_key_that_sends_again_what_failed_is_in_the_audit_log(shop: Shop) -> None:
    batch_id, key_id = await submit_with_key(shop, "a")
    await shop.expire(batch_id)
    await shop.keeper.close()
    await shop.keeper.end()
    judge = shop.uploads._judge
    assert isinstance(judge, ItemJudge)
    desk = BatchDesk(shop.pool, shop.uploads, judge, shop.keeper.wake)
    retry_id = await desk.retry(batch_id, by=Actor("key", key_id), at=clock.now())
    assert await read_retries(shop) == [("batches.retried", key_id, batch_id, retry_id)]


async def read_retries(shop: Shop) -> list[tuple[str, str, str, str]]:
    return await shop.fetch(
        "SELECT action, actor, subject, details->>'retry_id' FROM audit_entries"
        " WHERE action LIKE %s ORDER BY audit_id",
        "batches.retr%",
    )


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
