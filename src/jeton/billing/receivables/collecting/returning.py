"""Returning: of a document's card payment something was given back at the provider, so that is due again."""

from dataclasses import replace
from datetime import datetime

from jeton.billing.payments.storage import get_payment
from jeton.billing.payments.words import Refund
from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.collecting.cards import book_card_payment
from jeton.billing.receivables.errors import ReceiptError
from jeton.billing.receivables.recording import return_payment
from jeton.billing.receivables.storage import find_known_payment
from jeton.db.pool import Connection
from jeton.identity.audit import SYSTEM
from jeton.watch.alarms import Alarm, AlarmCode, record_alarms


async def follow_refund(connection: Connection, refund: Refund, at: datetime) -> None:
    """Move the money of a document's payment with its refund: the hook ``refunded`` of payments.

    What is on no document goes first, then it is taken off documents, the last one first. A refund that did
    not arrive is money again. Where a person has moved that money before, an alarm asks the operator to look.
    """
    payment = await get_payment(connection, refund.payment_id)
    if payment.purpose != "document":
        return
    if refund.state == "failed":
        again = replace(
            payment,
            payment_id=f"{payment.payment_id}:{refund.refund_id}",
            amount_minor=refund.amount_minor,
        )
        await book_card_payment(connection, again, at)
        return
    recorded = await find_known_payment(connection, "card", payment.payment_id)
    if recorded is None:
        return
    try:
        act = Act(SYSTEM, at, "given back in the payment provider’s own pages")
        async with connection.transaction():
            await return_payment(connection, recorded.payment_id, refund.amount_minor, act)
    except ReceiptError as error:
        details: dict[str, str | int] = {"problem": str(error), "refund_id": refund.refund_id}
        alarm = Alarm(AlarmCode.PAYMENT_MISMATCH, payment.payment_id, details, at, at)
        await record_alarms(connection, [alarm])
