"""Rounding: from exact nano-dollars to minor units of a currency, and lines that sum to their total.

Half-even for each line; where the rounded lines do not sum to the rounded total, those that rounding moved
most against it are moved by one unit (largest remainder). Nothing is ever off by a whole unit.
"""

from collections.abc import Sequence
from fractions import Fraction

from jeton.billing.currencies import minor_digits
from jeton.money import NANO_PER_USD, divide_half_even


def scale(currency: str, rate: Fraction) -> Fraction:
    """How many minor units of a currency a nano-dollar is, at ``rate`` units for one dollar."""
    units: int = 10 ** minor_digits(currency)
    return rate * units / NANO_PER_USD


def round_half_even(exact: Fraction) -> int:
    """The nearest whole number, ties to the even one: 5/2 is 2, -5/2 is -2."""
    return divide_half_even(exact.numerator, exact.denominator)


def to_minor(nano: int, per_nano: Fraction) -> int:
    """Nano-dollars in minor units, where one nano is ``per_nano`` of them; half-even."""
    return divide_half_even(nano * per_nano.numerator, per_nano.denominator)


def to_nano(minor: int, per_nano: Fraction) -> int:
    """Minor units in nano-dollars; half-even, exact for dollars. 1,234 cents are 12,340,000,000."""
    return divide_half_even(minor * per_nano.denominator, per_nano.numerator)


def allocate(total_minor: int, exact_nano: Sequence[int], per_nano: Fraction) -> list[int]:
    """Round each amount so that they sum to ``total_minor``, which is off their sum by less than one each.

    Three lines of 1/3 cent and a total of one cent give 1, 0, 0: of equal remainders the first. Raises
    ValueError where no such rounding sums to the total.
    """
    up, down = per_nano.numerator, per_nano.denominator
    rounded = [divide_half_even(nano * up, down) for nano in exact_nano]
    missing = total_minor - sum(rounded)
    if missing:
        # What was rounded off (or on) of each, in parts of ``down``.
        off = [nano * up - minor * down for nano, minor in zip(exact_nano, rounded, strict=True)]
        step = 1 if missing > 0 else -1
        order = sorted(range(len(off)), key=lambda number: -step * off[number])
        if abs(missing) > len(order):
            message = f"{len(order)} lines cannot be rounded to a total that is {missing} off"
            raise ValueError(message)
        for number in order[: abs(missing)]:
            rounded[number] += step
    return rounded
