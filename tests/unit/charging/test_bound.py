"""Bound: never below the charge of any usage that the request can have."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.charging.bound import bound
from jeton.charging.errors import UnboundedRequestError
from jeton.pricing.book import PriceVersion
from jeton.pricing.loading import load_book
from jeton.pricing.rating import Conditions, rate
from jeton.tokens.prompt import Message
from jeton.upstreams.interface import MessagesRequest
from jeton.usage import Usage

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
BOOK = load_book()
PLAIN, WRITES_5M, WRITES_1H = b"{}", b'{"cache_control":{}}', b'{"cache_control":{"ttl":"1h"}}'


def version_of(model: str) -> PriceVersion:
    """The price of a model at the date of these tests."""
    version = BOOK.find_version(model, NOON)
    assert version is not None
    return version


SONNET = version_of("claude-sonnet-5-5")


def request(max_tokens: int = 1_000, tools: list[msgspec.Raw] | None = None) -> MessagesRequest:
    """A request that asks for so much output."""
    return MessagesRequest("claude-sonnet-5-5", max_tokens, [Message("user", "Hi")], tools=tools)


def nano(body: bytes, *, prompt: int = 1_000_000, model: str = "claude-sonnet-5-5") -> int:
    """The bound of a prompt, without the nano or so that rounding may add."""
    amount = bound(prompt, request(), version=version_of(model), conditions=Conditions(), body=body)
    return amount // 1_000 * 1_000


def test_plain_input_is_bounded_at_the_input_rate() -> None:
    """1M tokens at $2 and 1,000 of output at $10 per million: $2.01."""
    assert nano(PLAIN) == 2_010_000_000


def test_a_body_that_may_write_the_cache_is_bounded_at_the_write_rate() -> None:
    """$2.50 per million for five minutes, $4 for an hour."""
    assert nano(WRITES_5M) == 2_510_000_000
    assert nano(WRITES_1H) == 4_010_000_000


def test_escapes_cannot_hide_that_a_body_writes_the_cache() -> None:
    r"""``cache\u005fcontrol`` is the same key in JSON."""
    assert nano(rb'{"cache\u005fcontrol":{"ttl":"1h"}}') == 4_010_000_000
    assert nano(rb'{"cache_control":{"ttl":"\u0031h"}}') == 4_010_000_000


def test_the_dearest_band_that_the_prompt_can_reach_counts() -> None:
    """Haiku 5.5: 100,000 tokens at $0.10 and $0.50 per million; one more at $0.50 and $2.50."""
    assert nano(PLAIN, prompt=100_000, model="claude-haiku-5-5") == 10_500_000
    assert nano(PLAIN, prompt=100_001, model="claude-haiku-5-5") == 52_500_000


def test_searches_are_bounded_by_max_uses() -> None:
    """3 searches: $0.03, and the prompt is read four times."""
    tools = [msgspec.Raw(b'{"type":"web_search_20250305","name":"web_search","max_uses":3}')]
    amount = bound(1_000_000, request(0, tools), version=SONNET, conditions=Conditions(), body=PLAIN)
    assert amount // 1_000 * 1_000 == 8_030_000_000


@pytest.mark.parametrize("uses", [b"", b',"max_uses":-1', b',"max_uses":1001'])
def test_a_search_without_limit_is_refused(uses: bytes) -> None:
    """Its cost has no upper bound, so no hold could cover it."""
    tools = [msgspec.Raw(b'{"type":"web_search_20250305","name":"web_search"' + uses + b"}")]
    with pytest.raises(UnboundedRequestError, match="max_uses"):
        bound(1, request(0, tools), version=SONNET, conditions=Conditions(), body=PLAIN)


COUNTS = st.integers(0, 300_000)


@given(
    model=st.sampled_from(sorted(BOOK.models())),
    usage=st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS),
)
def test_the_bound_is_never_below_the_charge(model: str, usage: Usage) -> None:
    """For every model, whatever the split of the prompt into buckets."""
    version = BOOK.timeline(model)[-1]
    amount = bound(
        usage.prompt_tokens,
        request(usage.output_tokens),
        version=version,
        conditions=Conditions(),
        body=WRITES_1H,
    )
    assert amount >= rate(usage, version).net_nano
