"""Bursts: what of a minute would have had to be batched or cached to fit."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from jeton.insight.limits.minutes import Counted, LimitPlace, find_bursts, fit_burst
from jeton.limits.words import Limits

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)


def minute(requests: int, input_tokens: int, limited: int, **changes: str) -> Counted:
    names = {"workspace_id": "wrkspc_a", "model": "opus-1", **changes}
    return Counted(
        AT, **names, requests=requests, input_tokens=input_tokens, output_tokens=0, limited=limited
    )


@pytest.mark.parametrize(
    ("counted", "limits", "batched", "cached_ppm", "is_input_alone"),
    [
        (minute(30, 60_000, 10), Limits(requests=30), 10, None, False),
        # 40 like them come to 80,000: a quarter too much, so 10 requests, or a quarter of the input.
        (minute(30, 60_000, 10), Limits(input_tokens=60_000), 10, 250_000, True),
        (minute(30, 60_000, 10), Limits(requests=20, input_tokens=60_000), 20, 250_000, False),
        # Nothing passed, so nobody knows how large they were.
        (minute(0, 0, 5), Limits(requests=4, input_tokens=1), 1, None, False),
        (minute(10, 100, 5), Limits(requests=20), 0, None, False),
    ],
    ids=["requests", "input", "both", "nothing passed", "too close"],
)
def test_what_would_have_fitted(
    counted: Counted,
    limits: Limits,
    batched: int,
    cached_ppm: int | None,
    is_input_alone: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    burst = fit_burst(counted, limits)
    assert (burst.batched, burst.cached_ppm, burst.is_input_alone) == (batched, cached_ppm, is_input_alone)
    assert burst.is_close is (batched == 0)


def test_a_minute_of_a_place_is_that_of_all_its_models_and_of_its_workspace_alone() -> None:
    counted = [
        minute(10, 100, 1),
        minute(5, 50, 0, model="opus-2"),
        minute(7, 70, 2, workspace_id="wrkspc_b"),
        minute(9, 90, 9, model="haiku-1"),
    ]
    models = ("opus-1", "opus-2")
    (whole,) = find_bursts(counted, LimitPlace(UUID(int=1), models), Limits(requests=20))
    (own,) = find_bursts(counted, LimitPlace(UUID(int=1), models, "wrkspc_a"), Limits(requests=20))
    assert (whole.counted.requests, whole.counted.limited, whole.batched) == (22, 3, 5)
    assert (own.counted.requests, own.counted.limited, own.batched) == (15, 1, 0)
    assert find_bursts(counted, LimitPlace(UUID(int=1), ("sonnet",)), Limits(requests=1)) == []
