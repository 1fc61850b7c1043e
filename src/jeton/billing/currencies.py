"""Currencies: how many decimals the minor unit of one has, and amounts in it as text.

Minor units are ISO 4217's (list one, 2026-01-01): two decimals, but for the currencies named here.
"""

import re

from jeton.errors import InvalidInputError

_USUAL_DIGITS = 2
_DIGITS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV"), 0
    ),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_CODE = re.compile(r"[A-Z]{3}")
_NO_BREAK_SPACE = "\u00a0"


class UnknownCurrencyError(InvalidInputError):
    """Not the code of a currency."""

    code = "currency_unknown"


def minor_digits(currency: str) -> int:
    """The decimals of a currency: 2 of USD, 0 of JPY, 3 of KWD; UnknownCurrencyError for what is no code."""
    if not _CODE.fullmatch(currency):
        raise UnknownCurrencyError(
            f"{currency!r} is no currency code; use three capital letters, such as EUR."
        )
    return _DIGITS.get(currency, _USUAL_DIGITS)


def render_minor(minor: int, currency: str) -> str:
    """Minor units as a plain decimal: 123,450 is ``1234.50`` EUR, ``123450`` JPY, ``123.450`` KWD."""
    digits = minor_digits(currency)
    sign = "-" if minor < 0 else ""
    whole, rest = divmod(abs(minor), 10**digits)
    return f"{sign}{whole}.{rest:0{digits}d}" if digits else f"{sign}{whole}"


def parse_minor(text: str, currency: str) -> int:
    """The inverse of ``render_minor``; InvalidInputError for anything else, such as a decimal too many."""
    digits = minor_digits(currency)
    found = re.fullmatch(r"(-?)(\d{1,15})(?:\.(\d+))?", text)
    if found is None or len(found[3] or "") > digits:
        raise InvalidInputError(f"{text!r} is no amount in {currency}, which has {digits} decimals.")
    minor: int = int(found[2]) * 10**digits + int((found[3] or "").ljust(digits, "0") or "0")
    return -minor if found[1] else minor


def display_minor(minor: int, currency: str) -> str:
    """Minor units for people: ``$1,234.50``, ``−€5.00``, ``¥1,235``, ``KWD 1.234``; no space breaks."""
    whole, _, decimals = render_minor(abs(minor), currency).partition(".")
    unit = currency_sign(currency)
    return f"{'−' if minor < 0 else ''}{unit}{int(whole):,}{'.' if decimals else ''}{decimals}"


def currency_sign(currency: str) -> str:
    """What stands before an amount: ``€``, or the code and a space at which no line breaks."""
    return _SYMBOLS.get(currency) or f"{currency}{_NO_BREAK_SPACE}"
