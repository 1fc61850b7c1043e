"""Currencies: minor units of ISO 4217, and amounts as text that is read back."""

import pytest

from jeton.billing.currencies import (
    UnknownCurrencyError,
    display_minor,
    minor_digits,
    parse_minor,
    render_minor,
)
from jeton.errors import InvalidInputError


@pytest.mark.parametrize(
    ("currency", "plain", "shown"),
    [
        ("USD", "-1234.50", "−$1,234.50"),
        ("EUR", "-1234.50", "−€1,234.50"),
        ("JPY", "-123450", "−¥123,450"),
        ("KWD", "-123.450", "−KWD\u00a0123.450"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(currency: str, plain: str, shown: str) -> None:
    assert render_minor(-123450, currency) == plain
    assert display_minor(-123450, currency) == shown
    assert parse_minor(plain, currency) == -123450


def test_less_than_one_unit_has_a_zero_before_the_point() -> None:
    assert render_minor(5, "KWD") == "0.005"
    assert display_minor(-5, "USD") == "−$0.05"
    assert parse_minor("7", "EUR") == 700


@pytest.mark.parametrize("text", ["1.234", "", "1,00", "1.", "--1", "1e3"])
def test_what_is_no_amount_of_the_currency_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_minor(text, "EUR")


def test_what_is_no_currency_is_refused() -> None:
    with pytest.raises(UnknownCurrencyError):
        minor_digits("euro")
