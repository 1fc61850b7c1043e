from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.errors import MoneyError
from jeton.money import (
    NANO_MAX,
    display_usd,
    divide_half_even,
    parse_exact,
    parse_usd,
    render_exact,
    render_usd,
)

amounts = st.integers(-NANO_MAX, NANO_MAX)


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [
        (Fraction(1, 2), 0),
        (Fraction(3, 2), 2),
        (Fraction(5, 2), 2),
        (Fraction(7, 2), 4),
        (Fraction(-5, 2), -2),
        (Fraction(249, 100), 2),
        (Fraction(251, 100), 3),
    ],
)
def test_ties_go_to_the_even_neighbour(exact: Fraction, rounded: int) -> None:
    assert divide_half_even(exact.numerator, exact.denominator) == rounded


@given(amounts, st.integers(1, 10**6))
def test_rounding_moves_by_at_most_half(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    assert abs(exact - divide_half_even(exact.numerator, exact.denominator)) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("nano", "dollars"),
    [
        (0, "0.00"),
        (1, "0.000000001"),
        (29_000_000, "0.029"),
        (5_000_000_000, "5.00"),
        (-1_500_000_000, "-1.50"),
        (NANO_MAX, "9223372036.854775807"),
    ],
)
def test_dollars_are_exact_with_two_decimals_at_least(nano: int, dollars: str) -> None:
    assert render_usd(nano) == dollars
    assert parse_usd(dollars) == nano


@given(amounts)
def test_dollars_read_back_exactly(nano: int) -> None:
    assert parse_usd(render_usd(nano)) == nano


@pytest.mark.parametrize(
    ("nano", "shown"),
    [(1_234_500_000_000, "$1,234.50"), (-13_200_000, "-$0.0132"), (0, "$0.00")],
)
def test_people_see_sign_and_thousands_and_every_decimal(nano: int, shown: str) -> None:
    assert display_usd(nano) == shown


NO_AMOUNTS = [
    "", "five", "NaN", "Infinity", "0x10", "1,50", ".", "1_000", "\u0661", "\uff11", "1 0", "1.5.0", "--1",
    # A power of ten of a hundred million digits would keep the whole server busy.
    "1e100000000", "1e-100000000", "9" * 5_000,
]  # fmt: skip


@pytest.mark.parametrize("text", NO_AMOUNTS)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(MoneyError, match="is not a decimal number"):
        parse_usd(text)


def test_a_small_power_of_ten_is_read_exactly() -> None:
    assert parse_usd("1E-9") == 1
    assert parse_usd("-2.5e3") == -2_500_000_000_000


def test_finer_than_a_nano_is_refused() -> None:
    with pytest.raises(MoneyError, match="more than 9 decimals"):
        parse_usd("0.0000000001")


def test_more_than_the_books_can_hold_is_refused() -> None:
    with pytest.raises(MoneyError, match="is more than"):
        parse_usd("9223372036.854775808")


def test_a_decimal_is_read_exactly_where_a_float_is_not() -> None:
    assert parse_exact("0.1") + parse_exact("0.2") == Fraction(3, 10)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(5), "5"),
        (Fraction(100), "100"),
        (Fraction(1, 8), "0.125"),
        (Fraction(-11, 10), "-1.1"),
        (Fraction(1, 3), "1/3"),
        (Fraction(1, 20), "0.05"),
        (Fraction(-1, 30), "-1/30"),
    ],
)
def test_a_rational_is_a_decimal_where_it_ends(number: Fraction, text: str) -> None:
    assert render_exact(number) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**6), max_value=10**6))
def test_every_decimal_reads_back_exactly(number: Decimal) -> None:
    assert parse_exact(render_exact(Fraction(number))) == Fraction(number)
