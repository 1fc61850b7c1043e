"""The conversion of reported usage: disjoint buckets, or quarantined with a sentence."""

from dataclasses import astuple
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.metering.reported import REPORTED_BYTES_MAX, merge_reported, read_reported
from jeton.usage import Bucket

COUNTS = {"input_tokens": 10, "output_tokens": 5}

# input, write 5m, write 1h, read, output, searches, and what of the output was thought
PRICED: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "input and output": (COUNTS, (10, 0, 0, 0, 5, 0)),
    "nulls": (
        {**COUNTS, "cache_creation_input_tokens": None, "cache_read_input_tokens": None,
         "cache_creation": None, "server_tool_use": None, "iterations": None},
        (10, 0, 0, 0, 5, 0),
    ),
    "a total alone was written for five minutes": (
        {**COUNTS, "cache_creation_input_tokens": 7}, (10, 7, 0, 0, 5, 0),
    ),
    "a split": (
        {**COUNTS, "cache_creation_input_tokens": 7, "cache_read_input_tokens": 9,
         "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}},
        (10, 3, 4, 9, 5, 0),
    ),
    "a split without its total": (
        {**COUNTS, "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}},
        (10, 3, 4, 0, 5, 0),
    ),
    "searches": (
        {**COUNTS, "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 2}},
        (10, 0, 0, 0, 5, 3),
    ),
    "thinking is a part of the output": (
        {**COUNTS, "output_tokens_details": {"thinking_tokens": 5}}, (10, 0, 0, 0, 5, 0, 5),
    ),
    "that of a compaction is added": (
        {**COUNTS, "output_tokens_details": {"thinking_tokens": 2}, "iterations": [
            {"type": "compaction", "input_tokens": 100, "output_tokens": 50,
             "output_tokens_details": {"thinking_tokens": 30}}]},
        (110, 0, 0, 0, 55, 0, 32),
    ),
    "details of nothing": ({**COUNTS, "output_tokens_details": None}, (10, 0, 0, 0, 5, 0, 0)),
    "a compaction is added": (
        {**COUNTS, "iterations": [
            {"type": "compaction", "input_tokens": 100, "output_tokens": 50, "cache_read_input_tokens": 20,
             "cache_creation_input_tokens": 30},
            {"type": "message", "input_tokens": 10, "output_tokens": 5}]},
        (110, 30, 0, 20, 55, 0),
    ),
    "unknown fields": ({**COUNTS, "fallback_credit": {"a": [1]}, "later": 1.5}, (10, 0, 0, 0, 5, 0)),
    "read from the cache": (
        {"input_tokens": 0, "cache_read_input_tokens": 7, "output_tokens": 0},
        (0, 0, 0, 7, 0, 0),
    ),
    "the largest": ({"input_tokens": 10**12, "output_tokens": 10**12}, (10**12, 0, 0, 0, 10**12, 0)),
}  # fmt: skip

QUARANTINED: dict[str, tuple[object, str]] = {
    "no output_tokens": ({"input_tokens": 1}, "output_tokens"),
    "negative": ({"input_tokens": -1, "output_tokens": 5}, "input_tokens: Expected int >= 0"),
    "negative, hidden in a sum": (
        {**COUNTS, "iterations": [{"type": "compaction", "input_tokens": -3}]},
        "iterations[0].input_tokens: Expected int >= 0",
    ),
    "negative part": (
        {**COUNTS, "cache_creation_input_tokens": 1,
         "cache_creation": {"ephemeral_5m_input_tokens": -1, "ephemeral_1h_input_tokens": 2}},
        "ephemeral_5m_input_tokens: Expected int >= 0",
    ),
    "absurd": ({"input_tokens": 10**12 + 1, "output_tokens": 5}, "Expected int <= 1000000000000"),
    "text": ({"input_tokens": "10", "output_tokens": 5}, "input_tokens: Expected int"),
    "fraction": ({"input_tokens": 1.5, "output_tokens": 5}, "input_tokens: Expected int"),
    "parts that do not add up": (
        {**COUNTS, "cache_creation_input_tokens": 8,
         "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}},
        "cache_creation_input_tokens is 8, but its parts are 3 (5m) and 4 (1h)",
    ),
    "more thought than put out": (
        {**COUNTS, "output_tokens_details": {"thinking_tokens": 6}},
        "thinking_tokens is 6, but output_tokens, of which they are, is 5",
    ),
    "negative thinking": (
        {**COUNTS, "output_tokens_details": {"thinking_tokens": -1}}, "thinking_tokens: Expected int >= 0",
    ),
    "another model's tokens": (
        {**COUNTS, "iterations": [{"type": "fallback_message", "input_tokens": 3}]},
        "fallback_message ran on a model of its own",
    ),
    "not an object": ([1], "Expected object"),
    "a sum over the limit": (
        {"input_tokens": 10**12, "output_tokens": 5,
         "iterations": [{"type": "compaction", "input_tokens": 1}]},
        "input_tokens is 1000000000001",
    ),
    "a NUL": ({**COUNTS, "service_tier": "\x00"}, "cannot be stored"),
}  # fmt: skip


@pytest.mark.parametrize(("reported", "counts"), PRICED.values(), ids=PRICED.keys())
def test_becomes_disjoint_buckets(reported: dict[str, Any], counts: tuple[int, ...]) -> None:
    usage = read_reported(msgspec.json.encode(reported)).usage
    assert usage is not None
    thought = () if len(counts) > len(Bucket) else (0,)
    assert astuple(usage) == (*counts, *thought)


@pytest.mark.parametrize(("reported", "words"), QUARANTINED.values(), ids=QUARANTINED.keys())
def test_is_quarantined_with_a_sentence(reported: object, words: str) -> None:
    found = read_reported(msgspec.json.encode(reported))
    assert found.usage is None
    assert not found.is_missing
    assert words in (found.problem or "")


@pytest.mark.parametrize("raw", [b"", b"null"], ids=["absent", "null"])
def test_missing_is_a_state_and_not_a_zero(raw: bytes) -> None:
    found = read_reported(raw)
    assert (found.usage, found.is_missing) == (None, True)


def test_a_prompt_of_no_tokens_was_not_counted() -> None:
    """Some servers report zeros; at any price that would be free (P8)."""
    found = read_reported(b'{"input_tokens":0,"output_tokens":5}')
    assert (found.usage, found.is_missing) == (None, True)
    assert found.text == '{"input_tokens":0,"output_tokens":5}'


@pytest.mark.parametrize(
    "raw", [b"1e", b'{"a":"\xff"}', b"[" * 60_000 + b"]" * 1, b"[" * 30_000 + b"]" * 30_000],
    ids=["cut", "bad UTF-8", "open", "deep"],
)  # fmt: skip
def test_what_is_not_json_is_quarantined_without_being_kept(raw: bytes) -> None:
    found = read_reported(raw)
    assert (found.usage, found.text, found.is_missing) == (None, None, False)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'{"input_tokens":1,"output_tokens":1}', '{"input_tokens":1,"output_tokens":1}'),
        (
            b'{"input_tokens":1,"output_tokens":1, "a":"\\u00e9"}',
            '{"input_tokens":1,"output_tokens":1,"a":"é"}',
        ),
        (b'{"input_tokens":1,"output_tokens":1,"a":1e2}', '{"input_tokens":1,"output_tokens":1,"a":100.0}'),
        (b'{"input_tokens":-1, "output_tokens":1}', '{"input_tokens":-1,"output_tokens":1}'),
    ],
    ids=["as it came", "escapes", "exponents", "not priced"],
)
def test_the_text_that_is_kept_is_json_for_every_database(raw: bytes, text: str) -> None:
    assert read_reported(raw).text == text


def test_too_large_is_quarantined() -> None:
    raw = msgspec.json.encode({**COUNTS, "pad": "x" * REPORTED_BYTES_MAX})
    assert read_reported(raw).problem == "The upstream's usage is larger than 65536 bytes."


def test_conditions_are_read_as_reported() -> None:
    found = read_reported(
        b'{"input_tokens":1,"output_tokens":1,"service_tier":"batch","inference_geo":"us","speed":"fast"}'
    )
    assert (found.service_tier, found.inference_geo, found.speed) == ("batch", "us", "fast")


def test_tiers_and_places_without_a_price_of_their_own_are_standard() -> None:
    found = read_reported(
        b'{"input_tokens":1,"output_tokens":1,"service_tier":"priority","inference_geo":"not_available"}'
    )
    assert (found.service_tier, found.inference_geo, found.speed) == ("standard", "global", None)


def test_later_totals_overwrite_and_omitted_ones_stay() -> None:
    merged = merge_reported(
        b'{"input_tokens":25,"output_tokens":1,"cache_read_input_tokens":7,"speed":"fast"}',
        b'{"output_tokens":15,"cache_read_input_tokens":null}',
    )
    assert msgspec.json.decode(merged) == {
        "input_tokens": 25, "output_tokens": 15, "cache_read_input_tokens": 7, "speed": "fast",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("total", "split"), [(9, (5, 4)), (7, (3, 4)), (6, (3, 4))], ids=["grown", "equal", "shrunk"]
)
def test_growth_of_the_cache_is_for_five_minutes(total: int, split: tuple[int, int]) -> None:
    earlier = {
        **COUNTS, "cache_creation_input_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
    }  # fmt: skip
    later = {"output_tokens": 6, "cache_creation_input_tokens": total}
    merged = msgspec.json.decode(merge_reported(msgspec.json.encode(earlier), msgspec.json.encode(later)))
    assert tuple(merged["cache_creation"].values()) == split


@pytest.mark.parametrize("later", [b"", b"{", b"[]"], ids=["none", "cut", "list"])
def test_merging_never_raises(later: bytes) -> None:
    merged = merge_reported(b'{"input_tokens":1,"output_tokens":1}', later)
    assert (read_reported(merged).usage is None) == bool(later)


_COUNT = st.integers(-2, 10**13) | st.none() | st.booleans() | st.just("7")


@given(
    st.dictionaries(
        st.sampled_from(
            ["input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]
        ),
        _COUNT,
    ),
    st.none() | st.tuples(st.integers(-1, 10**6), st.integers(-1, 10**6)),
)
def test_buckets_add_up_to_what_was_reported_or_nothing_is_priced(
    counts: dict[str, Any], split: tuple[int, int] | None
) -> None:
    if split is not None:
        names = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
        counts["cache_creation"] = dict(zip(names, split, strict=True))
    found = read_reported(msgspec.json.encode(counts))
    if found.usage is None:
        assert found.problem
        return
    assert all(count >= 0 for count in astuple(found.usage))
    written = counts.get("cache_creation_input_tokens")
    total = counts["input_tokens"] + (counts.get("cache_read_input_tokens") or 0)
    assert found.usage.prompt_tokens == total + (sum(split or (0, 0)) if written is None else written)
    assert found.usage.output_tokens == counts["output_tokens"]
