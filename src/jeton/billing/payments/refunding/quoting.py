"""Quoting: what of a payment could be given back now; it changes nothing and locks nothing."""

from dataclasses import dataclass

from jeton.billing.payments.refunding.parts import refund_part, whole_cents
from jeton.billing.payments.refunding.storage import sum_refunded
from jeton.billing.payments.words import Payment
from jeton.db.pool import Connection

_LEFT = """
    SELECT l.left_nano, EXISTS (SELECT FROM disputes AS d WHERE d.payment_id = %s AND d.state <> 'won')
    FROM lots AS l WHERE l.lot_id = %s
"""


@dataclass(frozen=True, slots=True)
class RefundQuote:
    """Of a payment's credit ``left_nano`` is unused; ``credit_nano`` of it can go back for these amounts.

    ``obstacle`` says in a sentence why nothing can, "" where something can.
    """

    payment: Payment
    left_nano: int
    credit_nano: int
    net_minor: int
    tax_minor: int
    obstacle: str = ""

    @property
    def amount_minor(self) -> int:
        """What would be given back."""
        return self.net_minor + self.tax_minor


async def quote_refund(connection: Connection, payment: Payment) -> RefundQuote:
    """The most that can be refunded of a payment now."""
    if payment.state != "succeeded" or payment.lot_id is None:
        return RefundQuote(payment, 0, 0, 0, 0, "It bought no credit.")
    row = await (await connection.execute(_LEFT, (payment.payment_id, payment.lot_id))).fetchone()
    left_nano, is_disputed = row or (0, False)
    if is_disputed:
        return RefundQuote(payment, left_nano, 0, 0, 0, "It is disputed, so the bank has the money.")
    before_nano = await sum_refunded(connection, payment.payment_id)
    credit_nano = whole_cents(payment, before_nano=before_nano, left_nano=left_nano)
    if credit_nano <= 0:
        gone = "All of its credit is used, held, expired or refunded."
        return RefundQuote(payment, left_nano, 0, 0, 0, gone)
    part = refund_part(payment, before_nano=before_nano, credit_nano=credit_nano)
    return RefundQuote(payment, left_nano, credit_nano, part.net_minor, part.tax_minor)
