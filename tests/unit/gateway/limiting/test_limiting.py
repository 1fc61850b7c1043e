"""Rate limits at the gateway: refused before the hold, corrected by the fact, and said in headers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.unit.gateway.fakes import (
    BODY,
    DELTA,
    HEADERS,
    KEYS,
    START,
    STOP,
    TEXT,
    Gateway,
    Reply,
    Script,
    sse,
    stream_script,
)

from jeton import clock
from jeton.errors import InsufficientCreditError, OverloadedError, UpstreamError
from jeton.gateway.admission import find_model
from jeton.gateway.deps import Unwatched
from jeton.gateway.envelope import classify
from jeton.gateway.errors import ModelNotAllowedError
from jeton.gateway.limiting.headers import limit_headers, refusal_details, refusal_headers
from jeton.limits.errors import RateLimitedError
from jeton.limits.limiter import Limiter
from jeton.limits.words import EVERY_GROUP, Limits, Reserve, Standing
from jeton.watch.words import NO_MODEL, Refused

AT = datetime(2026, 11, 23, 12, 0, 0, 400_000, tzinfo=UTC)
POLICIES = (
    b'"requests";q=1000;w=60, "input-tokens";q=2000000;qu="tokens";w=60,'
    b' "output-tokens";q=400000;qu="tokens";w=60'
)
CALLER = KEYS[HEADERS["x-api-key"]]
RETIRED = "claude-opus-4-1"
STANDINGS = (
    Standing("requests", 1_000, 999, 60_000),
    Standing("input_tokens", 2_000_000, 1_999_985, 0),
    Standing("output_tokens", 400_000, 0, 60_000_000),
)


def limited(limits: Limits, reserve: Reserve = "most") -> Limiter:
    return Limiter({EVERY_GROUP: limits}, reserve=reserve, at_us=clock.read_us())


def remaining(reply: Reply, name: str) -> int:
    return int(reply.headers[f"anthropic-ratelimit-{name}-remaining"])


def test_headers_say_how_each_limit_stands() -> None:
    assert limit_headers(STANDINGS, AT) == [
        (b"anthropic-ratelimit-requests-limit", b"1000"),
        (b"anthropic-ratelimit-requests-remaining", b"999"),
        (b"anthropic-ratelimit-requests-reset", b"2026-11-23T12:00:01Z"),
        (b"anthropic-ratelimit-input-tokens-limit", b"2000000"),
        (b"anthropic-ratelimit-input-tokens-remaining", b"1999985"),
        (b"anthropic-ratelimit-input-tokens-reset", b"2026-11-23T12:00:01Z"),
        (b"anthropic-ratelimit-output-tokens-limit", b"400000"),
        (b"anthropic-ratelimit-output-tokens-remaining", b"0"),
        (b"anthropic-ratelimit-output-tokens-reset", b"2026-11-23T12:01:01Z"),
        (b"ratelimit-policy", POLICIES),
        (b"ratelimit", b'"requests";r=999;t=1, "input-tokens";r=1999985;t=0, "output-tokens";r=0;t=60'),
    ]
    assert limit_headers((), AT) == []


@pytest.mark.parametrize(
    ("wait_us", "advice", "frees_at"),
    [
        (1, (b"retry-after", b"1"), "2026-11-23T12:00:01Z"),
        (1_000_000, (b"retry-after", b"1"), "2026-11-23T12:00:02Z"),
        (1_000_001, (b"retry-after", b"2"), "2026-11-23T12:00:02Z"),
        (None, (b"x-should-retry", b"false"), None),
    ],
)
def test_a_refusal_says_when_to_try_again(
    wait_us: int | None, advice: tuple[bytes, bytes], frees_at: str | None
) -> None:
    error = RateLimitedError(
        STANDINGS[2], scope="workspace", group="opus", needed=900, wait_us=wait_us, standings=STANDINGS
    )
    assert refusal_headers(error, AT) == [advice, *limit_headers(STANDINGS, AT)]
    assert refusal_details(error, AT) == {
        "limit": "output_tokens_per_minute",
        "scope": "workspace",
        "group": "opus",
        "per_minute": "400000",
        "needed": "900",
        "remaining": "0",
        "frees_at": frees_at,
    }
    assert classify(error) == (429, "rate_limit_error")


async def test_a_refused_request_is_never_held_nor_sent() -> None:
    gateway = Gateway(limiter=limited(Limits(requests=1)))
    await gateway.call()
    gateway.journal.clear()
    reply = await gateway.call()
    assert reply.status == 429
    assert gateway.journal == ["start 429", "last byte"]
    assert len(gateway.charging.asks) == 1
    body: Any = msgspec.json.decode(reply.body)
    assert body["error"]["type"] == "rate_limit_error"
    assert body["error"]["details"]["error_code"] == "rate_limited"
    assert body["request_id"] == reply.headers["request-id"]
    assert 59 <= int(reply.headers["retry-after"]) <= 60
    frees_at = datetime.fromisoformat(body["error"]["details"]["frees_at"])
    assert timedelta(seconds=50) < frees_at - datetime.now(UTC) < timedelta(seconds=62)


async def test_a_request_without_credit_uses_up_no_limit() -> None:
    """With one request a minute: ten without credit leave it to the one that has some."""
    gateway = Gateway(limiter=limited(Limits(requests=1, output_tokens=5_000)))
    available_nano, gateway.charging.available_nano = gateway.charging.available_nano, 0
    assert [(await gateway.call()).status for _ in range(10)] == [400] * 10
    gateway.charging.available_nano = available_nano
    assert (await gateway.call()).status == 200
    assert (await gateway.call()).status == 429


async def test_without_limits_nothing_is_said() -> None:
    reply = await Gateway().call()
    assert not [name for name in reply.headers if "ratelimit" in name]


async def test_an_answer_has_its_own_fact_in_its_headers() -> None:
    gateway = Gateway(limiter=limited(Limits(input_tokens=10**6, output_tokens=10**6)))
    reply = await gateway.call()
    # 2,000 tokens of input count and the 100,000 that were read from the cache do not; 1,500 of output.
    assert 998_000 <= remaining(reply, "input-tokens") < 999_000
    assert 998_500 <= remaining(reply, "output-tokens") < 999_500
    assert "anthropic-ratelimit-requests-limit" not in reply.headers


async def test_a_stream_has_the_estimate_in_its_headers_and_the_fact_at_its_end() -> None:
    gateway = Gateway(
        stream_script(*sse(START, TEXT, DELTA, STOP)), limiter=limited(Limits(output_tokens=10**6))
    )
    body = {**BODY, "stream": True, "max_tokens": 60_000}
    first = await gateway.call(body)
    assert 940_000 <= remaining(first, "output-tokens") < 941_000
    second = await gateway.call(body)
    # Of the first nothing is missing but what it produced, and that has nearly been refilled.
    assert 938_000 < remaining(second, "output-tokens") <= 940_500


@pytest.mark.parametrize(
    "script",
    [
        Script(status=400, chunks=[b'{"type":"error","error":{"type":"x","message":"bad"}}']),
        Script(send_error=UpstreamError("gone")),
    ],
    ids=["refused", "failed"],
)
async def test_what_the_upstream_did_not_answer_counts_no_tokens(script: Script) -> None:
    gateway = Gateway(script, limiter=limited(Limits(requests=10, output_tokens=100_000)))
    for _ in range(3):
        await gateway.call({**BODY, "max_tokens": 60_000})
    line = gateway.deps.limiter.find_line(
        gateway.charging.asks[0].organization_id, "wrkspc_1", group="sonnet", at_us=clock.read_us()
    )
    assert line is not None
    left = {standing.kind: standing.remaining for standing in line.list_standings(clock.read_us())}
    assert left == {"requests": 7, "output_tokens": 100_000}


async def test_no_credit_counts_no_tokens() -> None:
    gateway = Gateway(available_nano=0, limiter=limited(Limits(output_tokens=100_000)))
    for _ in range(3):
        reply = await gateway.call({**BODY, "max_tokens": 60_000})
        assert reply.status == 400


async def test_an_upstreams_refusal_has_our_limits_not_its_own() -> None:
    script = Script(
        status=429,
        chunks=[b'{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}'],
        headers={"retry-after": "7", "anthropic-ratelimit-requests-limit": "5"},
    )
    gateway = Gateway(script, limiter=limited(Limits(requests=1_000)))
    reply = await gateway.call()
    assert (reply.status, reply.headers["retry-after"]) == (429, "7")
    assert reply.headers["anthropic-ratelimit-requests-limit"] == "1000"


class Noted(Unwatched):
    """Keeps what was refused."""

    def __init__(self) -> None:
        self.refused: list[Refused] = []

    def note_refusal(self, refused: Refused) -> None:
        self.refused.append(refused)


async def test_what_is_sent_back_before_a_hold_is_noted_with_its_reason() -> None:
    noted = Noted()
    gateway = Gateway(limiter=limited(Limits(requests=1)), watch=noted)
    assert [(await gateway.call()).status for _ in range(2)] == [200, 429]
    poor = Gateway(available_nano=1, watch=noted)
    assert (await poor.call()).status == 400
    assert [(one.model, one.error_code) for one in noted.refused] == [
        (BODY["model"], "rate_limited"),
        (BODY["model"], "insufficient_credit"),
    ]


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
async def test_a_model_that_cannot_be_had_is_noted_and_a_made_up_name_is_not_kept(path: str) -> None:
    noted = Noted()
    gateway = Gateway(watch=noted)
    for model, status in {"gpt-made-up": 404, "x" * 5_000: 404, RETIRED: 404, "claude-opus-5": 200}.items():
        body = {**BODY, "model": model}
        headers = {**HEADERS, "authorization": f"Bearer {HEADERS['x-api-key']}"}
        assert (await gateway.call(body, path=path, headers=headers)).status == status
    assert [(one.model, one.error_code, one.workspace_id) for one in noted.refused] == [
        (NO_MODEL, "model_unknown", CALLER.workspace_id),
        (NO_MODEL, "model_unknown", CALLER.workspace_id),
        (RETIRED, "model_unknown", CALLER.workspace_id),
    ]


async def test_a_model_that_the_key_may_not_ask_is_noted() -> None:
    noted = Noted()
    gateway = Gateway(watch=noted)
    caller = replace(CALLER, models=frozenset({"claude-opus-5"}))
    with pytest.raises(ModelNotAllowedError):
        find_model(str(BODY["model"]), caller, gateway.deps, at=clock.now())
    assert [(one.model, one.error_code) for one in noted.refused] == [(BODY["model"], "model_not_allowed")]


async def test_a_failing_upstream_and_a_malformed_request_are_no_refusals() -> None:
    noted = Noted()
    gateway = Gateway(Script(send_error=UpstreamError("gone")), watch=noted)
    assert (await gateway.call()).status >= 500
    assert (await gateway.call(b"{")).status == 400
    assert noted.refused == []


@pytest.mark.parametrize(
    "error", [InsufficientCreditError(9, 3, sentence="Not enough."), None], ids=["refused", "settled"]
)
async def test_a_promised_hold_that_is_refused_later_is_noted_too(error: Exception | None) -> None:
    """A busy organization's hold is promised out of a lease: its budget refuses it when it is written."""
    noted = Noted()
    gateway = Gateway(watch=noted)
    gateway.charging.settle_error = error
    await gateway.call()
    assert [refused.error_code for refused in noted.refused] == ["insufficient_credit"] * (error is not None)


async def test_what_fails_after_a_hold_is_no_refusal() -> None:
    noted = Noted()
    gateway = Gateway(watch=noted)
    gateway.charging.settle_error = OverloadedError("The database is away.")
    await gateway.call()
    assert noted.refused == []
