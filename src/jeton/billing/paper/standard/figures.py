"""Figures: amounts and numbers as EN 16931 writes them."""

from fractions import Fraction

from jeton.billing.currencies import minor_digits, render_minor
from jeton.billing.paper.standard.limits import AMOUNT_DIGITS

_DECIMALS_MAX = 12


def render_amount(minor: int, currency: str) -> str:
    """An amount with two decimals at most: fils were found to be whole tens before."""
    text = render_minor(minor, currency)
    excess = minor_digits(currency) - AMOUNT_DIGITS
    return text[:-excess] if excess > 0 else text


def render_number(number: Fraction) -> str:
    """A number as a decimal, exact where it ends within 12 places."""
    scaled = round(abs(number) * 10**_DECIMALS_MAX)
    whole, rest = divmod(scaled, 10**_DECIMALS_MAX)
    decimals = f"{rest:0{_DECIMALS_MAX}d}".rstrip("0")
    return f"{'-' if number < 0 and scaled else ''}{whole}{'.' if decimals else ''}{decimals}"
