"""Lookback, levels and buckets, by hand and with hypothesis (claude-api section 3, items 4 to 8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.caching.deciding import find_levels, list_candidates, move_to_read, split
from jeton.caching.words import Breakpoint, Levels, Split

FIVE, HOUR = 300, 3600


def test_an_entry_at_block_15_is_not_found_from_block_35() -> None:
    # Numbered from 1: positions 35 to 16 are checked.
    candidates = list_candidates([Breakpoint(34, FIVE)])
    assert [position + 1 for position in candidates] == list(range(35, 15, -1))


def test_the_search_goes_on_at_the_next_earlier_breakpoint() -> None:
    candidates = list_candidates([Breakpoint(9, FIVE), Breakpoint(34, FIVE)])
    assert 14 not in candidates
    assert candidates[-10:] == list(range(9, -1, -1))


def test_windows_that_overlap_are_searched_once() -> None:
    marks = [Breakpoint(position, FIVE) for position in (20, 25, 30, 35)]
    assert list_candidates(marks) == list(range(35, 0, -1))


@pytest.mark.parametrize(
    ("hit", "marks", "levels"),
    [
        pytest.param(None, [], Levels(0, 0, 0), id="nothing is long enough"),
        pytest.param(None, [(3, FIVE)], Levels(0, 0, 4), id="a write"),
        pytest.param(None, [(1, HOUR), (3, FIVE)], Levels(0, 2, 4), id="mixed"),
        pytest.param(1, [(1, HOUR), (3, FIVE)], Levels(2, 2, 4), id="the hour was read"),
        pytest.param(0, [(1, HOUR), (2, HOUR), (5, FIVE)], Levels(1, 3, 6), id="read, hour, five minutes"),
        pytest.param(5, [(1, HOUR), (5, FIVE)], Levels(6, 6, 6), id="all was read"),
        pytest.param(4, [(1, HOUR)], Levels(5, 5, 5), id="more was read than is marked"),
    ],
)
def test_levels(hit: int | None, marks: list[tuple[int, int]], levels: Levels) -> None:
    assert find_levels(hit, [Breakpoint(*mark) for mark in marks]) == levels


def test_buckets_of_a_mixed_request() -> None:
    counted = {0: 0, 1: 1000, 3: 4000, 6: 9000}
    assert split(10_000, Levels(1, 3, 6), counted, whole=10_000) == Split(1000, 5000, 3000, 1000)


def test_ends_are_scaled_to_what_was_reported_and_rounded_down() -> None:
    # We counted 1,000 of 3,000, the upstream reports 3,100: 1033.3.
    assert split(3100, Levels(1, 1, 1), {0: 0, 1: 1000}, whole=3000) == Split(2067, 0, 0, 1033)


@given(
    st.integers(0, 10**7),
    st.lists(st.integers(0, 10**6), min_size=4, max_size=4).map(sorted),
)
def test_buckets_are_a_partition_of_what_was_reported(total: int, counts: list[int]) -> None:
    counted = {0: 0, 1: counts[0], 2: counts[1], 3: counts[2]}
    parts = split(total, Levels(1, 2, 3), counted, whole=counts[3])
    buckets = (
        parts.input_tokens,
        parts.cache_creation_5m_input_tokens,
        parts.cache_creation_1h_input_tokens,
        parts.cache_read_input_tokens,
    )
    assert sum(buckets) == total
    assert min(buckets) >= 0


def test_what_was_missed_moves_to_what_is_read_from_the_front() -> None:
    usage = Split(1000, 2000, 3000, 500)
    assert move_to_read(usage, 3500) == Split(1000, 1500, 0, 4000)
    assert move_to_read(usage, 9999) == Split(0, 0, 0, 6500)
