"""Telling: that money arrived, in the transaction that records it."""

from collections.abc import Sequence
from datetime import datetime

from jeton.billing.currencies import render_minor
from jeton.billing.receivables.storage import find_open_document
from jeton.billing.receivables.words import Application, OpenDocument, ReceivedPayment
from jeton.db.pool import Connection
from jeton.notifications.catalogue.dunning import PaymentReceived
from jeton.notifications.events import Event, emit


async def tell_received(
    connection: Connection, payment: ReceivedPayment, applied: Sequence[Application], *, at: datetime
) -> None:
    """Tell the organization what came in and what it paid; a card's payment has told so itself."""
    if payment.method in ("card", "credit_note"):
        return
    documents = [await find_open_document(connection, one.document_id) for one in applied]
    data = describe_received(payment, documents)
    await emit(connection, Event(data, payment.organization_id, f"payment received {payment.payment_id}", at))


def describe_received(payment: ReceivedPayment, documents: Sequence[OpenDocument]) -> PaymentReceived:
    """What came in, what it paid and what is due on that now."""
    return PaymentReceived(
        payment_id=payment.payment_id,
        amount=render_minor(payment.amount_minor, payment.currency),
        currency=payment.currency,
        method=payment.method,
        numbers=tuple(document.number for document in documents),
        still_due=render_minor(sum(document.due_minor for document in documents), payment.currency),
        credit=render_minor(payment.unapplied_minor, payment.currency),
    )
