"""Parts: what money is given back for a part of a lot; pure.

A refund takes whole cents of money. Its parts are differences of sums rounded down, so that all of them
together never exceed what was paid, and the last one is the rest exactly.
"""

from dataclasses import dataclass, replace

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


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A sum that was given back elsewhere: what goes out of the lot for it, and what is owed beyond that.

    ``used_nano`` is the credit that ``owed`` (with its tax) stands for.
    """

    part: Part
    used_nano: int = 0
    owed_minor: int = 0
    owed_nano: int = 0


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
    return _cap(payment, Part(credit_nano, given_nano, net_minor, tax_minor, net_nano, tax_nano))


def size_elsewhere(payment: Payment, *, before_nano: int, left_nano: int, amount_minor: int) -> Elsewhere:
    """What a sum that was given back elsewhere stands for, with ``left_nano`` of the lot there.

    $119 for $100 of which $70 is left: $70 goes out for $83.30, and $35.70 for what was used is owed. Of
    $59.50 given back nothing is owed: $50 goes out. It is never more than what was paid and not refunded.
    """
    after_minor = payment.refunded_minor + amount_minor
    bought_nano = max(0, payment.credit_nano * after_minor // payment.amount_minor - before_nano)
    part = refund_part(payment, before_nano=before_nano, credit_nano=min(left_nano, bought_nano))
    used_nano = bought_nano - part.credit_nano
    owed_minor = max(0, amount_minor - part.amount_minor) if used_nano else 0
    # Where all of it is there, what rounding left is net.
    tax_minor = min(part.tax_minor, amount_minor - owed_minor)
    net_minor = amount_minor - owed_minor - tax_minor
    whole_nano = payment.net_nano + payment.tax_nano
    part = replace(
        part,
        net_minor=net_minor,
        tax_minor=tax_minor,
        net_nano=_in_nano(payment.net_nano, payment.net_minor, net_minor),
        tax_nano=_in_nano(payment.tax_nano, payment.tax_minor, tax_minor),
    )
    return Elsewhere(part, used_nano, owed_minor, _in_nano(whole_nano, payment.amount_minor, owed_minor))


def size_of_document(payment: Payment, amount_minor: int) -> Elsewhere:
    """The same of a payment that bought no credit: all of it is money, and nothing is tax of its own."""
    net_nano = _in_nano(payment.net_nano, payment.net_minor, amount_minor)
    return Elsewhere(Part(0, 0, amount_minor, 0, net_nano, 0))


def whole_cents(payment: Payment, *, before_nano: int, left_nano: int) -> int:
    """The most of ``left_nano`` that whole minor units stand for; all of it where the lot is unused.

    Never more than money is still there for: some may have been given back for credit that was used.
    """
    left_nano = max(0, min(left_nano, payment.credit_nano - before_nano))
    if before_nano + left_nano == payment.credit_nano:
        return left_nano
    minor = payment.net_minor * (before_nano + left_nano) // payment.credit_nano
    # The least credit whose sum of money is that.
    least = -(-minor * payment.credit_nano // payment.net_minor)
    return max(0, min(left_nano, least - before_nano))


def _cap(payment: Payment, part: Part) -> Part:
    """At most what was paid and is not given back: sums that went elsewhere are of any number of cents."""
    open_minor = payment.amount_minor - payment.refunded_minor
    tax_minor = min(part.tax_minor, payment.tax_minor - payment.refunded_tax_minor, open_minor)
    net_minor = min(part.net_minor, open_minor - tax_minor)
    if (net_minor, tax_minor) == (part.net_minor, part.tax_minor):
        return part
    return replace(
        part,
        net_minor=net_minor,
        tax_minor=tax_minor,
        net_nano=_in_nano(payment.net_nano, payment.net_minor, net_minor),
        tax_nano=_in_nano(payment.tax_nano, payment.tax_minor, tax_minor),
    )


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
