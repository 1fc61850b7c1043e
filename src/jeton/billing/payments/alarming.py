"""Alarming: what of money an operator has to look at, since nobody can tell from here what is right."""

from datetime import datetime

from jeton.billing.payments.words import Payment
from jeton.billing.providers.words import ProviderPayment
from jeton.db.pool import Connection
from jeton.watch.alarms import Alarm, AlarmCode, record_alarms


async def raise_mismatch(
    connection: Connection, payment: Payment, news: ProviderPayment, problem: str, *, at: datetime
) -> None:
    """A provider speaks of a payment of ours with another amount, currency or id; nothing was booked."""
    details: dict[str, str | int] = {
        "problem": problem,
        "provider_payment_id": news.provider_payment_id,
        "amount_minor": news.amount_minor,
        "expected_minor": payment.amount_minor,
        "status": news.status,
    }
    alarm = Alarm(AlarmCode.PAYMENT_MISMATCH, payment.payment_id, details, at, at)
    await record_alarms(connection, [alarm])


async def raise_repeated(connection: Connection, payment: Payment, *, at: datetime) -> None:
    """A second attempt at one thing was paid as well."""
    details: dict[str, str | int] = {
        "purpose": payment.purpose,
        "subject_id": payment.subject_id,
        "amount_minor": payment.amount_minor,
    }
    alarm = Alarm(AlarmCode.PAYMENT_REPEATED, payment.payment_id, details, at, at)
    await record_alarms(connection, [alarm])


async def raise_unmatched(
    connection: Connection, subject: str, details: dict[str, str | int], *, at: datetime
) -> None:
    """A provider gave money back, or took it, in a way that our books do not know."""
    await record_alarms(connection, [Alarm(AlarmCode.PAYMENT_MISMATCH, subject, details, at, at)])
