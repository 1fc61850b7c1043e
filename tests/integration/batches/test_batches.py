"""A batch from its upload to its results: held as a whole, charged item by item, the rest given back."""

import msgspec
import pytest
from tests.integration.batches.conftest import WORKSPACE, Shop, pieces, request

from jeton import clock
from jeton.batches.changing import archive_results, cancel_batch, delete_batch, end_leaked_key
from jeton.batches.errors import (
    BatchNotEndedError,
    DuplicateItemError,
    InvalidBatchError,
    ResultsGoneError,
    UnknownBatchError,
)
from jeton.batches.items import make_request_id
from jeton.batches.reading import get_amounts, get_batch, list_batches, require_results
from jeton.errors import InsufficientCreditError
from jeton.identity.audit import Actor, list_audit
from jeton.identity.keys import create_key

BY = Actor("key", "apikey_1")


async def test_a_batch_is_held_at_submit_charged_by_item_and_the_rest_is_released(shop: Shop) -> None:
    batch_id = await shop.submit([request(f"r{number}") for number in range(300)])
    left_nano, held_nano = await shop.money()
    assert left_nano + held_nano == 5_000_000_000
    assert held_nano > 0
    batch = await shop.get(batch_id)
    assert (batch.state, batch.items, batch.processing, batch.succeeded) == ("in_progress", 300, 300, 0)
    ended = await shop.run(batch_id)
    assert (ended.state, ended.succeeded, ended.processing) == ("ended", 300, 0)
    assert ended.net_nano > 0
    assert await shop.money() == (5_000_000_000 - ended.net_nano, 0)
    assert ended.list_nano == 2 * ended.net_nano == 2 * ended.saved_batch_nano
    results = await shop.results(batch_id)
    assert {result["type"] for result in results.values()} == {"succeeded"}
    assert results["r7"]["message"]["usage"]["service_tier"] == "batch"
    assert (await shop.proof()).findings == []


async def test_every_item_has_a_charge_of_its_own_under_an_id_that_follows_from_the_batch(shop: Shop) -> None:
    batch_id = await shop.submit([request("a"), request("b")])
    await shop.run(batch_id)
    charges = await shop.fetch("SELECT request_id, state, rule_id FROM charges ORDER BY request_id")
    assert charges == [
        (make_request_id(batch_id, 0), "settled", "completed"),
        (make_request_id(batch_id, 1), "settled", "completed"),
    ]


async def test_items_have_the_tag_of_their_batch_and_each_its_own_end_user(shop: Shop) -> None:
    head = msgspec.structs.replace(shop.head(), tag="nightly")
    some = [request("a"), request("b"), request("c")]
    some[1]["params"]["metadata"] = {"user_id": "ann"}
    some[2]["params"]["metadata"] = {"user_id": "a\nb"}
    await shop.uploads.receive(head, pieces(msgspec.json.encode({"requests": some})))
    assert await shop.fetch("SELECT end_user, tag FROM holds") == [("", "nightly")]
    await shop.run(head.batch_id)
    labels = "SELECT end_user, tag FROM {} ORDER BY request_id"
    for table in ("charges", "usage_events"):
        assert await shop.fetch(labels.format(table)) == [("", "nightly"), ("ann", "nightly")]
    results = await shop.results(head.batch_id)
    assert "metadata.user_id: only printable" in results["c"]["error"]["error"]["message"]
    assert (await shop.proof()).findings == []


async def test_a_chunk_that_is_run_again_charges_nothing_again(shop: Shop) -> None:
    batch_id = await shop.submit([request(f"r{number}") for number in range(10)])
    assert await shop.runner.run_chunk(batch_id, 0)
    assert not await shop.runner.run_chunk(batch_id, 0)
    await shop.keeper.end()
    await shop.keeper.end()
    assert len(await shop.fetch("SELECT request_id FROM charges")) == 10
    assert (await shop.proof()).findings == []


async def test_items_that_cannot_run_end_as_errors_and_cost_nothing(shop: Shop) -> None:
    bad: dict[str, dict[str, object]] = {
        "unknown": {"model": "nobody-knows-this"},
        "streamed": {"stream": True},
        "empty": {"messages": []},
        "no_output": {"max_tokens": 0},
        "fast": {"speed": "fast"},
        "thread": {"store": True},
    }
    requests = [request(name, **params) for name, params in bad.items()]
    batch_id = await shop.submit([*requests, request("good", stream=False, speed="standard")])
    ended = await shop.run(batch_id)
    assert (ended.succeeded, ended.errored) == (1, 6)
    results = await shop.results(batch_id)
    kinds = {name: results[name]["error"]["error"]["type"] for name in bad}
    assert kinds == {**dict.fromkeys(bad, "invalid_request_error"), "unknown": "not_found_error"}
    assert results["streamed"] == {
        "type": "errored",
        "error": {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "stream: not allowed in a batch"},
            "request_id": None,
        },
    }
    assert len(await shop.fetch("SELECT request_id FROM charges")) == 1
    assert (await shop.proof()).findings == []


async def test_a_batch_of_nothing_but_errors_holds_nothing_and_ends(shop: Shop) -> None:
    batch_id = await shop.submit([request("x", model="nobody-knows-this")])
    assert (await shop.money())[1] == 0
    assert (await shop.run(batch_id)).errored == 1


async def test_a_batch_beyond_the_credit_is_refused_with_both_numbers_and_leaves_nothing(shop: Shop) -> None:
    requests = [request(f"r{number}", max_tokens=128_000) for number in range(10)]
    with pytest.raises(InsufficientCreditError) as refusal:
        await shop.submit(requests)
    assert refusal.value.available_nano == 5_000_000_000
    # Ten times 128,000 output tokens at $5 a million are $6.40, and the prompts come on top.
    assert 6_400_000_000 < refusal.value.needed_nano < 6_410_000_000
    assert (await shop.money())[1] == 0
    assert await shop.fetch("SELECT batch_id FROM batches") == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"requests":[]}', "at least one request"),
        (b"{}", "missing required field"),
        (b'{"requests":[{"custom_id":"a","params":{}}', "not valid JSON"),
        (b'{"requests":[{"custom_id":"a b","params":{}}]}', "1 to 64 letters"),
        (b'{"requests":[{"custom_id":"a"}]}', "params"),
        (b'{"requests":[{"custom_id":"a","params":[]}]}', "should be an object"),
        (b'{"requests":[1]}', "at least one request"),
    ],
    ids=["empty", "no requests", "cut off", "custom_id", "no params", "params", "no object"],
)
async def test_a_body_that_is_no_batch_is_refused_and_leaves_nothing(
    shop: Shop, body: bytes, sentence: str
) -> None:
    with pytest.raises(InvalidBatchError, match=sentence):
        await shop.uploads.receive(shop.head(), pieces(body))
    assert await shop.fetch("SELECT batch_id FROM batches") == []


async def test_a_custom_id_is_there_once(shop: Shop) -> None:
    with pytest.raises(DuplicateItemError, match="a is not unique"):
        await shop.submit([request("a"), request("a")])


async def test_a_canceled_batch_ends_with_what_was_not_begun_canceled_and_uncharged(shop: Shop) -> None:
    batch_id = await shop.submit([request(f"r{number}") for number in range(300)])
    await shop.runner.run_chunk(batch_id, 0)
    async with shop.pool.connection() as connection:
        by = Actor("key", "apikey_1")
        await cancel_batch(connection, WORKSPACE, batch_id, by=by, at=clock.now())
        batch = await cancel_batch(connection, WORKSPACE, batch_id, by=by, at=clock.now())
        entries = await list_audit(connection, organization_id=shop.organization_id)
    canceled = [(entry.actor, entry.subject) for entry in entries if entry.action == "batches.canceled"]
    assert canceled == [("apikey_1", batch_id)]
    assert batch.state == "canceling"
    await shop.keeper.look()
    ended = await shop.get(batch_id)
    assert (ended.state, ended.succeeded, ended.canceled) == ("ended", 256, 44)
    results = await shop.results(batch_id)
    assert results["r299"] == {"type": "canceled"}
    assert (await shop.money())[1] == 0
    assert (await shop.proof()).findings == []


async def test_with_a_key_that_leaked_its_batches_end_and_no_others(shop: Shop) -> None:
    async with shop.pool.connection() as connection:
        key, _ = await create_key(connection, shop.organization_id, name="leaked")
    head = msgspec.structs.replace(shop.head(), key_id=key.key_id)
    await shop.uploads.receive(head, pieces(msgspec.json.encode({"requests": [request("a")]})))
    other_id = await shop.submit([request("b")])
    by, at = Actor("operator", "ada"), clock.now()
    async with shop.pool.connection() as connection:
        ended = await end_leaked_key(connection, shop.organization_id, key.key_id, by=by, at=at)
        again = await end_leaked_key(connection, shop.organization_id, key.key_id, by=by, at=at)
    assert (ended[1], again[1], ended[0].revoked_at is None) == (1, 0, False)
    assert ((await shop.get(head.batch_id)).state, (await shop.get(other_id)).state) == (
        "canceling",
        "in_progress",
    )
    batch = await shop.run(head.batch_id)
    assert (batch.state, batch.canceled, batch.net_nano) == ("ended", 1, 0)


async def test_a_batch_of_a_restricted_key_may_ask_what_the_key_may(shop: Shop) -> None:
    head = msgspec.structs.replace(shop.head(), models=frozenset({"claude-opus-5"}))
    await shop.uploads.receive(head, pieces(msgspec.json.encode({"requests": [request("a")]})))
    await shop.run(head.batch_id)
    results = await shop.results(head.batch_id)
    assert "may not ask claude-sonnet-5-5" in str(results["a"])


async def test_what_is_not_done_after_24_hours_expires_uncharged(shop: Shop) -> None:
    batch_id = await shop.submit([request("late")])
    await shop.expire(batch_id)
    await shop.keeper.look()
    ended = await shop.get(batch_id)
    assert (ended.state, ended.expired, ended.net_nano) == ("ended", 1, 0)
    assert await shop.results(batch_id) == {"late": {"type": "expired"}}
    assert (await shop.proof()).findings == []


async def test_results_and_deletion_wait_for_the_end_and_results_are_kept_29_days(shop: Shop) -> None:
    batch_id = await shop.submit([request("a")])
    async with shop.pool.connection() as connection:
        with pytest.raises(BatchNotEndedError):
            await require_results(connection, WORKSPACE, batch_id)
        with pytest.raises(BatchNotEndedError):
            await delete_batch(connection, WORKSPACE, batch_id, by=BY, at=clock.now())
    ended = await shop.run(batch_id)
    async with shop.pool.connection() as connection:
        assert await archive_results(connection, clock.now(), before=ended.created_at, limit=9) == 0
        assert await archive_results(connection, clock.now(), before=clock.now(), limit=9) == 1
        with pytest.raises(ResultsGoneError):
            await require_results(connection, WORKSPACE, batch_id)
    assert (await shop.get(batch_id)).archived_at is not None
    assert (await shop.proof()).findings == []


async def test_a_deleted_batch_is_not_seen_any_more_and_its_charges_stay(shop: Shop) -> None:
    batch_id = await shop.submit([request("a")])
    await shop.run(batch_id)
    async with shop.pool.connection() as connection:
        await delete_batch(connection, WORKSPACE, batch_id, by=BY, at=clock.now())
        with pytest.raises(UnknownBatchError):
            await get_batch(connection, WORKSPACE, batch_id)
        with pytest.raises(UnknownBatchError):
            await delete_batch(connection, WORKSPACE, batch_id, by=BY, at=clock.now())
        entries = await list_audit(connection, organization_id=shop.organization_id)
    deleted = [(entry.actor, entry.subject) for entry in entries if entry.action == "batches.deleted"]
    assert deleted == [("apikey_1", batch_id)]
    assert len(await shop.fetch("SELECT request_id FROM charges")) == 1
    assert (await shop.proof()).findings == []


async def test_another_workspace_sees_nothing(shop: Shop) -> None:
    batch_id = await shop.submit([request("a")])
    async with shop.pool.connection() as connection:
        with pytest.raises(UnknownBatchError):
            await get_batch(connection, "wrkspc_other", batch_id)
        assert (await list_batches(connection, "wrkspc_other")).batches == []


async def test_pages_go_both_ways_newest_first(shop: Shop) -> None:
    ids = [await shop.submit([request("a")]) for _ in range(3)]
    ids.reverse()
    async with shop.pool.connection() as connection:
        first = await list_batches(connection, WORKSPACE, limit=2)
        rest = await list_batches(connection, WORKSPACE, limit=2, after_id=first.batches[-1].batch_id)
        back = await list_batches(connection, WORKSPACE, limit=1, before_id=ids[2])
    assert [batch.batch_id for batch in first.batches] == ids[:2]
    assert first.has_more
    assert [batch.batch_id for batch in rest.batches] == ids[2:]
    assert not rest.has_more
    assert [batch.batch_id for batch in back.batches] == [ids[1]]
    assert back.has_more


async def test_amounts_are_known_while_it_runs(shop: Shop) -> None:
    batch_id = await shop.submit([request(f"r{number}") for number in range(300)])
    await shop.runner.run_chunk(batch_id, 0)
    async with shop.pool.connection() as connection:
        amounts = await get_amounts(connection, WORKSPACE, batch_id)
    assert (amounts.state, amounts.items, amounts.sums.done) == ("in_progress", 300, 256)
    assert amounts.sums.list_nano - amounts.sums.saved_batch_nano == amounts.sums.net_nano > 0


async def test_an_upload_comes_in_any_pieces(shop: Shop) -> None:
    head = shop.head()
    body = msgspec.json.encode({"requests": [request("é-not".replace("é", "e")), request("b")]})
    await shop.uploads.receive(head, pieces(body, size=3))
    assert (await shop.get(head.batch_id)).items == 2
