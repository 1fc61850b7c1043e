"""Steps of a histogram, and shares that are never rounded up to whole."""

from datetime import UTC, datetime

import pytest

from jeton.insight.figures.availability import ANSWERED, LEFT_OUT, Availability, ModelAvailability, find_step
from jeton.insight.figures.content import ContentRatio
from jeton.insight.usage import DayRange
from jeton.metering.contract import Rule
from jeton.site.live.blocks import render_availability


@pytest.mark.parametrize(
    ("steps", "percent", "limit_ms"),
    [
        ({100: 10, 250: 10}, 50, 100),
        ({100: 10, 250: 10}, 95, 250),
        ({100: 94, 0: 6}, 95, 0),
        ({100: 95, 0: 5}, 95, 100),
        ({0: 1}, 50, 0),
        ({}, 50, None),
    ],
)
def test_the_step_in_which_so_many_lie(steps: dict[int, int], percent: int, limit_ms: int | None) -> None:
    assert find_step(steps, percent=percent) == limit_ms


def test_one_failure_in_a_million_is_not_whole() -> None:
    model = ModelAvailability("m", 10_000_000, 9_999_999, 100, 0)
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    text = render_availability(Availability(at, DayRange.last(30, at=at), (model,)))
    assert "| `m` | 10,000,000 | 99.99 % | – | – | 100 ms | over 600 s |" in text


def test_every_rule_counts_as_one_thing() -> None:
    """Answered, left out, or else failed: as the page on status says."""
    assert not ANSWERED & LEFT_OUT
    assert {rule.value for rule in set(Rule) - ANSWERED - LEFT_OUT} == {
        "upstream_failed",
        "upstream_failed_during_output",
        "time_limit_during_output",
        "usage_missing",
        "usage_contradictory",
        "node_lost",
        "hold_unconfirmed",
    }


@pytest.mark.parametrize(
    ("characters", "tokens", "ratio"), [(371, 100, "3.71"), (4, 1, "4.00"), (1, 3, "0.33"), (2, 3, "0.67")]
)
def test_characters_per_token_have_two_decimals(characters: int, tokens: int, ratio: str) -> None:
    assert ContentRatio("o200k", "latin", 20, characters, tokens).characters_per_token == ratio
