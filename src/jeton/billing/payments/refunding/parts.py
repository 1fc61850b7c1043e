"""Parts: what money is given back for a part of a lot; pure.

A refund takes whole cents of money. Its parts are differences of sums rounded down, so that all of them
together never exceed what was paid, and the last one is the rest exactly.
"""

from dataclasses import dataclass

from jeton.billing.payments.words import Payment
from jeton.money import divide_half_even


@dataclass(frozen=True, slots=True)
class Part:
    """Credit that goes out, and the money for it in both units."""

    credit_nano: int
    given_nano: int
    net_minor: int
    tax_minor: int
    net_nano: int
    tax_nano: int

    @property
    def amount_minor(self) -> int:
        """What is given back."""
        return self.net_minor + self.tax_minor


def refund_part(payment: Payment, *, before_nano: int, credit_nano: int) -> Part:
    """The money for ``credit_nano`` of a lot of which ``before_nano`` was refunded before.

    $100 of credit paid with $119: $40 of it are $40.00 and $7.60 of tax, the remaining $60 are $60.00 and
    $11.40.
    """
    total = payment.credit_nano
    before, after = (_sums(payment, nano, total) for nano in (before_nano, before_nano + credit_nano))
    given_nano, net_minor, tax_minor, net_nano, tax_nano = (
        late - early for early, late in zip(before, after, strict=True)
    )
    return Part(credit_nano, given_nano, net_minor, tax_minor, net_nano, tax_nano)


def whole_cents(payment: Payment, *, before_nano: int, left_nano: int) -> int:
    """The most of ``left_nano`` that whole minor units stand for; all of it where the lot is unused."""
    if before_nano + left_nano == payment.credit_nano:
        return left_nano
    minor = payment.net_minor * (before_nano + left_nano) // payment.credit_nano
    # The least credit whose sum of money is that.
    least = -(-minor * payment.credit_nano // payment.net_minor)
    return max(0, min(left_nano, least - before_nano))


def _sums(payment: Payment, nano: int, total: int) -> tuple[int, int, int, int, int]:
    """Bonus, net and tax of the first ``nano`` of the lot, then both in the ledger's unit."""
    net_minor, tax_minor = payment.net_minor * nano // total, payment.tax_minor * nano // total
    return (
        payment.given_nano * nano // total,
        net_minor,
        tax_minor,
        _in_nano(payment.net_nano, payment.net_minor, net_minor),
        _in_nano(payment.tax_nano, payment.tax_minor, tax_minor),
    )


def _in_nano(whole_nano: int, whole_minor: int, minor: int) -> int:
    return divide_half_even(whole_nano * minor, whole_minor) if whole_minor else 0
