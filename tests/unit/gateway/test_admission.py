"""Admission: the cheap bound first, a real count only when credit is tight, and the refusal."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.unit.gateway.fakes import BODY, KEYS, ORGANIZATION, Gateway, Script

from jeton import clock
from jeton.charging.agreeing.book import TermsBook
from jeton.errors import UpstreamError
from jeton.identity.restricting.restrictions import parse_network
from jeton.pricing.modifiers import AgreedRate
from jeton.pricing.terms import Terms, parse_scope
from jeton.usage import Bucket

# Sonnet 5.5: $2 and $10 per million tokens, so 100 tokens of output are 1,000,000 nano.
OUTPUT_NANO = 1_000_000
LONG = {**BODY, "messages": [{"role": "user", "content": "x" * 4000}]}


async def test_the_cheap_bound_covers_prompt_and_output() -> None:
    gateway = Gateway()
    await gateway.call(LONG)
    # At least the 4,000 bytes of text at 2.34 tokens each, and 100 tokens of output.
    assert gateway.charging.asks[0].amount_nano > 4000 * 2 * 2_000 + OUTPUT_NANO


async def test_a_tight_balance_is_held_by_the_upstreams_count() -> None:
    # 1,000 counted, 50 and 64 on top: 1,114 tokens at 2,000 nano, and the output.
    needed_nano = 1_114 * 2_000 + OUTPUT_NANO
    gateway = Gateway(Script(count=1_000), available_nano=needed_nano + 10)
    reply = await gateway.call(LONG)
    assert reply.status == 200
    first, second = (ask.amount_nano for ask in gateway.charging.asks)
    assert first > needed_nano
    assert needed_nano <= second <= needed_nano + 10


async def test_what_belongs_to_an_answer_only_is_not_sent_to_be_counted() -> None:
    gateway = Gateway(Script(count=10), available_nano=OUTPUT_NANO * 2)
    await gateway.call({**LONG, "system": "s", "metadata": {}, "stop_sequences": ["x"]})
    assert msgspec.json.decode(gateway.upstream.counted[0]) == {
        "model": LONG["model"],
        "messages": LONG["messages"],
        "system": "s",
    }


async def test_an_exact_count_needs_no_margin() -> None:
    # Haiku 4.5, in rehearsal: $1 and $5 per million tokens.
    gateway = Gateway(available_nano=1_100_000)
    body = {**LONG, "model": "claude-haiku-4-5"}
    count = (await gateway.call(body, path="/v1/messages/count_tokens")).json["input_tokens"]
    assert (await gateway.call(body)).status == 200
    held_nano = gateway.charging.asks[-1].amount_nano
    assert 0 <= held_nano - (count * 1_000 + 100 * 5_000) <= 10


@pytest.mark.parametrize(
    ("count", "available_nano", "asks"),
    [
        pytest.param(1_000, OUTPUT_NANO - 1, 1, id="the output alone is too much"),
        pytest.param(UpstreamError("No connection."), OUTPUT_NANO * 2, 1, id="no count to be had"),
        pytest.param(10**6, OUTPUT_NANO * 2, 1, id="the count is no lower"),
        pytest.param(1_000, OUTPUT_NANO * 2, 2, id="the count is still too much"),
    ],
)
async def test_too_little_credit_is_refused(count: int | Exception, available_nano: int, asks: int) -> None:
    gateway = Gateway(Script(count=count), available_nano=available_nano)
    reply = await gateway.call(LONG)
    assert len(gateway.charging.asks) == asks
    assert "send" not in gateway.journal
    assert (reply.status, reply.json["error"]["type"]) == (400, "invalid_request_error")


async def test_the_refusal_names_both_amounts_exactly_and_says_not_to_retry() -> None:
    gateway = Gateway(Script(count=10**6), available_nano=10_000_001)
    reply = await gateway.call({**BODY, "max_tokens": 5000})
    needed_nano = gateway.charging.asks[-1].amount_nano
    details = reply.json["error"]["details"]
    assert details["error_code"] == "credit_balance_too_low"
    assert details["available"] == "0.010000001"
    assert float(details["needed"]) == pytest.approx(needed_nano / 10**9)
    assert reply.json["error"]["message"] == (
        "Your credit balance is too low to access the API. This request needs up to"
        f" ${details['needed']} and $0.010000001 is available."
        " Add credit, or ask for fewer max_tokens."
    )
    assert reply.headers["x-should-retry"] == "false"


async def test_the_operator_may_choose_402() -> None:
    gateway = Gateway(available_nano=0, credit_status=402)
    reply = await gateway.call()
    assert (reply.status, reply.json["error"]["type"]) == (402, "billing_error")


async def test_an_alias_is_charged_as_its_model() -> None:
    gateway = Gateway()
    await gateway.call({**BODY, "model": "claude-haiku-4-5-20251001"})
    assert gateway.charging.asks[0].model == "claude-haiku-4-5"


async def test_asked_conditions_raise_the_hold() -> None:
    plain, fast = Gateway(), Gateway()
    await plain.call({**BODY, "model": "claude-opus-5-5"})
    await fast.call({**BODY, "model": "claude-opus-5-5", "speed": "fast", "inference_geo": "us"})
    ratio = fast.charging.asks[0].amount_nano / plain.charging.asks[0].amount_nano
    # Twice for fast, a tenth on top for the geography; a few nano of rounding slack, a longer body.
    assert ratio >= 2.2


async def test_terms_size_the_hold_and_are_pinned_by_it() -> None:
    """$40 a million instead of $10: 100 tokens of output are 4,000,000 nano instead of 1,000,000."""
    plain, dear = Gateway(), Gateway(terms=TermsBook())
    rates = (AgreedRate("standard", Bucket.OUTPUT, 40 * 10**9),)
    begins = clock.now() - timedelta(hours=1)
    own = Terms("terms_1", parse_scope(f"model:{BODY['model']}"), None, rates, begins, None)
    dear.deps.terms.set(ORGANIZATION, [own])
    dear.deps.terms.set(UUID(int=1), [replace(own, factor=Fraction(1, 2))])
    await plain.call()
    await dear.call()
    (listed,), (held,) = plain.charging.asks, dear.charging.asks
    assert held.amount_nano - listed.amount_nano == 3 * OUTPUT_NANO
    assert (listed.terms, held.terms) == (None, own)
    assert held.asked_at is not None
    (metered,) = dear.charging.metered
    assert metered.conditions.negotiated == (own.modifier,)


@pytest.mark.parametrize(
    ("caller", "code"),
    [
        ({"models": frozenset({"claude-haiku-4-5"})}, "model_not_allowed"),
        ({"networks": (parse_network("192.0.2.0/24"),)}, "address_not_allowed"),
        ({"models": frozenset({BODY["model"]}), "networks": (parse_network("127.0.0.1"),)}, None),
    ],
    ids=["another model", "another network", "both as they should be"],
)
async def test_a_key_is_used_for_what_it_is_for(
    caller: dict[str, Any], code: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rehearsal of what the key ring knows of a key: the fake one's caller, restricted."""
    gateway = Gateway()
    for secret, known in KEYS.items():
        monkeypatch.setitem(KEYS, secret, replace(known, **caller))
    reply = await gateway.call(BODY)
    assert reply.status == (200 if code is None else 403)
    assert bool(gateway.charging.asks) is (code is None)
    counted = await gateway.call(BODY, path="/v1/messages/count_tokens")
    assert counted.status == reply.status
