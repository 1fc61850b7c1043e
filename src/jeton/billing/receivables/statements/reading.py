"""Reading: amounts and dates as banks write them, and never a guess where two readings are possible."""

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Literal

DecimalMark = Literal["auto", "point", "comma"]
DateOrder = Literal["auto", "dmy", "mdy"]

# 10^15 minor units are more than any organization pays, and fit what is stored.
AMOUNT_MINOR_MAX = 10**15

_GROUPS = re.compile(r"[\s'’_]")
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*")
_ISO = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ].*)?")
_PARTED = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})")
_CENTURY = 2000
_YEAR_DIGITS = 4
_MONTHS = 12
_GROUP_DIGITS = 3
_MARKS: dict[str, str] = {"point": ".", "comma": ","}


def parse_minor(text: str, *, digits: int, mark: DecimalMark = "auto") -> int:
    """An amount of a currency with ``digits`` decimals in minor units: ``1.234,56`` of EUR is 123456.

    ValueError for what is none, has more decimals, or may be read in two ways (``1,234``).
    """
    plain = _GROUPS.sub("", text.strip()).replace("−", "-")
    if plain.endswith("-"):
        plain = f"-{plain[:-1]}"
    if _NUMBER.fullmatch(plain) is None:
        raise ValueError(f"{text!r} is not an amount")
    decimal = _MARKS.get(mark) or _find_mark(plain)
    thousands = "," if decimal == "." else "."
    whole, _, rest = plain.partition(decimal)
    if thousands in rest or decimal in rest:
        raise ValueError(f"{text!r} is not an amount")
    groups = whole.lstrip("+-").split(thousands)
    if any(len(group) != _GROUP_DIGITS for group in groups[1:]):
        raise ValueError(f"{text!r} is not an amount")
    sign = "-" if plain.startswith("-") else ""
    return parse_exact_minor(f"{sign}{''.join(groups)}.{rest or '0'}", digits=digits)


def parse_exact_minor(text: str, *, digits: int) -> int:
    """A plain decimal (``1234.56``) in minor units; ValueError for anything else."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount") from None
    if not number.is_finite() or abs(number) > AMOUNT_MINOR_MAX:
        raise ValueError(f"{text!r} is not an amount")
    minor = number.scaleb(digits)
    if minor != minor.to_integral_value():
        raise ValueError(f"{text!r} has more than {digits} decimals")
    if abs(minor) > AMOUNT_MINOR_MAX:
        raise ValueError(f"{text!r} is more than can be booked")
    return int(minor)


def parse_date(text: str, *, order: DateOrder = "auto") -> date:
    """A date as ``2026-11-23``, ``20261123``, ``23.11.2026`` or ``23/11/26``.

    ValueError for what is none, or may be read in two ways where ``order`` does not say which.
    """
    plain = text.strip()
    iso = _ISO.fullmatch(plain)
    if iso is not None:
        return _date(text, int(iso[1]), int(iso[2]), int(iso[3]))
    parted = _PARTED.fullmatch(plain)
    if parted is None:
        raise ValueError(f"{text!r} is not a date")
    first, second = int(parted[1]), int(parted[2])
    year = int(parted[3]) if len(parted[3]) == _YEAR_DIGITS else _CENTURY + int(parted[3])
    # Points are only used where the day comes first.
    is_day_first = order == "dmy" or (order == "auto" and ("." in plain or first > _MONTHS))
    is_month_first = order == "mdy" or (order == "auto" and second > _MONTHS)
    if not is_day_first and not is_month_first and first != second:
        raise ValueError(f"{text!r} may be two dates; say which with bank_csv_dates")
    return _date(text, year, second, first) if is_day_first else _date(text, year, first, second)


def _find_mark(plain: str) -> str:
    """The decimal mark of one number, by its own shape."""
    marks = [char for char in plain if char in ".,"]
    if not marks:
        return "."
    if len(set(marks)) > 1:
        return marks[-1]
    if len(marks) > 1:
        return "," if marks[0] == "." else "."
    if len(plain.rpartition(marks[0])[2]) == _GROUP_DIGITS:
        raise ValueError(f"{plain!r} may be two amounts; say which with bank_csv_decimal_mark")
    return marks[0]


def _date(text: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"{text!r} is not a date") from None
