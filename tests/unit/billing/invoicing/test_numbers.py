"""Numbers: a series is what stands before the number."""

from datetime import date

import pytest

from jeton.billing.invoicing.numbers import find_series, render_number
from jeton.billing.invoicing.words import NumberFormats
from jeton.settings.selling import parse_number_format, parse_tax_rates

FORMATS = NumberFormats()


def test_each_kind_and_year_has_a_series_of_its_own() -> None:
    assert find_series(FORMATS, "invoice", date(2026, 12, 31)) == "INV-2026-"
    assert find_series(FORMATS, "invoice", date(2027, 1, 1)) == "INV-2027-"
    assert find_series(FORMATS, "credit_note", date(2026, 12, 31)) == "CRN-2026-"
    assert render_number(FORMATS, "receipt", date(2026, 5, 1), number=123) == "RCT-2026-000123"


@pytest.mark.parametrize("text", ["INV{number}", "{year}/{number:04d}", "A-{year}-{number:06d}"])
def test_formats_with_a_number_at_their_end(text: str) -> None:
    assert parse_number_format(text) == text


@pytest.mark.parametrize(
    "text",
    ["INV", "{number}-{year}", "{number}{number}", "{number:06}", "{0}{number}", "{{number}", "ü{number}"],
)
def test_others_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number with"):
        parse_number_format(text)


def test_tax_rates_are_percents_with_a_first_day() -> None:
    (one, two) = parse_tax_rates("DE=19@2007-01-01, CH=8.1%")
    assert (one.country, one.rate.numerator, one.rate.denominator, one.from_on) == (
        "DE",
        19,
        100,
        date(2007, 1, 1),
    )
    assert (two.country, two.rate.numerator, two.rate.denominator) == ("CH", 81, 1000)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("DE", "is not COUNTRY=PERCENT"),
        ("DE=19@2007-13-01", "is not COUNTRY=PERCENT"),
        ("de=19", "no ISO 3166-1 code"),
        ("DE=119", "not from 0 to 100"),
        ("DE=19,DE=16", "two rates for one country"),
    ],
)
def test_bad_tax_rates_say_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_tax_rates(text)
