"""What a broken hit cost, from the stored usage alone."""

from datetime import UTC, datetime
from typing import Any

import pytest

from jeton.insight.caching.breaks import CacheBreak, find_cache_break
from jeton.pricing.loading import load_book
from jeton.pricing.rating import STANDARD, Conditions
from jeton.usage import Usage

VERSION = load_book().find_version("claude-sonnet-5-5", datetime(2026, 11, 23, tzinfo=UTC))


def reported(miss: dict[str, Any] | None) -> dict[str, Any]:
    return {"input_tokens": 1000, "jeton_prompt_cache": {"reported": {}} | ({"miss": miss} if miss else {})}


@pytest.mark.parametrize(
    ("usage", "conditions", "cost_nano"),
    [
        # 9,000 tokens at $2.50 a million instead of $0.10.
        pytest.param(Usage(1000, 9000), STANDARD, 21_600_000, id="written for five minutes"),
        # 9,000 at $4 instead of $0.10.
        pytest.param(Usage(1000, 0, 9000), STANDARD, 35_100_000, id="written for an hour"),
        # 9,000 at $2 instead of $0.10.
        pytest.param(Usage(10_000), STANDARD, 17_100_000, id="not cached"),
        pytest.param(Usage(1000, 9000), Conditions("batch"), 10_800_000, id="in a batch half of it"),
        # 4,000 at $4 and 5,000 at $2.50, instead of $0.10.
        pytest.param(Usage(0, 6000, 4000), STANDARD, 27_600_000, id="mixed lifetimes"),
    ],
)
def test_a_break_costs_what_reading_would_have_saved(
    usage: Usage, conditions: Conditions, cost_nano: int
) -> None:
    assert VERSION is not None
    found = find_cache_break(
        reported({"type": "system_changed", "cache_missed_input_tokens": 9000}),
        usage,
        VERSION,
        conditions=conditions,
    )
    assert found == CacheBreak("system_changed", 9000, cost_nano)


def test_of_an_unknown_message_nobody_knows_the_cost() -> None:
    assert VERSION is not None
    found = find_cache_break(
        reported({"type": "previous_message_not_found"}), Usage(1000), VERSION, conditions=STANDARD
    )
    assert found == CacheBreak("previous_message_not_found", None, None)


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(None, id="nothing reported"),
        pytest.param({"input_tokens": 5}, id="the upstream's own account"),
        pytest.param(reported(None), id="a hit"),
        pytest.param({"jeton_prompt_cache": {"miss": {"type": "of a later version"}}}, id="unknown reason"),
        pytest.param({"jeton_prompt_cache": 5}, id="no account"),
    ],
)
def test_where_nothing_broke_nothing_is_said(stored: object) -> None:
    assert VERSION is not None
    assert find_cache_break(stored, Usage(1000), VERSION, conditions=STANDARD) is None
