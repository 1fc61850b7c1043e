"""Quoting: what of a payment could be given back now; it changes nothing and locks nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from jeton.billing.payments.refunding.parts import refund_part, whole_cents
from jeton.billing.payments.refunding.storage import sum_refunded
from jeton.billing.payments.words import DisputeState, Payment
from jeton.db.pool import Connection

_LEFT = "SELECT left_nano FROM lots WHERE lot_id = %s"
# Where one is open and another lost, it is open.
_DISPUTED = """
    SELECT max(state), coalesce(sum(amount_minor), 0)::bigint FROM disputes
    WHERE payment_id = %s AND state <> 'won'
"""
_DISPUTES: Mapping[DisputeState, str] = MappingProxyType(
    {
        "open": "It is disputed, so the bank has the money.",
        "lost": "Its dispute was lost, so the bank has the money for good.",
    }
)


@dataclass(frozen=True, slots=True)
class RefundQuote:
    """Of a payment's credit ``left_nano`` is unused; ``credit_nano`` of it can go back for these amounts.

    ``obstacle`` says in a sentence why nothing can, "" where something can. ``disputed_minor`` the bank has,
    for now (``dispute_state`` open) or for good (lost).
    """

    payment: Payment
    left_nano: int
    credit_nano: int
    net_minor: int
    tax_minor: int
    obstacle: str = ""
    dispute_state: DisputeState | None = None
    disputed_minor: int = 0

    @property
    def amount_minor(self) -> int:
        """What would be given back."""
        return self.net_minor + self.tax_minor


async def quote_refund(connection: Connection, payment: Payment) -> RefundQuote:
    """The most that can be refunded of a payment now."""
    row = await (await connection.execute(_DISPUTED, (payment.payment_id,))).fetchone()
    state, disputed_minor = row or (None, 0)
    if payment.state != "succeeded" or payment.lot_id is None:
        return RefundQuote(payment, 0, 0, 0, 0, "It bought no credit.", state, disputed_minor)
    row = await (await connection.execute(_LEFT, (payment.lot_id,))).fetchone()
    left_nano = row[0] if row else 0
    if state is not None:
        return RefundQuote(payment, left_nano, 0, 0, 0, _DISPUTES[state], state, disputed_minor)
    before_nano = await sum_refunded(connection, payment.payment_id)
    credit_nano = whole_cents(payment, before_nano=before_nano, left_nano=left_nano)
    if credit_nano <= 0:
        gone = "All of its credit is used, held, expired or refunded."
        return RefundQuote(payment, left_nano, 0, 0, 0, gone)
    part = refund_part(payment, before_nano=before_nano, credit_nano=credit_nano)
    return RefundQuote(payment, left_nano, credit_nano, part.net_minor, part.tax_minor)
