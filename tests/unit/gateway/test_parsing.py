"""What the Messages API takes, and the sentence for everything else."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from jeton.gateway.errors import InvalidRequestError, RequestTooLargeError
from jeton.gateway.parsing import (
    BODY_BYTES_MAX,
    Head,
    parse_count,
    parse_messages,
    read_head,
    require_fitting,
    require_size,
    require_version,
)
from jeton.pricing.loading import load_book

OLD, NEW = "2023-06-01", "2026-10-21"
BODY: dict[str, Any] = {
    "model": "claude-sonnet-5-5", "max_tokens": 10, "messages": [{"role": "user", "content": "a"}],
}  # fmt: skip
DEPTH = 100_000


def body(**fields: object) -> bytes:
    return msgspec.json.encode({**BODY, **fields})


def without(name: str) -> bytes:
    return msgspec.json.encode({key: value for key, value in BODY.items() if key != name})


def turns(*contents: object, role: str = "user") -> bytes:
    return body(messages=[{"role": role, "content": content} for content in contents])


BAD: dict[str, tuple[bytes, str]] = {
    "empty body": (b"", "not valid JSON"),
    "cut": (b'{"model":', "not valid JSON"),
    "trailing": (body() + b"x", "not valid JSON"),
    "a list": (b"[]", "The request body is not a request: Expected `object`, got `array`"),
    "NaN": (body()[:-1] + b',"temperature":NaN}', "not valid JSON"),
    "invalid UTF-8 in a field": (body(model="a").replace(b'"a"', b'"\xff"'), "not valid UTF-8"),
    "invalid UTF-8 in a skipped field": (body(metadata="Q").replace(b"Q", b"\xc3\x28"), "not valid UTF-8"),
    "lone surrogate": (body(model="Q").replace(b"Q", b"\\ud800"), "not valid JSON"),
    "deep, skipped": (body(metadata=1)[:-2] + b"[" * DEPTH + b"]" * DEPTH + b"}", "nested too deeply"),
    "deep, kept": (body(thinking=1)[:-2] + b"[" * DEPTH + b"]" * DEPTH + b"}", "nested too deeply"),
    "no model": (without("model"), "model: Field required"),
    "no max_tokens": (without("max_tokens"), "max_tokens: Field required"),
    "no messages": (without("messages"), "messages: Field required"),
    "empty model": (body(model=""), "model: String should have at least 1 character"),
    "model is a number": (body(model=5), "model: Expected `str`, got `int`"),
    "max_tokens is text": (body(max_tokens="10"), "max_tokens: Expected `int`, got `str`"),
    "max_tokens is a fraction": (body(max_tokens=1.5), "max_tokens: Expected `int`, got `float`"),
    "max_tokens is a bool": (body(max_tokens=True), "max_tokens: Expected `int`, got `bool`"),
    "max_tokens is null": (body(max_tokens=None), "max_tokens: Expected `int`, got `null`"),
    "max_tokens negative": (body(max_tokens=-1), "max_tokens: must be greater than or equal to 0, got -1"),
    "max_tokens of 5000 digits": (
        body(max_tokens=77).replace(b"77", b"7" * 5000), "max_tokens: Integer value out of range",
    ),
    "0 with stream": (body(max_tokens=0, stream=True), "max_tokens: 0 is not allowed with stream"),
    "0 with a forced tool": (
        body(max_tokens=0, tool_choice={"type": "any"}), "max_tokens: 0 is not allowed with tool_choice",
    ),
    "0 with a format": (
        body(max_tokens=0, output_config={"format": {"type": "json_schema"}}), "output_config.format",
    ),
    "stream is text": (body(stream="yes"), "stream: Expected `bool`"),
    "messages is text": (body(messages="a"), "messages: Expected `array`, got `str`"),
    "no turn": (body(messages=[]), "messages: at least one message is required"),
    "100,001 turns": (
        body(messages=BODY["messages"] * 100_001), "messages: at most 100000 items are allowed, got 100001",
    ),
    "a million turns": (body(messages=BODY["messages"] * 1_000_000), "got 1000000"),
    "a million numbers": (body(messages=[1] * 1_000_000), "messages.0: Expected `object`, got `int`"),
    "a million tools": (body(tools=[1] * 1_000_000), "tools: at most 100000 items"),
    "no role": (body(messages=[{"content": "a"}]), "messages.0.role: Field required"),
    "no content": (body(messages=[{"role": "user"}]), "messages.0.content: Field required"),
    "unknown role": (turns("a", role="tool"), "messages.0.role: Invalid enum value 'tool'"),
    "content is a number": (turns("a", 5), "messages.1.content: Expected `str | array`, got `int`"),
    "content is empty": (turns(""), "messages.0: all messages must have non-empty content"),
    "no block": (turns("a", []), "messages.1: all messages must have non-empty content"),
    "a block without type": (turns([{"text": "a"}]), "messages.0.content.0.type: Field required"),
    "no text": (turns([{"type": "text"}]), "messages.0.content.0.text.text: Field required"),
    "an empty text block": (turns([{"type": "text", "text": ""}]), "text content blocks must be non-empty"),
    "text is a number": (turns([{"type": "text", "text": 1}]), "messages.0.content.0.text: Expected"),
    "system is a number": (body(system=1), "system: Expected"),
    "a system block without text": (body(system=[{"type": "text"}]), "system.0.text.text: Field required"),
    "blank stop sequence": (body(stop_sequences=["a", " "]), "stop_sequences: each stop sequence"),
    "stop_sequences is text": (body(stop_sequences="a"), "stop_sequences: Expected"),
    "unknown speed": (body(speed="warp"), "speed: Invalid enum value 'warp'"),
    "unknown geography": (body(inference_geo="moon"), "inference_geo: Invalid enum value 'moon'"),
    "fallbacks by name": (body(fallbacks="default"), "fallbacks: not supported here, since each attempt"),
    "fallbacks listed": (body(fallbacks=[{"model": "claude-haiku-4-5"}]), "leave the field out"),
    "thinking is text": (body(thinking="yes"), "thinking: Expected `object | null`, got `str`"),
    "thinking without a budget": (body(thinking={"type": "enabled"}), "budget_tokens: Field required"),
    "thinking too little": (
        body(thinking={"type": "enabled", "budget_tokens": 1023}), "must be at least 1024, got 1023",
    ),
    "thinking more than the output": (
        body(thinking={"type": "enabled", "budget_tokens": 1024}),
        "max_tokens: 10 must be greater than thinking.budget_tokens, 1024",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "words"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused_with_field_and_reason(data: bytes, words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse_messages(data, OLD)
    assert words in str(caught.value)
    assert len(str(caught.value)) <= 500


GOOD: dict[str, bytes] = {
    "text": body(),
    "no fallbacks": body(fallbacks=None),
    "an empty list of fallbacks": body(fallbacks=1).replace(b"1}", b"[ ]}"),
    "unknown fields": body(metadata={"user_id": None}, container=None, later=[1]),
    "duplicate keys": body()[:-1] + b',"max_tokens":11}',
    "blocks": turns(
        [{"type": "text", "text": "a"}, {"type": "image", "source": {"type": "url", "url": "u"}}]
    ),
    "an unknown block": turns([{"type": "later"}]),
    "a system turn": turns("a", role="system"),
    "an empty last assistant turn": body(
        messages=[{"role": "user", "content": "a"}, {"role": "assistant", "content": ""}]
    ),
    "pre-warming": body(max_tokens=0, tool_choice={"type": "auto"}, output_config={"effort": "low"}),
    "nulls": body(system=None, tools=None, stop_sequences=None, thinking=None, cache_control=None),
    "thinking": body(max_tokens=2000, thinking={"type": "enabled", "budget_tokens": 1024}),
    "adaptive thinking": body(thinking={"type": "adaptive"}),
    "100,000 turns": body(messages=BODY["messages"] * 100_000),
    "not ASCII": turns("Grüße, 世界"),
    "sampling": body(temperature=0.5, top_p=1, top_k=5),
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD.keys())
def test_what_the_api_takes_is_taken(data: bytes) -> None:
    assert parse_messages(data, OLD).model == "claude-sonnet-5-5"


CITED = [{"type": "char_location"}]
GONE_IN_2026_10_21: dict[str, tuple[bytes, str]] = {
    "temperature": (body(temperature=1), "temperature: not supported in API version 2026-10-21"),
    "top_p": (body(top_p=1), "top_p: not supported"),
    "top_k": (body(top_k=None), "top_k: not supported"),
    "assistant document": (
        body(messages=[*BODY["messages"], {"role": "assistant", "content": [{"type": "document"}]}]),
        "messages.1.content.0: an assistant message may not contain a document block",
    ),
    "cited text": (
        turns([{"type": "text", "text": "a", "citations": CITED}]),
        "messages.0.content.0.citations: must be empty",
    ),
    "cited search result": (
        turns([{"type": "search_result", "content": [{"type": "text", "text": "a", "citations": CITED}]}]),
        "messages.0.content.0.citations: must be empty",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "words"), GONE_IN_2026_10_21.values(), ids=GONE_IN_2026_10_21.keys())
def test_the_newest_version_refuses_what_older_ones_take(data: bytes, words: str) -> None:
    parse_messages(data, OLD)
    with pytest.raises(InvalidRequestError, match=words):
        parse_messages(data, NEW)
    with pytest.raises(InvalidRequestError, match=words):
        parse_count(data, NEW)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": "a", "citations": []},
        {"type": "text", "text": "a", "citations": None},
        {"type": "document", "citations": {"enabled": True}},
        {"type": "search_result", "content": [{"type": "text", "text": "a"}], "citations": {"enabled": True}},
    ],
    ids=["no citation", "null", "document", "search result"],
)
def test_the_newest_version_takes_the_rest(block: dict[str, object]) -> None:
    parse_messages(turns([block]), NEW)


def test_an_assistant_may_cite() -> None:
    parse_messages(turns("a", [{"type": "text", "text": "a", "citations": CITED}], role="assistant"), NEW)


def test_a_count_needs_no_max_tokens() -> None:
    assert parse_count(without("max_tokens"), OLD).messages[0].content == "a"
    with pytest.raises(InvalidRequestError, match="messages: Field required"):
        parse_count(without("messages"), OLD)


@pytest.mark.parametrize("number", [128_001, 10**30, 10**60], ids=["one over", "absurd", "endless"])
def test_max_tokens_over_the_models_limit_names_both_numbers(number: int) -> None:
    version = load_book().find_version("claude-sonnet-5-5", datetime(2026, 11, 1, tzinfo=UTC))
    assert version is not None
    require_fitting(parse_messages(body(max_tokens=128_000), OLD), version)
    with pytest.raises(InvalidRequestError, match=rf"max_tokens: {str(number)[:40]}…? > 128000, which is"):
        require_fitting(parse_messages(body(max_tokens=number), OLD), version)


@pytest.mark.parametrize("version", ["2023-01-01", "2023-06-01", "2026-10-21"])
def test_known_api_versions_are_taken(version: str) -> None:
    assert require_version(Head("", version, "", "", 0)) == version


@pytest.mark.parametrize(
    ("version", "words"),
    [("", "header is required"), ("2024-01-01", '"2024-01-01" is not a valid version')],
    ids=["missing", "unknown"],
)
def test_other_api_versions_are_refused(version: str, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"anthropic-version: .*{words}"):
        require_version(Head("", version, "", "", 0))


def test_a_body_of_exactly_the_limit_is_taken() -> None:
    require_size(BODY_BYTES_MAX)
    with pytest.raises(RequestTooLargeError, match="33554432 bytes"):
        require_size(BODY_BYTES_MAX + 1)


@pytest.mark.parametrize(
    ("pairs", "secret"),
    [
        pytest.param([(b"x-api-key", b"k1")], "k1", id="x-api-key"),
        pytest.param([(b"authorization", b"Bearer k2")], "k2", id="bearer"),
        pytest.param([(b"authorization", b"bearer  k2 ")], "k2", id="lower case"),
        pytest.param([(b"authorization", b"Basic k2")], "", id="another scheme"),
        pytest.param([(b"authorization", b"Bearer k2"), (b"x-api-key", b"k1")], "k1", id="both"),
        pytest.param([(b"x-api-key", b"\xff")], "ÿ", id="not ASCII"),
        pytest.param([], "", id="none"),
    ],
)
def test_the_key_is_found_in_either_header(pairs: list[tuple[bytes, bytes]], secret: str) -> None:
    assert read_head(pairs).secret == secret


def test_repeated_beta_headers_are_joined() -> None:
    pairs = [(b"anthropic-beta", b"a,b"), (b"content-length", b"12"), (b"anthropic-beta", b"string")]
    head = read_head(pairs)
    assert (head.beta, head.content_length) == ("a,b,string", 12)


def test_a_head_has_the_address_that_its_wire_found() -> None:
    assert read_head([(b"x-forwarded-for", b"203.0.113.9")], "127.0.0.1").address == "127.0.0.1"
