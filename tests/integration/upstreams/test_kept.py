"""A kept upstream: the embedded one behind the account, with a real PostgreSQL and three nodes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
import pytest

from jeton.caching.account import Account
from jeton.caching.plan import make_plan
from jeton.caching.words import Scope
from jeton.db.pool import Pool, open_pool
from jeton.ids import new_id, new_uuid
from jeton.tokens.counter.counting import Counter, load_counter
from jeton.upstreams.caching.kept import KeptUpstream
from jeton.upstreams.embedded import EmbeddedUpstream
from jeton.upstreams.interface import Ask, MessagesRequest

MODEL = "jeton-extract-1"
ORGANIZATION = new_uuid()
# 2,000 times " river" and the frame.
LONG = " river" * 2000
MARK = {"type": "ephemeral"}


@pytest.fixture(scope="module")
def counter() -> Counter:
    return load_counter(find_estimator=lambda _: None)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url)
    yield opened
    await opened.close()


@asynccontextmanager
async def node(pool: Pool, counter: Counter) -> AsyncIterator[KeptUpstream]:
    account = Account()
    account.open(pool)
    yield KeptUpstream(
        EmbeddedUpstream(lambda _: None), account, counter=counter, find_family=lambda _: "o200k"
    )
    await account.close()


async def ask(upstream: KeptUpstream, content: dict[str, Any], organization_id: UUID = ORGANIZATION) -> Any:  # noqa: ANN401 - JSON
    body = msgspec.json.encode({"model": MODEL, "max_tokens": 0, **content})
    plan = make_plan(body, Scope(organization_id, "wrkspc_1", MODEL))
    request = msgspec.json.decode(body, type=MessagesRequest)
    answer = await upstream.send(Ask(new_id("req"), request, body, {}, cache=plan))
    read = await answer.read()
    await answer.close()
    return msgspec.json.decode(read)


def buckets(message: dict[str, Any]) -> tuple[int, int, int, int]:
    usage = message["usage"]
    written = usage["cache_creation"]
    return (
        usage["input_tokens"],
        written["ephemeral_5m_input_tokens"],
        written["ephemeral_1h_input_tokens"],
        usage["cache_read_input_tokens"],
    )


def talk(*texts: str, ttl: str = "5m") -> dict[str, Any]:
    system = [{"type": "text", "text": LONG, "cache_control": {**MARK, "ttl": ttl}}]
    return {"system": system, "messages": [{"role": "user", "content": text} for text in texts]}


async def test_the_first_request_writes_and_the_next_one_reads_on_any_node(
    pool: Pool, counter: Counter
) -> None:
    async with node(pool, counter) as first, node(pool, counter) as second, node(pool, counter) as third:
        written = buckets(await ask(first, talk("Where is it?")))
        again = talk("Where is it now?")
        reads = [buckets(await ask(upstream, again)) for upstream in (second, third, first)]
    input_tokens, five_minutes, one_hour, read = written
    assert (one_hour, read) == (0, 0)
    assert five_minutes > 2000
    assert [parts[3] for parts in reads] == [five_minutes] * 3
    assert [parts[1:3] for parts in reads] == [(0, 0)] * 3
    assert input_tokens + five_minutes + 1 == sum(reads[0])
