"""Paying: a member pays a document by card: with a saved one, or with another on the provider's page."""

from datetime import datetime

from jeton.billing.payments.opening import open_payment
from jeton.billing.payments.sending import give_up_payment, send_payment, start_page
from jeton.billing.payments.storage import list_attempts
from jeton.billing.payments.till import Till
from jeton.billing.payments.words import Payment
from jeton.billing.receivables.collecting.cards import order_document
from jeton.identity.audit import Actor, record_audit


async def pay_document(
    till: Till, document_id: str, *, payment_method_id: str | None, by: Actor, at: datetime
) -> Payment:
    """Take what is due on a document; None is for another card, on the provider's page.

    What was begun before and is open is given up first. Raises UnknownDocumentError, ApplicationError where
    nothing is due, CardNotFoundError, NoProviderError, PaymentOpenError, ProviderUnreachableError.
    """
    await till.door.open()
    async with till.pool.connection() as connection:
        order = await order_document(connection, document_id, started_by=by.name, is_off_session=False)
        attempts = await list_attempts(connection, order.purpose, order.subject_id)
    for attempt in attempts:
        if not attempt.is_over:
            await give_up_payment(till, attempt.payment_id, at=at)
    async with till.pool.connection() as connection, connection.transaction():
        order = await order_document(
            connection,
            document_id,
            started_by=by.name,
            is_off_session=False,
            payment_method_id=payment_method_id or "",
        )
        payment = await open_payment(connection, order, at=at, has_page=payment_method_id is None)
        await record_audit(
            connection,
            by,
            "payment.started",
            subject=payment.payment_id,
            organization_id=order.organization_id,
            details={"document_id": document_id, "attempt": payment.attempt},
        )
    if payment_method_id is None:
        return await start_page(till, payment.payment_id, at=at)
    return await send_payment(till, payment.payment_id, at=at)
