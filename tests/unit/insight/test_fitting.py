"""From how many reads on a cache write pays, by the rates of a price version."""

from datetime import date
from fractions import Fraction

from tests.integration.world import SONNET, sonnet

from jeton.insight.caching.fitting import find_break_even, find_fit
from jeton.insight.caching.reading import CacheSums

# 2 / 2.50 / 4 / 0.20 / 10 dollars a million: writes at 1.25 and 2 times, reads at a tenth.
PLAIN = sonnet(date(2026, 1, 1), None, cache_read=200_000_000, model="claude-plain-1")


def test_a_write_for_five_minutes_pays_after_0_28_reads_and_for_an_hour_after_1_11() -> None:
    even = find_break_even(PLAIN)
    assert even is not None
    assert (even.reads_5m, even.reads_1h) == (Fraction(5, 18), Fraction(10, 9))
    assert even.rewrites == Fraction(8, 5)


def test_an_hour_is_better_once_what_expired_cost_more_than_its_premium() -> None:
    """A million tokens for an hour cost $4 instead of $2.50: $1.50 more."""
    even = find_break_even(SONNET)
    assert even is not None
    sums = CacheSums(cache_creation_5m_input_tokens=1_000_000, cache_read_input_tokens=3_000_000)
    for expired_nano, is_better in ((1_500_000_000, False), (1_500_000_001, True)):
        fit = find_fit(even, sums, expired_nano)
        assert (fit.premium_nano, fit.is_1h_better) == (1_500_000_000, is_better)
    assert sums.reads_per_write == 3
    assert sums.read_ppm == 750_000


def test_without_a_price_for_reads_nothing_is_said() -> None:
    sums = CacheSums()
    assert (sums.read_ppm, sums.reads_per_write) == (None, None)
