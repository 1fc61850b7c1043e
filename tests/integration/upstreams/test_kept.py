"""Upstreams behind the account, on a real PostgreSQL: the embedded one, and one that reports a total."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from jeton.caching.plan import make_plan
from jeton.caching.shared.account import Account
from jeton.caching.words import Scope
from jeton.charging.words import Metered
from jeton.db.pool import Pool, open_pool
from jeton.gateway.settlement import end_of_stream
from jeton.gateway.stream import StreamObserver
from jeton.ids import new_id, new_uuid
from jeton.metering.reported import read_reported
from jeton.pricing.loading import load_book
from jeton.pricing.rating import STANDARD, Conditions, rate
from jeton.tokens.counter.counting import Counter, load_counter
from jeton.tokens.prompt import Prompt
from jeton.upstreams.caching.kept import KeptUpstream
from jeton.upstreams.caching.rewriting import find_message
from jeton.upstreams.caching.tally import Tally
from jeton.upstreams.embedded import EmbeddedAnswer, EmbeddedUpstream
from jeton.upstreams.interface import Ask, CountMethod, MessagesRequest, Upstream

MODEL = "jeton-extract-1"
ORGANIZATION = new_uuid()
MARK = {"type": "ephemeral"}
# Of " river" each is one token. A prompt with a system text of N and a message of M such words has
# N + 7 tokens up to the end of the system text and N + M + 11 in all (the frame of o200k).
SHARED = " river" * (2000 - 7)


class Reporting:
    """A server of somebody else that reports only the whole of its input, at the end of a stream."""

    name = "somebody"
    count_method: CountMethod | None = None

    def __init__(self, input_tokens: int, output_tokens: int = 500, *, status: int = 200) -> None:
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.status = status
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def send(self, ask: Ask) -> EmbeddedAnswer:
        await self.may_answer.wait()
        usage = {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens}
        message = {
            "id": ask.request_id.replace("req", "msg"),
            "type": "message",
            "content": [],
            "usage": usage,
        }
        if not ask.request.stream:
            return EmbeddedAnswer(self.status, "application/json", pieces=[msgspec.json.encode(message)])
        none = {"input_tokens": 0, "output_tokens": 0}
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": {**message, "usage": none}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage},
            {"type": "message_stop"},
        ]
        stream = b"".join(
            b"event: %s\ndata: %s\n\n" % (e["type"].encode(), msgspec.json.encode(e)) for e in events
        )
        pieces = [stream[start : start + 7] for start in range(0, len(stream), 7)]
        return EmbeddedAnswer(self.status, "text/event-stream", pieces=pieces)

    async def count_tokens(self, headers: Mapping[str, str], prompt: Prompt, body: bytes) -> int:
        del headers, prompt, body
        return self.input_tokens

    async def close(self) -> None:
        """Nothing to close."""


@pytest.fixture(scope="module")
def counter() -> Counter:
    return load_counter(find_estimator=lambda _: None)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url)
    yield opened
    await opened.close()


@asynccontextmanager
async def node(pool: Pool, counter: Counter, upstream: Upstream | None = None) -> AsyncIterator[KeptUpstream]:
    account = Account()
    account.open(pool)
    behind = upstream or EmbeddedUpstream(lambda _: None)
    yield KeptUpstream(behind, account, counter=counter, find_family=lambda _: "o200k")
    await account.close()


def make_ask(content: dict[str, Any], *, organization_id: UUID = ORGANIZATION, model: str = MODEL) -> Ask:
    body = msgspec.json.encode({"model": model, "max_tokens": 500, **content})
    plan = make_plan(body, Scope(organization_id, "wrkspc_1", model))
    return Ask(new_id("req"), msgspec.json.decode(body, type=MessagesRequest), body, {}, cache=plan)


async def ask(upstream: KeptUpstream, content: dict[str, Any], **scope: Any) -> dict[str, Any]:  # noqa: ANN401 - of make_ask
    answer = await upstream.send(make_ask(content, **scope))
    message: dict[str, Any] = msgspec.json.decode(await answer.read())
    await answer.close()
    return message


def buckets(message: dict[str, Any]) -> tuple[int, int, int, int]:
    """Uncached, written for five minutes and for an hour, read."""
    usage = message["usage"]
    written = usage["cache_creation"]
    assert usage["cache_creation_input_tokens"] == sum(written.values())
    return (
        usage["input_tokens"],
        written["ephemeral_5m_input_tokens"],
        written["ephemeral_1h_input_tokens"],
        usage["cache_read_input_tokens"],
    )


def talk(*texts: str, ttl: str = "5m", system: str = SHARED, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    marked = [{"type": "text", "text": system, "cache_control": {**MARK, "ttl": ttl}}]
    return {"system": marked, "messages": [{"role": "user", "content": text} for text in texts], **fields}


async def test_the_first_request_writes_and_the_next_one_reads_on_any_node(
    pool: Pool, counter: Counter
) -> None:
    async with node(pool, counter) as first, node(pool, counter) as second, node(pool, counter) as third:
        written = buckets(await ask(first, talk(" river" * 89)))
        again = talk(" river" * 189)
        reads = [buckets(await ask(upstream, again)) for upstream in (second, third, first)]
    assert written == (93, 2000, 0, 0)
    assert reads == [(193, 0, 0, 2000)] * 3


async def test_a_conversation_with_automatic_caching_writes_only_its_new_turns(
    pool: Pool, counter: Counter
) -> None:
    turns = [" river" * 1500, " lake" * 100, " sea" * 50, " pond" * 10, " hill" * 20]
    async with node(pool, counter) as upstream:
        seen = [
            buckets(await ask(upstream, {**talk(*turns[:count]), "cache_control": MARK}))
            for count in (1, 3, 5)
        ]
    assert seen[0] == (0, 2000 + 1504, 0, 0)
    assert seen[1] == (0, 100 + 50 + 8, 0, 3504)
    assert seen[2] == (0, 10 + 20 + 8, 0, 3662)


async def test_an_hour_is_written_as_an_hour(pool: Pool, counter: Counter) -> None:
    async with node(pool, counter) as upstream:
        mixed = {**talk(" lake" * 96, ttl="1h"), "cache_control": MARK}
        assert buckets(await ask(upstream, mixed)) == (0, 100, 2000, 0)
        assert buckets(await ask(upstream, mixed)) == (0, 0, 0, 2100)


async def test_a_short_prompt_is_silently_not_cached(pool: Pool, counter: Counter) -> None:
    # 1,024 tokens are the least for this model; the prefix has 1,023.
    short = talk("Where?", system=" river" * (1023 - 7))
    async with node(pool, counter) as upstream:
        for _ in range(2):
            message = await ask(upstream, short)
            assert buckets(message)[1:] == (0, 0, 0)


async def test_other_organizations_and_models_read_nothing(pool: Pool, counter: Counter) -> None:
    async with node(pool, counter) as upstream:
        await ask(upstream, talk("Where?"))
        assert buckets(await ask(upstream, talk("Where?"), organization_id=new_uuid()))[3] == 0
        assert buckets(await ask(upstream, talk("Where?"), model="jeton-extract-2"))[3] == 0


async def test_what_was_reported_is_kept_and_split_without_a_rest(pool: Pool, counter: Counter) -> None:
    # We count 2,104 tokens of which 2,000 are marked; the server counts 2,525: 2,400.19 rounded down.
    async with node(pool, counter, Reporting(2525)) as upstream:
        message = await ask(upstream, talk(" lake" * 100))
    assert buckets(message) == (2525 - 2400, 2400, 0, 0)
    kept = message["usage"]["jeton_prompt_cache"]
    # The hash of what the prompt begins with, and none of its text.
    assert len(kept.pop("family")) == 32
    assert kept == {
        "reported": {"input_tokens": 2525, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    }


async def test_a_stream_is_billed_by_what_its_client_sees(pool: Pool, counter: Counter) -> None:
    version = load_book().find_version(MODEL, datetime(2026, 11, 23, tzinfo=UTC))
    assert version is not None
    async with node(pool, counter, Reporting(2104)) as upstream:
        for expected in ((104, 2000, 0), (104, 0, 2000)):
            answer = await upstream.send(make_ask(talk(" lake" * 100, stream=True)))
            observer = StreamObserver()
            seen = b""
            async for chunk in answer.chunks():
                seen += observer.feed(chunk)
            await answer.close()
            seen += observer.held_back
            ending = end_of_stream(observer, STANDARD, version)
            assert isinstance(ending, Metered)
            assert ending.usage is not None
            usage = ending.usage
            assert (
                usage.input_tokens,
                usage.cache_creation_5m_input_tokens,
                usage.cache_read_input_tokens,
            ) == expected
            delta = next(event for event in seen.split(b"\n\n") if b"event: message_delta" in event)
            assert msgspec.json.decode(delta.partition(b"data: ")[2])["usage"]["input_tokens"] == 104


async def test_parallel_requests_miss_until_the_first_answer_has_begun(pool: Pool, counter: Counter) -> None:
    server = Reporting(2104)
    server.may_answer.clear()
    async with node(pool, counter, server) as first, node(pool, counter, server) as second:
        waiting = [asyncio.create_task(ask(upstream, talk(" lake" * 100))) for upstream in (first, second)]
        done, _ = await asyncio.wait(waiting, timeout=0.5)
        assert not done
        server.may_answer.set()
        together = [buckets(await task) for task in waiting]
        later = buckets(await ask(first, talk(" lake" * 100)))
    assert together == [(104, 2000, 0, 0)] * 2
    assert later == (104, 0, 0, 2000)


async def test_a_request_that_failed_has_written_nothing(pool: Pool, counter: Counter) -> None:
    async with node(pool, counter, Reporting(2104, status=500)) as upstream:
        answer = await upstream.send(make_ask(talk(" lake" * 100)))
        assert (answer.status, b"jeton_prompt_cache" in await answer.read()) == (500, False)
    async with node(pool, counter, Reporting(2104)) as upstream:
        assert buckets(await ask(upstream, talk(" lake" * 100))) == (104, 2000, 0, 0)


async def test_without_an_account_everything_is_uncached_input(counter: Counter) -> None:
    upstream = KeptUpstream(Reporting(2104), Account(), counter=counter, find_family=lambda _: "o200k")
    assert buckets(await ask(upstream, talk(" lake" * 100))) == (2104, 0, 0, 0)


async def test_without_an_answer_of_the_database_everything_is_uncached_input(
    pool: Pool, counter: Counter
) -> None:
    async with node(pool, counter, Reporting(2104)) as upstream:
        await ask(upstream, talk(" lake" * 100))
        async with pool.connection() as connection:
            await connection.execute("ALTER TABLE prompt_cache_entries RENAME TO gone")
        # What is marked further on is new, and what was read is remembered by this node.
        further = {**talk(" lake" * 100), "cache_control": MARK}
        assert buckets(await ask(upstream, further)) == (2104, 0, 0, 0)
        async with pool.connection() as connection:
            await connection.execute("ALTER TABLE gone RENAME TO prompt_cache_entries")
        assert buckets(await ask(upstream, further)) == (0, 104, 0, 2000)


async def test_what_could_not_be_written_is_not_billed_as_written(pool: Pool) -> None:
    account = Account()
    account.open(pool)
    plan = make_ask(talk(" lake" * 100)).cache
    assert plan is not None
    look = await account.look(plan, 1_800_000_000_000_000)
    async with pool.connection() as connection:
        await connection.execute("ALTER TABLE prompt_cache_entries RENAME TO gone")
    carrier = find_message(b'{"id":"msg_1","usage":{"input_tokens":2104,"output_tokens":1}}')
    assert carrier is not None
    tally = Tally(account, look, {1: 2000}, whole=2104)
    await tally.begin(carrier)
    tally.change(carrier)
    assert buckets(msgspec.json.decode(carrier.render())) == (2104, 0, 0, 0)
    await account.close()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({}, None, id="a hit"),
        pytest.param(
            {"system": " lake" * 2000},
            {"type": "system_changed", "cache_missed_input_tokens": 2000},
            id="the system text was changed",
        ),
        pytest.param(
            {"tools": [{"name": "t", "input_schema": {"type": "object"}}]},
            {"type": "tools_changed", "cache_missed_input_tokens": 2000},
            id="a tool was added",
        ),
    ],
)
async def test_diagnostics_say_what_broke_a_hit(
    pool: Pool, counter: Counter, change: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    async with node(pool, counter) as first, node(pool, counter) as second:
        opening = await ask(first, talk("Where?", diagnostics={"previous_message_id": None}))
        follow = {"diagnostics": {"previous_message_id": opening["id"]}}
        message = await ask(second, talk("Where?", **{**follow, **change}))
    assert opening["diagnostics"] == {"cache_miss_reason": None}
    assert message["diagnostics"] == {"cache_miss_reason": expected}
    kept = message["usage"]["jeton_prompt_cache"]
    assert kept.get("miss") == expected
    assert kept.get("previous_request_id", "").startswith("req_") is (expected is not None)


async def test_a_previous_message_of_nobody_is_not_found(pool: Pool, counter: Counter) -> None:
    async with node(pool, counter) as upstream:
        message = await ask(upstream, talk("Where?", diagnostics={"previous_message_id": "msg_1"}))
    assert message["diagnostics"] == {"cache_miss_reason": {"type": "previous_message_not_found"}}


async def test_the_example_of_the_faq_comes_to_13_dollars_23(pool: Pool, counter: Counter) -> None:
    """1,000 requests of 10,000 tokens, of which 9,000 are shared, and 500 of output, at $3 and $15."""
    version = load_book().find_version("claude-sonnet-4-6", datetime(2026, 11, 23, tzinfo=UTC))
    assert version is not None
    shared, own = " river" * (9000 - 7), " lake" * (1000 - 4)
    content = talk(own, system=shared)
    usages = []
    async with node(pool, counter, Reporting(10_000)) as upstream:
        for _ in range(1000):
            message = await ask(upstream, content, model="claude-sonnet-4-6")
            usage = read_reported(msgspec.json.encode(message["usage"])).usage
            assert usage is not None
            usages.append(usage)
    cached = sum(rate(usage, version, STANDARD).net_nano for usage in usages)
    batched = sum(rate(usage, version, Conditions(service_tier="batch")).net_nano for usage in usages)
    # 0.03375 to write once, 999 × 0.0027 to read, 1,000 × (0.003 + 0.0075): $13.23 and half of it.
    assert (cached, batched) == (13_231_050_000, 6_615_525_000)
    assert {usage.prompt_tokens for usage in usages} == {10_000}
