"""Reconciling: what never arrived is asked for, so that our books end where the provider's truth is.

Everything here may run at any time and on several nodes at once: each step is one that a webhook or an
answer could have made, too.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from jeton.billing.payments.alarming import raise_unmatched
from jeton.billing.payments.booking import book_news, end_payment
from jeton.billing.payments.disputing.booking import book_dispute_news, settle_waiting
from jeton.billing.payments.disputing.storage import find_oldest_open
from jeton.billing.payments.errors import PaymentNotFoundError
from jeton.billing.payments.refunding.asking import send_refund
from jeton.billing.payments.refunding.booking import book_refund_news, put_back
from jeton.billing.payments.refunding.storage import (
    find_oldest_unsettled,
    find_refund,
    list_unsettled_refunds,
)
from jeton.billing.payments.sending import KEY_VALID, give_up_payment, refresh_payment
from jeton.billing.payments.storage import find_by_provider, get_payment, list_unsettled
from jeton.billing.payments.till import Till
from jeton.billing.providers.errors import ProviderUnreachableError
from jeton.billing.providers.provider import Provider
from jeton.billing.providers.words import Decline, ProviderPayment

# Answers and webhooks come within seconds; what is younger is left to them.
QUIET_S = 120
# A person who has not gone on by then has left.
ABANDONED = timedelta(hours=24)
OVERLAP = timedelta(days=1)
# A refund that succeeded may still fail: banks return money up to 30 days after they had it.
REFUNDS_SINCE = timedelta(days=60)
UNSETTLED_MAX = 1_000
NEVER_ARRIVED = "The payment provider never heard of it."

_READ_UNTIL = "SELECT read_until FROM provider_readings WHERE provider = %s"
_KEEP_UNTIL = """
    INSERT INTO provider_readings (provider, read_until) VALUES (%s, %s)
    ON CONFLICT (provider) DO UPDATE
    SET read_until = greatest(provider_readings.read_until, excluded.read_until)
"""
_OUR_PREFIX = "pay_"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one comparison found: how many were looked at, how many moved, how many contradict us."""

    settled: int = 0
    listed: int = 0
    booked: int = 0
    refused: int = 0


async def reconcile(till: Till, *, at: datetime) -> Reconciled:
    """Settle what is open and compare with the provider's lists since the last time.

    Raises ProviderUnreachableError and NoProviderError; what was done until then stays, and the next
    comparison begins where this one did.
    """
    provider = await till.door.open()
    found = Reconciled(settled=await settle_open(till, provider, at=at))
    async with till.pool.connection() as connection:
        row = await (await connection.execute(_READ_UNTIL, (provider.name,))).fetchone()
        disputed = await find_oldest_open(connection, provider.name)
        under_way = await find_oldest_unsettled(connection, provider.name)
    since = (at - REFUNDS_SINCE if row is None else row[0]) - OVERLAP
    async for news in provider.list_payments(since):
        found = _count(found, await _compare_payment(till, provider, news, at=at))
    async for refund in provider.list_refunds(_reach(min(since, at - REFUNDS_SINCE), under_way)):
        async with till.pool.connection() as connection:
            outcome, _ = await book_refund_news(till, connection, refund, provider=provider.name, at=at)
        found = _count(found, outcome)
    async for dispute in provider.list_disputes(_reach(since, disputed)):
        async with till.pool.connection() as connection:
            outcome, _ = await book_dispute_news(till, connection, dispute, provider=provider.name, at=at)
        found = _count(found, outcome)
    async with till.pool.connection() as connection:
        await settle_waiting(connection, at=at)
        await connection.execute(_KEEP_UNTIL, (provider.name, at))
    return found


async def settle_open(till: Till, provider: Provider, *, at: datetime) -> int:
    """Ask about every payment and refund that has been open for a while; return of how many."""
    until = at - timedelta(seconds=QUIET_S)
    async with till.pool.connection() as connection:
        payments = await list_unsettled(connection, until, limit=UNSETTLED_MAX)
        refunds = await list_unsettled_refunds(connection, until, limit=UNSETTLED_MAX)
    for payment_id in payments:
        try:
            await _settle_payment(till, provider, payment_id, at=at)
        except ProviderUnreachableError as error:
            _log.warning("payment_unanswered", payment_id=payment_id, problem=str(error))
    for refund_id in refunds:
        await _settle_refund(till, provider, refund_id, at=at)
    return len(payments) + len(refunds)


async def _settle_payment(till: Till, provider: Provider, payment_id: str, *, at: datetime) -> None:
    async with till.pool.connection() as connection:
        payment = await get_payment(connection, payment_id)
    is_unknown = payment.provider_payment_id is None and payment.provider_page_id is None
    if is_unknown and at - payment.started_at > KEY_VALID:
        await _find_in_list(till, provider, payment_id, payment.started_at, at=at)
        return
    payment = await refresh_payment(till, payment_id, at=at)
    if payment.state == "requires_action" and at - payment.started_at > ABANDONED:
        await give_up_payment(till, payment_id, at=at)


async def _settle_refund(till: Till, provider: Provider, refund_id: str, *, at: datetime) -> None:
    """Send one that was never answered again; after a day only the provider's list is believed."""
    refund = await send_refund(till, refund_id, at=at)
    if refund.state != "pending" or refund.provider_refund_id or at - refund.asked_at <= KEY_VALID:
        return
    async for news in provider.list_refunds(refund.asked_at - OVERLAP):
        if news.reference == refund_id:
            async with till.pool.connection() as connection:
                await book_refund_news(till, connection, news, provider=provider.name, at=at)
            return
    async with till.pool.connection() as connection:
        found = await find_refund(connection, refund_id=refund_id)
        if found is not None and found.provider_refund_id is None:
            await put_back(till, connection, refund_id, why=NEVER_ARRIVED, at=at)


async def _find_in_list(
    till: Till, provider: Provider, payment_id: str, started_at: datetime, *, at: datetime
) -> None:
    """Sending it again could take the money twice by now, so only the provider's list is believed."""
    async for news in provider.list_payments(started_at - OVERLAP):
        if news.reference == payment_id:
            await _compare_payment(till, provider, news, at=at)
            return
    async with till.pool.connection() as connection:
        payment = await get_payment(connection, payment_id, is_locked=True)
        if not payment.is_over:
            decline = Decline("never_arrived", NEVER_ARRIVED, is_hard=False)
            await end_payment(till, connection, payment, state="failed", at=at, decline=decline)


async def _compare_payment(till: Till, provider: Provider, news: ProviderPayment, *, at: datetime) -> str:
    async with till.pool.connection() as connection:
        payment_id = news.reference if news.reference.startswith(_OUR_PREFIX) else None
        if payment_id is None:
            payment_id = await find_by_provider(connection, provider.name, news.provider_payment_id)
        if payment_id is None:
            return "noted"
        try:
            return (await book_news(till, connection, news, payment_id=payment_id, at=at)).outcome
        except PaymentNotFoundError:
            if news.status != "succeeded":
                return "noted"
            details: dict[str, str | int] = {
                "problem": "Money was taken for a payment that is not in our books.",
                "provider_payment_id": news.provider_payment_id,
                "amount_minor": news.amount_minor,
                "currency": news.currency,
            }
            await raise_unmatched(connection, payment_id, details, at=at)
            return "refused"


def _reach(since: datetime, oldest: datetime | None) -> datetime:
    """From when on a list is read, so that it has the oldest that is not over, however long that takes."""
    return since if oldest is None else min(since, oldest - OVERLAP)


def _count(found: Reconciled, outcome: str) -> Reconciled:
    return replace(
        found,
        listed=found.listed + 1,
        booked=found.booked + (outcome == "booked"),
        refused=found.refused + (outcome == "refused"),
    )
