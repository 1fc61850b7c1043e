"""What an upstream may answer to an item of a batch, and what becomes of it."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.batches.items import BatchHead
from jeton.batches.ports import Answered, ItemAsk
from jeton.charging.words import Metered, Rule
from jeton.errors import UpstreamError
from jeton.gateway.batching.judging import ItemJudge, mark_batch
from jeton.gateway.catalog import Catalog, ModelRoute
from jeton.gateway.errors import InvalidRequestError, UnknownModelError
from jeton.pricing.loading import load_book
from jeton.pricing.rating import Conditions, rate
from jeton.tokens.counter.counting import load_counter
from jeton.tokens.estimate import load_estimator
from jeton.tokens.prompt import Prompt
from jeton.upstreams.errors import UpstreamUnreachableError
from jeton.upstreams.interface import Ask, CountMethod
from jeton.usage import Usage

MODEL = "claude-sonnet-5-5"
AT = datetime(2026, 11, 22, tzinfo=UTC)
PARAMS = b'{"model":"claude-sonnet-5-5","max_tokens":1500,"messages":[{"role":"user","content":"Hi"}]}'
HEAD = BatchHead("msgbatch_" + "0" * 32, UUID(int=1), "wrkspc_1", "apikey_1", "2023-06-01", "beta-1")


class Said:
    """An answer as it was told to be."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.headers: Mapping[str, str] = {}
        self._body = body

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body

    async def read(self) -> bytes:
        return self._body

    async def close(self) -> None:
        return


class Teller:
    """An upstream that says what it was told to say."""

    name = "teller"
    count_method: CountMethod | None = None

    def __init__(self, status: int = 200, body: bytes = b"", error: UpstreamError | None = None) -> None:
        self._said = Said(status, body)
        self._error = error
        self.asks: list[Ask] = []

    async def send(self, ask: Ask) -> Said:
        self.asks.append(ask)
        if self._error is not None:
            raise self._error
        return self._said

    async def count_tokens(self, headers: Mapping[str, str], prompt: Prompt, body: bytes) -> int:
        del headers, prompt, body
        raise UpstreamError("It does not count.")

    async def close(self) -> None:
        return


def judge_of(teller: Teller) -> ItemJudge:
    return ItemJudge(Catalog(load_book(), [ModelRoute(MODEL, teller)], AT))


async def ask(teller: Teller, params: bytes = PARAMS) -> tuple[ItemAsk, Answered]:
    judge = judge_of(teller)
    version = judge.bound(params, HEAD, at=AT).version
    item = judge.prepare(params, HEAD, request_id="req_1", version=version)
    return item, await judge.ask(item)


def message(usage: object) -> bytes:
    content = [{"type": "text", "text": "Hello"}]
    return msgspec.json.encode(
        {"type": "message", "content": content, "stop_reason": "end_turn", "usage": usage}
    )


async def test_an_answer_costs_half_whatever_tier_the_upstream_names() -> None:
    # V2b: 2,000 + 100,000 read + 1,500 of sonnet-5-5 in a batch are $0.0145, half of $0.029.
    usage = {
        "input_tokens": 2_000,
        "cache_read_input_tokens": 100_000,
        "output_tokens": 1_500,
        "service_tier": "standard",
    }
    item, answered = await ask(Teller(body=message(usage)))
    assert isinstance(answered.ending, Metered)
    assert answered.ending.usage is not None
    rating = rate(answered.ending.usage, item.version, answered.ending.conditions)
    assert (rating.list_nano, rating.net_nano) == (219_000_000, 14_500_000)
    assert rating.saved["batch"] + rating.saved["cache"] == 204_500_000
    assert answered.message is not None
    assert msgspec.json.decode(answered.message)["usage"]["service_tier"] == "batch"


def test_a_quote_is_the_bound_of_a_batch_which_is_half_of_that_by_itself() -> None:
    """Output at $10 a million is $0.000005 a token in a batch."""
    judge = judge_of(Teller())
    quoted = judge.quote(PARAMS, HEAD, at=AT)
    assert quoted.batch_nano == judge.bound(PARAMS, HEAD, at=AT).amount_nano
    # A bound has a nano to spare for each line that is rounded.
    assert 0 <= 2 * quoted.batch_nano - quoted.standard_nano <= 3
    assert quoted.batch_nano - quoted.prompt_nano == 1_500 * 5_000
    with pytest.raises(UnknownModelError):
        judge.quote(PARAMS.replace(b"sonnet-5-5", b"moon-1"), HEAD, at=AT)


@pytest.fixture(scope="module")
def counting_judge() -> ItemJudge:
    """A judge that can count prompts."""
    catalog = Catalog(load_book(), [ModelRoute(MODEL, Teller())], AT)
    return ItemJudge(catalog, counter=load_counter(find_estimator=load_estimator))


@given(text=st.text(min_size=1, max_size=400), share=st.integers(0, 100), output=st.integers(0, 1_500))
@settings(max_examples=60, deadline=None)
def test_what_is_expected_is_below_what_is_held_and_any_charge_is_too(
    counting_judge: ItemJudge, text: str, share: int, output: int
) -> None:
    fields = msgspec.json.decode(PARAMS)
    params = msgspec.json.encode({**fields, "messages": [{"role": "user", "content": text}]})
    quoted = counting_judge.quote(params, HEAD, at=AT)
    bounded = counting_judge.bound(params, HEAD, at=AT)
    assert quoted.batch_nano == bounded.amount_nano
    assert 0 < quoted.expected_tokens <= quoted.prompt_tokens
    assert quoted.expected_nano <= quoted.batch_nano
    # However the prompt is counted upstream, from what was expected up to the bound, the hold pays it.
    tokens = quoted.expected_tokens + (quoted.prompt_tokens - quoted.expected_tokens) * share // 100
    usage = Usage(tokens, output_tokens=output)
    assert rate(usage, bounded.version, Conditions("batch")).net_nano <= quoted.batch_nano


def test_a_thousand_words_are_expected_to_be_about_as_many_tokens(counting_judge: ItemJudge) -> None:
    fields = msgspec.json.decode(PARAMS)
    text = "The old house by the sea was quiet. " * 125
    params = msgspec.json.encode({**fields, "messages": [{"role": "user", "content": text}]})
    quoted = counting_judge.quote(params, HEAD, at=AT)
    assert 900 < quoted.expected_tokens < 1_700
    assert quoted.prompt_tokens > 10_000
    uncounted = counting_judge.quote(params, HEAD, at=AT, is_counted=False)
    assert (uncounted.expected_tokens, uncounted.expected_nano) == (quoted.prompt_tokens, quoted.batch_nano)


async def test_the_bytes_and_headers_of_an_item_travel_on() -> None:
    teller = Teller(body=message({"input_tokens": 1, "output_tokens": 1}))
    await ask(teller)
    assert teller.asks[0].body == PARAMS
    assert teller.asks[0].headers == {"anthropic-version": "2023-06-01", "anthropic-beta": "beta-1"}


@pytest.mark.parametrize(
    ("usage", "rule"),
    [
        (None, Rule.USAGE_MISSING),
        ({"input_tokens": -5, "output_tokens": 1}, Rule.USAGE_CONTRADICTORY),
        ({"input_tokens": 10**13, "output_tokens": 1}, Rule.USAGE_CONTRADICTORY),
        ({"input_tokens": 1, "output_tokens": 1, "speed": "fast"}, Rule.USAGE_CONTRADICTORY),
    ],
    ids=["none", "negative", "absurd", "fast"],
)
async def test_usage_that_cannot_be_priced_is_quarantined_and_the_answer_delivered(
    usage: object, rule: Rule
) -> None:
    _, answered = await ask(Teller(body=message(usage)))
    assert isinstance(answered.ending, Metered)
    assert (answered.ending.rule, answered.ending.usage) == (rule, None)
    assert answered.message is not None


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"{}", b"[]", b'{"type":"mess'])
async def test_what_is_no_message_is_an_error_that_costs_nothing_and_is_tried_again(body: bytes) -> None:
    _, answered = await ask(Teller(body=body))
    assert answered.ending is Rule.UPSTREAM_FAILED
    assert answered.problem is not None
    assert (answered.problem.type, answered.may_retry) == ("api_error", True)


@pytest.mark.parametrize(
    ("status", "body", "kind", "advice"),
    [
        (400, b'{"type":"error","error":{"type":"invalid_request_error","message":"No."}}', None, "final"),
        (429, b'{"type":"error","error":{"type":"rate_limit_error","message":"No."}}', None, "again"),
        (529, b'{"type":"error","error":{"type":"overloaded_error","message":"No."}}', None, "again"),
        (502, b"<html>", "api_error", "again"),
        (404, b"", "not_found_error", "final"),
        (
            401,
            b'{"type":"error","error":{"type":"x","message":"x"}}',
            "api_error",
            "final",
        ),
    ],
)
async def test_a_refusal_is_the_items_problem(
    status: int, body: bytes, kind: str | None, advice: str
) -> None:
    _, answered = await ask(Teller(status, body))
    assert answered.ending is Rule.UPSTREAM_REFUSED
    assert answered.problem is not None
    expected = kind or msgspec.json.decode(body)["error"]["type"]
    assert (answered.problem.type, answered.may_retry) == (expected, advice == "again")


async def test_an_upstream_that_cannot_be_reached_is_tried_again() -> None:
    _, answered = await ask(Teller(error=UpstreamUnreachableError("Nobody is there.")))
    assert (answered.ending, answered.may_retry) == (Rule.UPSTREAM_FAILED, True)
    assert answered.problem is not None
    assert answered.problem.type == "overloaded_error"


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        (b'{"stream":true,', "stream: not allowed"),
        (b'{"speed":"fast",', "speed: fast mode"),
        (b'{"store":true,', "store: not allowed"),
        (b'{"cache_hint":{},', "cache_hint: not allowed"),
    ],
)
def test_what_belongs_to_single_requests_is_refused(params: bytes, sentence: str) -> None:
    with pytest.raises(InvalidRequestError, match=sentence):
        judge_of(Teller()).bound(params + PARAMS[1:], HEAD, at=AT)


def test_a_name_in_the_text_of_a_prompt_is_no_field() -> None:
    params = PARAMS.replace(b'"Hi"', b'"say \\"store\\" and [\\"store\\"]"')
    assert judge_of(Teller()).bound(params, HEAD, at=AT).amount_nano > 0


def test_a_model_nobody_serves_is_not_bounded() -> None:
    with pytest.raises(UnknownModelError):
        judge_of(Teller()).bound(PARAMS.replace(b"sonnet-5-5", b"nobody-9"), HEAD, at=AT)


def test_sampling_is_refused_by_the_version_of_the_batch() -> None:
    params = b'{"temperature":1,' + PARAMS[1:]
    assert judge_of(Teller()).bound(params, HEAD, at=AT).amount_nano > 0
    with pytest.raises(InvalidRequestError, match="temperature"):
        judge_of(Teller()).bound(params, msgspec.structs.replace(HEAD, api_version="2026-10-21"), at=AT)


def test_marking_leaves_every_other_byte_of_a_message() -> None:
    body = b'{"type":"message","x":[1.50,  "\\u00e9"],"usage":{"a":1e2}}'
    assert mark_batch(body) == (
        b'{"type":"message","x":[1.50,  "\\u00e9"],"usage":{"a":1e2,"service_tier":"batch"}}'
    )
