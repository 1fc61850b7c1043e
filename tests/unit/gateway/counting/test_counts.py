"""``count_tokens`` takes the surest count that is to be had, and says which that was."""

from typing import Any

import pytest
from tests.unit.gateway.fakes import BODY, HEADERS, Gateway, Reply, Script

from jeton.errors import UpstreamError
from jeton.tokens.count import Count
from jeton.tokens.counter.counting import Counter
from jeton.tokens.engines.packaged import packaged_engines

LONG = "Words and more words. " * 2_000
DOWN = UpstreamError("No connection.")


class Estimator:
    """Takes every text for 100 tokens."""

    def estimate(self, text: str) -> Count:
        del text
        return Count(100, 90, 120, "estimated", "claude-4.7", "calibration-1")


def estimating() -> Counter:
    return Counter(packaged_engines(), find_estimator=lambda _: Estimator())


async def count(gateway: Gateway, **fields: Any) -> Reply:  # noqa: ANN401 - any JSON
    body = {**BODY, **fields}
    del body["max_tokens"]
    return await gateway.call(body, path="/v1/messages/count_tokens", headers=HEADERS)


async def test_the_upstreams_own_count_goes_first() -> None:
    reply = await count(Gateway(Script(count=1234), counter=estimating()))
    assert (reply.json, reply.headers["jeton-count"]) == ({"input_tokens": 1234}, "upstream")


async def test_the_embedded_upstream_counts_exactly_what_it_bills() -> None:
    gateway = Gateway()
    for model in ("jeton-extract-1", "claude-haiku-4-5"):
        reply = await count(gateway, model=model)
        assert reply.headers["jeton-count"] == "exact"
        await gateway.call({**BODY, "model": model})
        usage = gateway.charging.metered[-1].usage
        assert usage is not None
        assert usage.input_tokens == reply.json["input_tokens"] == 8


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script(count=DOWN), id="the upstream fails"),
        pytest.param(Script(count_method=None), id="the upstream has no count"),
    ],
)
@pytest.mark.parametrize("content", ["Hello", LONG], ids=["short", "long"])
async def test_without_the_upstreams_count_there_is_the_estimate(script: Script, content: str) -> None:
    reply = await count(
        Gateway(script, counter=estimating()), messages=[{"role": "user", "content": content}]
    )
    # 100 for the text, and the 6 that were measured around a single message.
    assert (reply.json, reply.headers["jeton-count"]) == ({"input_tokens": 106}, "estimated")


async def test_a_ceiling_is_no_count() -> None:
    gateway = Gateway(Script(count=DOWN))
    reply = await count(gateway)
    assert (reply.status, reply.json["error"]["type"]) == (500, "api_error")
    assert "jeton-count" not in reply.headers


async def test_too_deep_a_prompt_is_refused_where_it_is_counted_here() -> None:
    block = b'[{"type":"tool_result","content":' * 400 + b'"x"' + b"}]" * 400
    body = b'{"model":"claude-opus-5","messages":[{"role":"user","content":' + block + b"}]}"
    gateway = Gateway(Script(count=DOWN), counter=estimating())
    reply = await gateway.call(body, path="/v1/messages/count_tokens", headers=HEADERS)
    assert reply.status in {200, 400}
