"""Usage that no model could have used is shown and not charged, before it drains anybody's credit."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from jeton.charging.words import Metered, Rule
from jeton.gateway.settlement import end_of_answer
from jeton.pricing.loading import load_book
from jeton.pricing.rating import STANDARD

# Sonnet 5.5 reads at most 1,000,000 tokens and writes at most 128,000.
VERSION = load_book().find_version("claude-sonnet-5-5", datetime(2026, 11, 23, tzinfo=UTC))


def end(**usage: Any) -> Metered:  # noqa: ANN401 - JSON of any shape
    assert VERSION is not None
    body = msgspec.json.encode({"stop_reason": "end_turn", "usage": {"output_tokens": 1, **usage}})
    ending = end_of_answer(body, STANDARD, version=VERSION, max_tokens=100)
    assert isinstance(ending, Metered)
    return ending


@pytest.mark.parametrize(
    "usage",
    [
        {"input_tokens": 1_000_001},
        {"input_tokens": 400_000, "cache_read_input_tokens": 600_001},
        {"input_tokens": 10, "output_tokens": 128_001},
        {"input_tokens": 10**13},
    ],
    ids=["prompt", "prompt with cache", "output", "no count at all"],
)
def test_more_than_the_model_can_take_is_quarantined(usage: dict[str, int]) -> None:
    ending = end(**usage)
    assert (ending.rule, ending.usage) == (Rule.USAGE_CONTRADICTORY, None)


@pytest.mark.parametrize(
    "usage",
    [
        {"input_tokens": 1_000_000, "output_tokens": 128_000},
        {"input_tokens": 1_500_000, "server_tool_use": {"web_search_requests": 1}},
        {
            "input_tokens": 900_000,
            "iterations": [{"type": "compaction", "input_tokens": 900_000, "output_tokens": 10}],
        },
    ],
    ids=["all of it", "a search reads it again", "a compaction reads it too"],
)
def test_all_that_it_can_take_and_several_steps_are_charged(usage: dict[str, Any]) -> None:
    ending = end(**usage)
    assert ending.rule is Rule.COMPLETED
    assert ending.usage is not None
