"""Money: an exact amount of US dollars in nano-dollars, and the only place that rounds.

1 USD = 1,000,000,000 nano. An amount is an ``int`` of nano-dollars everywhere: in Python, in
SQL (``bigint``) and, as a decimal string of dollars, in JSON. Prices and factors are exact
rationals (``Fraction``) until the one rounding. Binary floating point never comes near.
"""

import re
from decimal import Decimal
from fractions import Fraction

from jeton.errors import MoneyError

NANO_PER_USD = 1_000_000_000
TOKENS_PER_MTOK = 1_000_000
NANO_MAX = 2**63 - 1
_NANO_DIGITS = 9
_CENT_DIGITS = 2
# Few digits, and of the exponent two: an exact number has as many digits as its power of ten says, and
# making those of 1e100000000 takes minutes, in which nothing else is done.
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,100}(?:\.[0-9]{0,100})?|\.[0-9]{1,100})(?:[eE][+-]?[0-9]{1,2})?")
_CHARS_SHOWN = 60


def divide_half_even(up: int, down: int) -> int:
    """``up / down`` as whole nano-dollars, ties to the even neighbour; ``down`` is positive.

    The one rounding of a line, without making a fraction of it: 5 / 2 is 2, 7 / 2 is 4, -5 / 2 is -2
    (IEEE 754 roundTiesToEven).
    """
    whole, rest = divmod(up, down)
    twice = rest + rest
    return whole + 1 if twice > down or (twice == down and whole & 1) else whole


def parse_exact(text: str) -> Fraction:
    """Read a decimal such as ``"0.125"`` or ``"1E-9"`` exactly; raise MoneyError for anything else."""
    plain = text.strip()
    if _DECIMAL.fullmatch(plain) is None:
        raise MoneyError(text[:_CHARS_SHOWN], "is not a decimal number")
    return Fraction(Decimal(plain))


def parse_usd(text: str) -> int:
    """Read dollars as nano: ``"5.00"`` is 5,000,000,000; finer than a nano is refused."""
    nano = parse_exact(text) * NANO_PER_USD
    if nano.denominator != 1:
        raise MoneyError(text, "has more than 9 decimals of a dollar")
    if abs(nano) > NANO_MAX:
        raise MoneyError(text, f"is more than {render_usd(NANO_MAX)} dollars")
    return int(nano)


def render_usd(nano: int) -> str:
    """Write nano as exact dollars, two decimals at least: 29,000,000 is ``"0.029"``, 5e9 ``"5.00"``."""
    sign = "-" if nano < 0 else ""
    whole, rest = divmod(abs(nano), NANO_PER_USD)
    decimals = f"{rest:0{_NANO_DIGITS}d}".rstrip("0").ljust(_CENT_DIGITS, "0")
    return f"{sign}{whole}.{decimals}"


def render_cents(nano: int) -> str:
    """Write nano as exact cents, two decimals at least: 29,000,000 is ``"2.90"``, 1 is ``"0.0000001"``."""
    sign = "-" if nano < 0 else ""
    whole, rest = divmod(abs(nano), NANO_PER_USD // 100)
    decimals = f"{rest:0{_NANO_DIGITS - _CENT_DIGITS}d}".rstrip("0").ljust(_CENT_DIGITS, "0")
    return f"{sign}{whole}.{decimals}"


def display_usd(nano: int) -> str:
    """Write nano for people, exactly, with sign and thousands: ``-$1,234.50``, ``$0.0132``."""
    text = render_usd(abs(nano))
    whole, decimals = text.split(".")
    return f"{'-' if nano < 0 else ''}${int(whole):,}.{decimals}"


def render_exact(number: Fraction) -> str:
    """Write a rational as a decimal where it ends, else as ``numerator/denominator``."""
    denominator = number.denominator
    digits = 0
    while denominator % 10 == 0:
        denominator, digits = denominator // 10, digits + 1
    twos = fives = 0
    while denominator % 2 == 0:
        denominator, twos = denominator // 2, twos + 1
    while denominator % 5 == 0:
        denominator, fives = denominator // 5, fives + 1
    if denominator != 1:
        return f"{number.numerator}/{number.denominator}"
    digits += max(twos, fives)
    if digits == 0:
        return str(number.numerator)
    scaled = abs(number) * 10**digits
    whole, rest = divmod(int(scaled), 10**digits)
    return f"{'-' if number < 0 else ''}{whole}.{rest:0{digits}d}"
