"""Recording: a refund becomes a row, part of its payment, an entry in the audit log and a document."""

from jeton.billing.currencies import render_minor
from jeton.billing.payments.refunding.parts import Part
from jeton.billing.payments.refunding.storage import insert_refund
from jeton.billing.payments.storage import change_payment
from jeton.billing.payments.till import Till
from jeton.billing.payments.words import Payment, Refund
from jeton.charging.credits.books import Desk
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.ledger import movements
from jeton.ledger.lots import Lot
from jeton.ledger.transaction import Movement, Posting
from jeton.money import render_usd


def take_from_lots(
    desk: Desk, lots: list[Lot], part: Part, *, reason: str, beyond: tuple[Posting, ...] = ()
) -> tuple[str, int]:
    """Book what goes out, and ``beyond`` with it; the transaction's id, and how much of the bonus went."""
    lot, given_nano = lots[0], 0
    postings = movements.refund(lot, part.credit_nano, net_nano=part.net_nano, tax_nano=part.tax_nano)
    transaction_id = desk.batch.book(desk.book, Movement.REFUND, (*postings, *beyond), reason=reason)
    for bonus in lots[1:]:
        # What was given with it goes in proportion, as far as it is still there.
        given_nano = min(part.given_nano, bonus.left_nano)
        if given_nano:
            back = movements.take_back(bonus.lot_id, bonus.kind, given_nano)
            desk.batch.book(desk.book, Movement.ADJUST, back, reason=f"given with what is refunded: {reason}")
    return transaction_id, given_nano


async def record_refund(
    till: Till, connection: Connection, refund: Refund, *, payment: Payment, by: Actor
) -> None:
    """Write a refund that was booked, with its payment locked, and tell whom it concerns."""
    await insert_refund(connection, refund)
    await change_payment(
        connection,
        payment,
        refunded_minor=payment.refunded_minor + refund.amount_minor,
        refunded_tax_minor=payment.refunded_tax_minor + refund.tax_minor,
    )
    details = {
        "refund_id": refund.refund_id,
        "credit": render_usd(refund.credit_nano),
        "amount": f"{payment.currency} {render_minor(refund.amount_minor, payment.currency)}",
        "reason": refund.reason,
    }
    if refund.owed_minor:
        details["owed"] = f"{payment.currency} {render_minor(refund.owed_minor, payment.currency)}"
    await record_audit(
        connection,
        by,
        "payment.refunded",
        subject=payment.payment_id,
        organization_id=payment.organization_id,
        details=details,
    )
    if till.hooks.refunded is not None:
        await till.hooks.refunded(connection, refund, refund.asked_at)
