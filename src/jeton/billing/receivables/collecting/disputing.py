"""Disputing: what a bank took back of a document's card payment is due again, until it is given back.

The money that was recorded is voided, so that all which it paid is due; what the bank left of it, and what
it gives back when the dispute is won, is recorded anew.
"""

from dataclasses import replace
from datetime import datetime

from jeton.billing.payments.storage import get_payment
from jeton.billing.payments.words import Dispute
from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.collecting.cards import book_card_payment
from jeton.billing.receivables.errors import ReceiptError
from jeton.billing.receivables.recording import void_payment
from jeton.billing.receivables.storage import find_known_payment
from jeton.db.pool import Connection
from jeton.identity.audit import SYSTEM
from jeton.watch.alarms import Alarm, AlarmCode, record_alarms


async def follow_dispute(connection: Connection, dispute: Dispute, at: datetime) -> None:
    """Move the money of a document's payment with its dispute: the hook ``disputed`` of payments.

    Where it was voided or paid back by hand before, an alarm asks the operator to look.
    """
    payment = await get_payment(connection, dispute.payment_id)
    if payment.purpose != "document" or dispute.state == "lost":
        return
    if dispute.state == "won":
        given = replace(
            payment,
            payment_id=f"{payment.payment_id}:{dispute.dispute_id}",
            amount_minor=dispute.amount_minor,
        )
        await book_card_payment(connection, given, at)
        return
    recorded = await find_known_payment(connection, "card", payment.payment_id)
    if recorded is None:
        return
    try:
        async with connection.transaction():
            await void_payment(connection, recorded.payment_id, Act(SYSTEM, at, "disputed at the bank"))
    except ReceiptError as error:
        details: dict[str, str | int] = {"problem": str(error), "dispute_id": dispute.dispute_id}
        alarm = Alarm(AlarmCode.PAYMENT_MISMATCH, payment.payment_id, details, at, at)
        await record_alarms(connection, [alarm])
        return
    left_minor = payment.amount_minor - dispute.amount_minor
    if left_minor:
        left = replace(payment, payment_id=f"{payment.payment_id}:left", amount_minor=left_minor)
        await book_card_payment(connection, left, at)
