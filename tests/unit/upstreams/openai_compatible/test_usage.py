"""Cached tokens are a subset there and a bucket here; nothing is priced that does not add up."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.metering.reported import read_reported
from jeton.upstreams.openai_compatible.usage import translate_usage, usage_at_start
from jeton.usage import Usage


def translated(**reported: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    return translate_usage(msgspec.json.encode(reported))


def metered(**reported: Any) -> Usage | None:  # noqa: ANN401 - JSON of any shape
    return read_reported(msgspec.json.encode(translated(**reported))).usage


def test_a_subset_becomes_buckets_of_its_own() -> None:
    usage = metered(
        prompt_tokens=8_000,
        completion_tokens=500,
        total_tokens=8_500,
        prompt_tokens_details={"cached_tokens": 7_000},
        completion_tokens_details={"reasoning_tokens": 120},
    )
    assert usage == Usage(1_000, cache_read_input_tokens=7_000, output_tokens=500, thinking_tokens=120)


def test_what_was_written_to_the_cache_is_taken_out_too() -> None:
    usage = metered(
        prompt_tokens=100,
        completion_tokens=1,
        prompt_tokens_details={"cached_tokens": 30, "cache_write_tokens": 60},
    )
    assert usage == Usage(10, 60, 0, 30, 1)


@pytest.mark.parametrize(
    "raw",
    [b"", b"null", b'{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}'],
    ids=["absent", "null", "zeros"],
)
def test_no_count_is_no_usage(raw: bytes) -> None:
    """Some servers say zero for what they did not count."""
    assert translate_usage(raw) is None


@pytest.mark.parametrize(
    "reported",
    [
        {"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 11}},
        {
            "prompt_tokens": 10,
            "completion_tokens": 2,
            "completion_tokens_details": {"reasoning_tokens": 3},
        },
        {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 13},
        {"prompt_tokens": -10, "completion_tokens": 2},
        {"prompt_tokens": 10, "completion_tokens": -2},
        {"prompt_tokens": 10**13, "completion_tokens": 2},
        {"prompt_tokens": "10", "completion_tokens": 2},
        {"prompt_tokens": 10.5, "completion_tokens": 2},
        {"input_tokens": 10, "output_tokens": 2},
    ],
    ids=[
        "cached-over-prompt",
        "thought-over-output",
        "sum",
        "negative",
        "negative-output",
        "absurd",
        "text",
        "fraction",
        "other-words",
    ],
)
def test_counts_that_contradict_each_other_are_quarantined_with_what_was_said(
    reported: dict[str, Any],
) -> None:
    """One product credited its customers for a negative prompt."""
    read = read_reported(msgspec.json.encode(translated(**reported)))
    assert (read.usage, read.is_missing) == (None, False)
    assert read.text is not None
    assert msgspec.json.decode(read.text)["reported"] == reported


def test_a_start_without_counts_is_no_count() -> None:
    assert read_reported(msgspec.json.encode(usage_at_start(None))).is_missing


counts = st.integers(0, 10**9)


@given(counts, counts, counts, counts)
def test_buckets_are_a_partition_of_what_was_reported(
    prompt: int, read: int, written: int, output: int
) -> None:
    """P6: whatever is priced sums to what the server said."""
    usage = (
        metered(
            prompt_tokens=prompt,
            completion_tokens=output,
            total_tokens=prompt + output,
            prompt_tokens_details={"cached_tokens": read, "cache_write_tokens": written},
        )
        if prompt
        else None
    )
    if prompt and read + written <= prompt:
        assert usage is not None
        assert (usage.prompt_tokens, usage.output_tokens) == (prompt, output)
        assert usage.cache_read_input_tokens == read
    else:
        assert usage is None


@given(st.binary(max_size=200))
def test_no_bytes_can_stop_a_settlement(raw: bytes) -> None:
    usage = translate_usage(raw)
    if usage is not None:
        read_reported(msgspec.json.encode(usage))
