"""Amounts and dates as banks write them; expected values by hand."""

from datetime import date

import pytest

from jeton.billing.receivables.statements.reading import (
    DateOrder,
    DecimalMark,
    parse_date,
    parse_exact_minor,
    parse_minor,
)


@pytest.mark.parametrize(
    ("text", "digits", "mark", "minor"),
    [
        ("1234.56", 2, "auto", 123_456),
        ("1.234,56", 2, "auto", 123_456),
        ("1,234.56", 2, "auto", 123_456),
        ("1'234.56", 2, "auto", 123_456),
        ("1 234,56", 2, "auto", 123_456),
        ("12,5", 2, "auto", 1_250),
        ("-12,50", 2, "auto", -1_250),
        ("12.50-", 2, "auto", -1_250),
        ("−12.50", 2, "auto", -1_250),
        ("+7", 2, "auto", 700),
        ("1.234.567", 0, "auto", 1_234_567),
        ("1,234", 0, "point", 1_234),
        ("1,234", 3, "comma", 1_234),
        ("1.234", 2, "comma", 123_400),
        ("12345", 0, "auto", 12_345),
    ],
)
def test_an_amount_is_read_as_its_bank_meant_it(
    text: str, digits: int, mark: DecimalMark, minor: int
) -> None:
    assert parse_minor(text, digits=digits, mark=mark) == minor


@pytest.mark.parametrize(
    ("text", "digits", "problem"),
    [
        ("1,234", 2, "two amounts"),
        ("1.234", 3, "two amounts"),
        ("12.345,6,7", 2, "not an amount"),
        ("1.23.456", 2, "not an amount"),
        ("12.50 EUR", 2, "not an amount"),
        ("", 2, "not an amount"),
        ("1e3", 2, "not an amount"),
        ("12.505,00", 0, None),
        ("0.01", 0, "more than 0 decimals"),
    ],
)
def test_an_amount_that_may_be_another_is_refused(text: str, digits: int, problem: str | None) -> None:
    if problem is None:
        assert parse_minor(text, digits=digits) == 12_505
        return
    with pytest.raises(ValueError, match=problem):
        parse_minor(text, digits=digits)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e400", "99999999999999999999", "0.001", "x"])
def test_an_exact_amount_is_a_plain_number_that_can_be_booked(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_exact_minor(text, digits=2)


@pytest.mark.parametrize(
    ("text", "order", "read"),
    [
        ("2026-11-03", "auto", date(2026, 11, 3)),
        ("20261103", "auto", date(2026, 11, 3)),
        ("2026-11-03T10:15:00+01:00", "auto", date(2026, 11, 3)),
        ("03.11.2026", "auto", date(2026, 11, 3)),
        ("03.11.26", "auto", date(2026, 11, 3)),
        ("23/11/2026", "auto", date(2026, 11, 23)),
        ("11/23/2026", "auto", date(2026, 11, 23)),
        ("11/11/2026", "auto", date(2026, 11, 11)),
        ("03/11/2026", "dmy", date(2026, 11, 3)),
        ("03/11/2026", "mdy", date(2026, 3, 11)),
    ],
)
def test_a_date_is_read_as_its_bank_meant_it(text: str, order: DateOrder, read: date) -> None:
    assert parse_date(text, order=order) == read


@pytest.mark.parametrize("text", ["03/11/2026", "31.02.2026", "today", "2026-13-01", "23/11/202"])
def test_a_date_that_may_be_another_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"may be two dates|is not a date"):
        parse_date(text)
