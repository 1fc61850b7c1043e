"""Receiving: a webhook is believed once, and its effect is in the transaction that remembers it.

The order of webhooks means nothing: what does not say "succeeded" is asked for anew, outside the
transaction, and states only go on.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from jeton.billing.payments.booking import book_news, end_payment
from jeton.billing.payments.disputing.booking import book_dispute_news
from jeton.billing.payments.refunding.booking import book_refund_news
from jeton.billing.payments.refunding.storage import find_refund
from jeton.billing.payments.saving import save_card
from jeton.billing.payments.sending import refresh_payment
from jeton.billing.payments.storage import find_by_provider, get_payment
from jeton.billing.payments.till import Till
from jeton.billing.providers.provider import Provider
from jeton.billing.providers.words import Card, ProviderEvent, ProviderPayment, ProviderRefund
from jeton.db.pool import Connection

EventOutcome = Literal["booked", "known", "noted", "refused"]
EVENT_ID_CHARS_MAX = 255

_FIND = "SELECT outcome FROM provider_events WHERE provider = %s AND event_id = %s"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_RECORD = """
    INSERT INTO provider_events (provider, event_id, type, object_id, payment_id, outcome, sentence,
                                 occurred_at, received_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_IS_PAYMENT = "SELECT 1 FROM payments WHERE payment_id = %s"
_CUSTOMER_OF = "SELECT organization_id FROM payers WHERE provider = %s AND organization_id::text = %s"


@dataclass(frozen=True, slots=True)
class Received:
    """What was done with a webhook."""

    event_id: str
    type: str
    outcome: EventOutcome
    payment_id: str | None = None
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class _News:
    """What an event says, with what had to be asked for; ``saved`` is a card and whose it is."""

    event: ProviderEvent
    payment_id: str | None = None
    payment: ProviderPayment | None = None
    saved: tuple[UUID, Card] | None = None
    is_page_over: bool = False


async def receive_webhook(till: Till, body: bytes, signature: str, *, at: datetime) -> Received:
    """Believe a webhook, once, and book what it says.

    Raises SignatureError, NoProviderError, and ProviderUnreachableError where something has to be asked
    for: then nothing was done, and the provider sends it again.
    """
    provider = await till.door.open()
    event = provider.parse_webhook(body, signature, at)
    if not 0 < len(event.event_id) <= EVENT_ID_CHARS_MAX:
        return Received("", event.type, "noted")
    async with till.pool.connection() as connection:
        known = await _find(connection, provider.name, event.event_id)
    if known is not None:
        return Received(event.event_id, event.type, "known")
    news = await _inquire(till, provider, event, at=at)
    async with till.pool.connection() as connection:
        return await _book(till, connection, provider.name, news, at=at)


async def _inquire(till: Till, provider: Provider, event: ProviderEvent, *, at: datetime) -> _News:
    """Ask the provider for what the event does not settle by itself, outside every transaction."""
    if event.payment is not None:
        payment_id = await _find_payment(till, provider.name, event.payment)
        news = event.payment
        if payment_id is not None and news.status != "succeeded":
            news = await provider.fetch_payment(news.provider_payment_id)
        return _News(event, payment_id, news)
    if event.page is not None:
        return await _inquire_page(till, provider, event)
    about = event.dispute or event.refund
    if about is None or (event.refund is not None and await _is_known(till, event.refund)):
        return _News(event)
    async with till.pool.connection() as connection:
        payment_id = await find_by_provider(connection, provider.name, about.provider_payment_id)
    if payment_id is None and about.provider_payment_id:
        # News of the payment itself may still be under way.
        found = await provider.fetch_payment(about.provider_payment_id)
        payment_id = await _find_payment(till, provider.name, found)
    if payment_id is not None:
        await refresh_payment(till, payment_id, at=at)
    return _News(event, payment_id)


async def _is_known(till: Till, news: ProviderRefund) -> bool:
    """Whether a refund was asked for here, so that nothing has to be asked about its payment."""
    async with till.pool.connection() as connection:
        refund = await find_refund(
            connection, refund_id=news.reference, provider_refund_id=news.provider_refund_id
        )
    return refund is not None


async def _inquire_page(till: Till, provider: Provider, event: ProviderEvent) -> _News:
    """A page knows its payment or its card only when it is asked for with them."""
    async with till.pool.connection() as connection:
        row = await (await connection.execute(_IS_PAYMENT, (event.page_reference,))).fetchone()
        owner = await (
            await connection.execute(_CUSTOMER_OF, (provider.name, event.page_reference))
        ).fetchone()
    if row is None and owner is None:
        return _News(event)
    page = await provider.fetch_page(event.object_id)
    if owner is not None:
        return _News(event, saved=None if page.card is None else (owner[0], page.card))
    if not page.provider_payment_id:
        return _News(event, event.page_reference, is_page_over=page.is_over)
    found = await provider.fetch_payment(page.provider_payment_id)
    return _News(event, event.page_reference, found)


async def _book(till: Till, connection: Connection, provider: str, news: _News, *, at: datetime) -> Received:
    """The effect and the memory of it, in one transaction."""
    event = news.event
    await connection.execute(_LOCK, (f"provider event {provider} {event.event_id}",))
    if await _find(connection, provider, event.event_id) is not None:
        return Received(event.event_id, event.type, "known")
    received = await _apply(till, connection, provider, news, at=at)
    await connection.execute(
        _RECORD,
        (
            provider,
            event.event_id,
            event.type,
            event.object_id,
            received.payment_id,
            received.outcome,
            received.sentence,
            event.occurred_at,
            at,
        ),
    )
    return received


async def _apply(till: Till, connection: Connection, provider: str, news: _News, *, at: datetime) -> Received:
    event = news.event
    received = Received(event.event_id, event.type, "noted")
    if news.saved is not None:
        organization_id, card = news.saved
        await save_card(connection, organization_id, provider, card, at=at)
        return replace(received, outcome="booked")
    if event.refund is not None:
        outcome, refund = await book_refund_news(till, connection, event.refund, provider=provider, at=at)
        return replace(received, outcome=outcome, payment_id=None if refund is None else refund.payment_id)
    if event.dispute is not None:
        outcome, dispute = await book_dispute_news(till, connection, event.dispute, provider=provider, at=at)
        return replace(received, outcome=outcome, payment_id=None if dispute is None else dispute.payment_id)
    if news.payment_id is None:
        return received
    if news.payment is not None:
        booked = await book_news(till, connection, news.payment, payment_id=news.payment_id, at=at)
        return replace(received, outcome=booked.outcome, payment_id=news.payment_id, sentence=booked.sentence)
    if news.is_page_over:
        payment = await get_payment(connection, news.payment_id, is_locked=True)
        if not payment.is_over:
            await end_payment(till, connection, payment, state="canceled", at=at)
            return replace(received, outcome="booked", payment_id=news.payment_id)
    return replace(received, outcome="known", payment_id=news.payment_id)


async def _find(connection: Connection, provider: str, event_id: str) -> str | None:
    row = await (await connection.execute(_FIND, (provider, event_id))).fetchone()
    return None if row is None else str(row[0])


async def _find_payment(till: Till, provider: str, news: ProviderPayment) -> str | None:
    """Our id of what the event is about: by the name that we gave it, or by the provider's."""
    async with till.pool.connection() as connection:
        row = await (await connection.execute(_IS_PAYMENT, (news.reference,))).fetchone()
        if row is not None:
            return news.reference
        return await find_by_provider(connection, provider, news.provider_payment_id)
