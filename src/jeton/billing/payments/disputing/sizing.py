"""Sizing: what a dispute takes out of a lot, what is owed, and what waits for requests in flight; pure."""

from dataclasses import dataclass

from jeton.billing.payments.words import Payment
from jeton.ledger.lots import Lot


@dataclass(frozen=True, slots=True)
class Bite:
    """The parts of a dispute, in nano: they sum to ``money_nano``.

    ``left_nano`` is credit that goes out of the lot; ``tax_nano`` its tax; ``owed_nano`` what was used, with
    its tax; ``pending_nano`` what requests in flight hold, money and tax: owed or back once they end.
    """

    left_nano: int
    tax_nano: int
    owed_nano: int
    pending_nano: int
    is_freezing: bool


def bite_whole(payment: Payment, lot: Lot, money_nano: int) -> Bite:
    """All that is not refunded was taken back: nothing of the lot may be used any more.

    $119 for $100 of which $30 is used and $70 left: $70 and $13.30 of tax go out, $35.70 are owed.
    """
    left_nano = lot.left_nano
    paid_nano = lot.paid_part(lot.gone_nano + left_nano) - lot.paid_part(lot.gone_nano)
    tax_nano = _tax_within(payment, left_nano, money_nano - paid_nano)
    pending_nano = (payment.net_nano + payment.tax_nano) * lot.held_nano // payment.credit_nano
    owed_nano = max(0, money_nano - paid_nano - tax_nano - pending_nano)
    return Bite(left_nano, tax_nano, owed_nano, pending_nano, is_freezing=lot.revoked_at is None)


def bite_part(payment: Payment, lot: Lot, money_nano: int, *, amount_minor: int) -> Bite:
    """A part was taken back: the credit that it bought goes out, as far as it is there; the rest is owed."""
    bought_nano = payment.credit_nano * amount_minor // payment.amount_minor
    left_nano = min(lot.left_nano, bought_nano)
    paid_nano = lot.paid_part(lot.gone_nano + left_nano) - lot.paid_part(lot.gone_nano)
    tax_nano = _tax_within(payment, left_nano, money_nano - paid_nano)
    return Bite(left_nano, tax_nano, max(0, money_nano - paid_nano - tax_nano), 0, is_freezing=False)


def settle_pending(payment: Payment, *, pending_nano: int, returned_nano: int) -> tuple[int, int]:
    """What waited, once nothing is held: tax of what came back, and what is owed of the rest.

    Below zero where more came back than waited: of what was owed that much was reversed.
    """
    tax_nano = _tax(payment, returned_nano)
    back_nano = payment.net_nano * returned_nano // payment.credit_nano
    return tax_nano, pending_nano - back_nano - tax_nano


def _tax_within(payment: Payment, credit_nano: int, most_nano: int) -> int:
    """The tax of so much credit, at most so much: what was refunded before was rounded, too."""
    return max(0, min(_tax(payment, credit_nano), most_nano))


def _tax(payment: Payment, credit_nano: int) -> int:
    return payment.tax_nano * credit_nano // payment.credit_nano
