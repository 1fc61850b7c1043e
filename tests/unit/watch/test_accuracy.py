from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.tokens.count import Count
from jeton.watch.accuracy import ERROR_PPM_MAX, Series, Sums, error_ppm, is_outside

COUNTS = st.tuples(st.integers(0, 10**7), st.integers(1, 10**7), st.booleans())


@pytest.mark.parametrize(
    ("counted", "reported", "error"),
    [
        (100, 100, 0),
        (98, 100, -20_000),
        (103, 100, 30_000),
        (0, 7, -1_000_000),
        (2, 3, -333_333),
        (5, 3, 666_667),
        # Half a millionth goes away from zero, on both sides alike.
        (2_000_001, 2_000_000, 1),
        (1_999_999, 2_000_000, -1),
        (4_000_001, 4_000_000, 0),
        (1_000_000, 1, ERROR_PPM_MAX),
    ],
)
def test_an_error_is_relative_to_the_providers_count(counted: int, reported: int, error: int) -> None:
    assert error_ppm(counted, reported) == error


def test_sums_add_up_signed_and_absolute_errors_and_keep_the_worst() -> None:
    sums = Sums()
    errors = [
        sums.add(98, 100, is_outside=True),
        sums.add(103, 100, is_outside=False),
        sums.add(50, 50, is_outside=False),
    ]
    assert errors == [-20_000, 30_000, 0]
    assert sums == Sums(
        observations=3,
        counted_tokens=251,
        reported_tokens=250,
        error_ppm=10_000,
        absolute_error_ppm=50_000,
        worst_under_ppm=-20_000,
        worst_over_ppm=30_000,
        outside=1,
    )


@given(st.lists(COUNTS, max_size=20), st.lists(COUNTS, max_size=20))
def test_the_sums_of_two_nodes_are_those_of_one_that_saw_everything(
    here: list[tuple[int, int, bool]], there: list[tuple[int, int, bool]]
) -> None:
    one, other, both = Sums(), Sums(), Sums()
    for sums, counts in ((one, here), (other, there), (both, [*here, *there])):
        for counted, reported, outside in counts:
            sums.add(counted, reported, is_outside=outside)
    one.merge(other)
    assert astuple(one) == astuple(both)


@pytest.mark.parametrize(
    ("error", "bucket"), [(0, 0), (1_000, 0), (1_001, 1), (-20_000, 4), (1_000_000, 9), (1_000_001, 10)]
)
def test_an_error_is_in_the_bucket_of_its_limit(error: int, bucket: int) -> None:
    series = Series()
    assert series.add(1_000_000 + error, 1_000_000, is_outside=False) == error
    assert [index for index, count in enumerate(series.buckets) if count] == [bucket]


@pytest.mark.parametrize(("reported", "expected"), [(89, True), (90, False), (120, False), (121, True)])
def test_an_interval_includes_its_limits(reported: int, *, expected: bool) -> None:
    count = Count(value=100, low=90, high=120, method="estimated", family="claude-4.7", calibration="c1")
    assert is_outside(count, reported) is expected
