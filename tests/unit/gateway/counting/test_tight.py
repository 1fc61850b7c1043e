"""Credit that is too short for the cheap bound: an exact count here comes before a call of the upstream."""

import json

import msgspec
import pytest
from tests.unit.gateway.fakes import HEADERS, MODEL, Journal, Script, Upstream

from jeton.errors import UpstreamError
from jeton.gateway.catalog import ModelRoute
from jeton.gateway.counting.counts import CountAsk
from jeton.gateway.counting.tight import tighter_bounds
from jeton.tokens.bound import bound_prompt
from jeton.tokens.counter.counting import Counter
from jeton.tokens.engines.packaged import packaged_engines
from jeton.tokens.exact import count_prompt
from jeton.tokens.prompt import Prompt

COUNTER = Counter(packaged_engines(), find_estimator=lambda _: None)
TEXT = "Words and more words. " * 100


def ask(content: object = TEXT, **fields: object) -> CountAsk:
    body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": content}], **fields}).encode()
    return CountAsk(msgspec.json.decode(body, type=Prompt), body, HEADERS)


async def bounds(asked: CountAsk, script: Script, family: str) -> list[int]:
    route = ModelRoute(MODEL, Upstream(script, Journal()))
    return [tokens async for tokens in tighter_bounds(asked, route, family=family, counter=COUNTER)]


async def test_an_exact_count_here_comes_before_the_upstreams() -> None:
    asked = ask()
    here, theirs = await bounds(asked, Script(count=1_000), "cl100k")
    cheap = bound_prompt(asked.prompt, body_bytes=len(asked.body), family="cl100k", context_window=10**9)
    # 501 tokens of text; the rest is the frame's ceiling and the body's JSON, byte for byte.
    assert here == 501 + 8 + 256 + 16 + (len(asked.body) - len(TEXT))
    assert count_prompt(asked.prompt) < here < cheap
    assert theirs == 1_000 + 50 + 64


async def test_claude_is_counted_by_the_upstream_alone() -> None:
    assert await bounds(ask(), Script(count=1_000), "claude-4.7") == [1_114]


async def test_a_count_that_is_billed_needs_no_margin() -> None:
    assert await bounds(ask(), Script(count=1_000, count_method="exact"), "o200k") == [1_000]


async def test_an_estimate_is_no_bound() -> None:
    assert await bounds(ask(), Script(count=UpstreamError("Down.")), "claude-4.7") == []
    assert await bounds(ask(), Script(count_method=None), "claude-4.7") == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param([{"type": "document", "source": {"type": "url", "url": "https://a"}}], id="fetched"),
        pytest.param([{"type": "image", "source": {"type": "url", "url": "https://a"}}], id="unknown images"),
    ],
)
async def test_what_has_no_length_here_is_not_counted_here(content: object) -> None:
    assert await bounds(ask(content), Script(count=1_000), "cl100k") == [1_114]
