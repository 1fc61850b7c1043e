"""Trying lifetimes: what is written and read when a family's requests are replayed, and what that costs."""

from datetime import UTC, date, datetime, timedelta

import pytest
from tests.integration.world import sonnet

from jeton.insight.caching.families import CachedUse, replay, try_lifetimes
from jeton.insight.caching.fitting import find_break_even

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
FIVE, HOUR = timedelta(minutes=5), timedelta(hours=1)
# 2 / 2.50 / 4 / 0.20 dollars a million.
PLAIN = sonnet(date(2026, 1, 1), None, cache_read=200_000_000, model="claude-plain-1")


def minutes(*uses: tuple[int, int]) -> list[tuple[datetime, int]]:
    return [(AT + timedelta(minutes=minute), tokens) for minute, tokens in uses]


@pytest.mark.parametrize(
    ("uses", "lifetime", "written", "read"),
    [
        (minutes((0, 1000), (4, 1000)), FIVE, 1000, 1000),
        (minutes((0, 1000), (10, 1000)), FIVE, 2000, 0),
        (minutes((0, 1000), (10, 1000)), HOUR, 1000, 1000),
        # It lives anew from each use, and not at the very end of its time.
        (minutes((0, 1000), (4, 1000), (8, 1000)), FIVE, 1000, 2000),
        (minutes((0, 1000), (5, 1000)), FIVE, 2000, 0),
        # A longer one is written as far as it is longer; a shorter one shortens nothing.
        (minutes((0, 1000), (1, 1500), (2, 800), (3, 1500)), FIVE, 1500, 3300),
        ([], FIVE, 0, 0),
    ],
    ids=["alive", "expired", "an hour", "anew", "the end", "lengths", "none"],
)
def test_a_prefix_is_written_when_none_is_alive(
    uses: list[tuple[datetime, int]], lifetime: timedelta, written: int, read: int
) -> None:
    assert replay(uses, lifetime) == (written, read)


def test_an_hour_pays_where_requests_come_every_ten_minutes() -> None:
    """Six of a million tokens: 6 × $2.50 with five minutes; $4 + 5 × $0.20 with an hour; 6 × $2 without."""
    even = find_break_even(PLAIN)
    assert even is not None
    uses = [
        CachedUse(at, "k", 10, 1_000_000, 0, 0, 0, is_broken=False)
        for at, _ in minutes(*((10 * number, 0) for number in range(6)))
    ]
    trial = try_lifetimes(uses, even)
    assert (trial.really_nano, trial.five_minutes_nano) == (15_000_000_000, 15_000_000_000)
    assert (trial.one_hour_nano, trial.uncached_nano) == (5_000_000_000, 12_000_000_000)
    assert trial.best == "1h"
