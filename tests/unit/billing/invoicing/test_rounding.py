"""Rounding: half-even for each line, and lines that sum to their total whatever they are."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.billing.invoicing.rounding import allocate, round_half_even, scale, to_minor, to_nano

CENT = scale("USD", Fraction(1))
CURRENCIES = st.sampled_from(["USD", "EUR", "JPY", "KWD"])
RATES = st.fractions(Fraction(1, 100), Fraction(1_000), max_denominator=10_000)
AMOUNTS = st.lists(st.integers(-(10**13), 10**13), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [(Fraction(5, 2), 2), (Fraction(7, 2), 4), (Fraction(-5, 2), -2), (Fraction(12345, 1000), 12)],
    ids=["tie to even", "tie to even above", "below zero", "no tie"],
)
def test_ties_go_to_the_even_neighbour(exact: Fraction, rounded: int) -> None:
    assert round_half_even(exact) == rounded


def test_three_thirds_of_a_cent_are_a_cent_on_the_first_line() -> None:
    third = 3_333_333
    assert allocate(1, [third, third, third], CENT) == [1, 0, 0]


def test_lines_that_round_up_together_give_back_where_it_was_most() -> None:
    # 0.6, 0.7 and 0.9 cents are 2.2: rounded one by one they are 3, so the first is rounded down.
    assert allocate(2, [6_000_000, 7_000_000, 9_000_000], CENT) == [0, 1, 1]


@pytest.mark.parametrize(
    ("currency", "rate", "minor"),
    [("USD", "1", 1_235), ("EUR", "0.92", 1_136), ("JPY", "150.5", 1_858), ("KWD", "0.3071", 3_791)],
)
def test_dollars_in_currencies_with_no_two_and_three_decimals(currency: str, rate: str, minor: int) -> None:
    # $12.345678: 12.345678, 11.35802376, 1858.024539 and 3.791357714 of them.
    assert to_minor(12_345_678_000, scale(currency, Fraction(rate))) == minor


@given(nano=st.integers(-(10**15), 10**15))
def test_cents_are_the_same_in_the_ledger(nano: int) -> None:
    minor = to_minor(nano, CENT)
    assert to_nano(minor, CENT) == minor * 10_000_000


@given(amounts=AMOUNTS, currency=CURRENCIES, rate=RATES)
def test_rounded_lines_sum_to_the_rounded_total_and_none_is_a_unit_off(
    amounts: list[int], currency: str, rate: Fraction
) -> None:
    per_nano = scale(currency, rate)
    total = to_minor(sum(amounts), per_nano)
    lines = allocate(total, amounts, per_nano)

    assert sum(lines) == total
    assert all(abs(nano * per_nano - line) < 1 for nano, line in zip(amounts, lines, strict=True))
