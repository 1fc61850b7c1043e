"""Sizing: how much tax is in a part of a claim that is given up; pure."""

from dataclasses import dataclass

from jeton.money import divide_half_even


@dataclass(frozen=True, slots=True)
class Contained:
    """Of ``paid_nano`` that was taken, ``tax_nano`` was declared in one category at one rate."""

    category: str
    rate: str
    paid_nano: int
    tax_nano: int


@dataclass(frozen=True, slots=True)
class RelievedTax:
    """Tax of one category and rate that is owed to the state no more."""

    category: str
    rate: str
    tax_nano: int


def relieve(contained: Contained, *, whole_nano: int, before_nano: int, amount_nano: int) -> RelievedTax:
    """The tax in ``amount_nano`` of ``whole_nano``, of which ``before_nano`` was given up before.

    Parts are differences of rounded sums, so that all of them are all of it. $35.70 of $119 with $19 of tax
    has $5.70; of $30 that were used of a voucher, whose receipts took out $4.79, $10 have $1.60.
    """
    before, after = (
        divide_half_even(contained.tax_nano * nano, whole_nano)
        for nano in (before_nano, before_nano + amount_nano)
    )
    return RelievedTax(contained.category, contained.rate, after - before)
