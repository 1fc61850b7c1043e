"""Telling: mails and webhooks about money, written down in the transaction in which it moved."""

from datetime import datetime

from jeton.billing.currencies import render_minor
from jeton.billing.payments.words import Payment
from jeton.db.pool import Connection
from jeton.money import render_usd
from jeton.notifications.catalogue.payments import PaymentFailed, PaymentSucceeded
from jeton.notifications.events import Event, emit


async def tell_success(connection: Connection, payment: Payment, *, at: datetime) -> None:
    """The receipt by mail."""
    data = PaymentSucceeded(
        payment_id=payment.payment_id,
        purpose=payment.purpose,
        amount=render_minor(payment.amount_minor, payment.currency),
        currency=payment.currency,
        tax=render_minor(payment.tax_minor, payment.currency),
        credit=render_usd(payment.credit_nano),
    )
    await emit(
        connection, Event(data, payment.organization_id, f"payment succeeded {payment.payment_id}", at)
    )


async def tell_failure(connection: Connection, payment: Payment, *, at: datetime) -> None:
    """Why the bank said no, in its words."""
    data = PaymentFailed(
        payment_id=payment.payment_id,
        purpose=payment.purpose,
        amount=render_minor(payment.amount_minor, payment.currency),
        currency=payment.currency,
        decline_code=payment.decline_code,
        reason=payment.decline_reason or "The bank gave no reason.",
        is_hard=payment.is_hard_decline,
    )
    await emit(connection, Event(data, payment.organization_id, f"payment failed {payment.payment_id}", at))
