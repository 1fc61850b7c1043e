"""Sending: the provider is asked, outside every transaction, and what it says is booked.

Sending the same payment again uses its own key, so nothing is taken twice; an answer that never came is
found by sending again, by a webhook or by the comparison.
"""

from datetime import datetime, timedelta
from uuid import UUID

import structlog

from jeton.billing.payments.booking import book_news, end_payment
from jeton.billing.payments.saving import find_customer, get_provider_method, save_customer
from jeton.billing.payments.storage import change_payment, get_payment
from jeton.billing.payments.till import Till
from jeton.billing.payments.words import Payment
from jeton.billing.providers.errors import ProviderRefusedError, ProviderUnreachableError
from jeton.billing.providers.provider import Provider
from jeton.billing.providers.words import ChargeOrder, Decline, NewCustomer, PageOrder, ProviderPayment

# A provider forgets an idempotency key after a day; from then on only its list can tell what was taken.
KEY_VALID = timedelta(hours=23)
RETURN_PATH = "/console/billing/payments/{payment_id}"

_ORGANIZATION = "SELECT name FROM organizations WHERE organization_id = %s"

_log = structlog.get_logger(__name__)


async def send_payment(till: Till, payment_id: str, *, at: datetime) -> Payment:
    """Charge the card of an open payment and book the answer; a payment that is over stays as it is.

    Without an answer it stays ``pending``, which the comparison settles; so does one that is older than
    ``KEY_VALID``, since asking again could take the money twice. NoProviderError, PaymentNotFoundError.
    """
    provider = await till.door.open()
    async with till.pool.connection() as connection:
        payment = await get_payment(connection, payment_id)
        method_id = payment.payment_method_id
        if payment.is_over or payment.state == "requires_action" or method_id is None:
            return payment
        if at - payment.started_at > KEY_VALID:
            return payment
        method = await get_provider_method(connection, method_id)
    try:
        customer_id = await introduce(till, provider, payment.organization_id, at=at)
        order = ChargeOrder(
            reference=payment_id,
            provider_customer_id=customer_id,
            provider_method_id=method,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            is_off_session=payment.is_off_session,
            return_url=render_return_url(till, payment_id),
        )
        news = await provider.charge(order, key=payment.idempotency_key)
    except ProviderUnreachableError as error:
        _log.warning("payment_unanswered", payment_id=payment_id, problem=str(error))
        return payment
    except ProviderRefusedError as error:
        return await _refuse(till, payment_id, error, at=at)
    return await book_answer(till, payment_id, news, at=at)


async def start_page(till: Till, payment_id: str, *, at: datetime) -> Payment:
    """Make the provider's page for an open payment; ``action_url`` is where it is.

    Raises ProviderUnreachableError and ProviderRefusedError: somebody waits for the page.
    """
    provider = await till.door.open()
    async with till.pool.connection() as connection:
        payment = await get_payment(connection, payment_id)
    if payment.is_over or payment.provider_page_id:
        return payment
    customer_id = await introduce(till, provider, payment.organization_id, at=at)
    back = render_return_url(till, payment_id)
    order = PageOrder(
        reference=payment_id,
        provider_customer_id=customer_id,
        return_url=back,
        cancel_url=f"{back}?left=1",
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        label=till.terms.label,
    )
    page = await provider.start_page(order, key=payment.idempotency_key)
    async with till.pool.connection() as connection:
        locked = await get_payment(connection, payment_id, is_locked=True)
        if locked.is_over:
            return locked
        return await change_payment(
            connection,
            locked,
            state="requires_action",
            action_url=page.url,
            provider_page_id=page.provider_page_id,
            updated_at=at,
        )


async def refresh_payment(till: Till, payment_id: str, *, at: datetime) -> Payment:
    """Ask the provider how an open payment stands, and book that; one that was never answered is sent again.

    Raises ProviderUnreachableError.
    """
    provider = await till.door.open()
    async with till.pool.connection() as connection:
        payment = await get_payment(connection, payment_id)
    if payment.is_over:
        return payment
    if payment.provider_page_id and not payment.provider_payment_id:
        page = await provider.fetch_page(payment.provider_page_id)
        if not page.provider_payment_id:
            return await _end_page(till, payment_id, at=at) if page.is_over else payment
        return await book_answer(
            till, payment_id, await provider.fetch_payment(page.provider_payment_id), at=at
        )
    if payment.provider_payment_id:
        news = await provider.fetch_payment(payment.provider_payment_id)
        return await book_answer(till, payment_id, news, at=at)
    return await send_payment(till, payment_id, at=at)


async def give_up_payment(till: Till, payment_id: str, *, at: datetime) -> Payment:
    """See to it that an open payment can no longer succeed; if it did meanwhile, that is booked.

    Raises ProviderUnreachableError.
    """
    provider = await till.door.open()
    async with till.pool.connection() as connection:
        payment = await get_payment(connection, payment_id)
    if payment.is_over:
        return payment
    intent_id = payment.provider_payment_id
    if payment.provider_page_id:
        page = await provider.end_page(payment.provider_page_id)
        intent_id = page.provider_payment_id or intent_id
    elif intent_id is None:
        # Perhaps it was taken: only the provider's answer to the same key says so.
        payment = await send_payment(till, payment_id, at=at)
        if payment.is_over or payment.provider_payment_id is None:
            return payment
        intent_id = payment.provider_payment_id
    if intent_id is None:
        return await _end_page(till, payment_id, at=at)
    return await book_answer(till, payment_id, await provider.cancel_payment(intent_id), at=at)


async def introduce(till: Till, provider: Provider, organization_id: UUID, *, at: datetime) -> str:
    """What the provider calls an organization; it is made known there at the first payment."""
    async with till.pool.connection() as connection:
        known = await find_customer(connection, organization_id, provider.name)
        if known is not None:
            return known
        row = await (await connection.execute(_ORGANIZATION, (organization_id,))).fetchone()
    name = "" if row is None else str(row[0])
    made = await provider.create_customer(
        NewCustomer(str(organization_id), name), key=f"jeton-customer-{organization_id}"
    )
    async with till.pool.connection() as connection:
        return await save_customer(connection, organization_id, made, provider=provider.name, at=at)


async def book_answer(till: Till, payment_id: str, news: ProviderPayment, *, at: datetime) -> Payment:
    """Book what the provider answered, in a transaction of its own."""
    async with till.pool.connection() as connection:
        booked = await book_news(till, connection, news, payment_id=payment_id, at=at)
    return booked.payment


def render_return_url(till: Till, payment_id: str) -> str:
    """Where a person comes back to."""
    return f"{till.base_url}{RETURN_PATH.format(payment_id=payment_id)}"


async def _refuse(till: Till, payment_id: str, error: ProviderRefusedError, *, at: datetime) -> Payment:
    """The provider will not have it: nothing was taken, and asking again does not help."""
    _log.warning("payment_refused", payment_id=payment_id, problem=str(error))
    async with till.pool.connection() as connection:
        payment = await get_payment(connection, payment_id, is_locked=True)
        if payment.is_over:
            return payment
        decline = Decline("request_refused", str(error)[:300], is_hard=True)
        return await end_payment(till, connection, payment, state="failed", at=at, decline=decline)


async def _end_page(till: Till, payment_id: str, *, at: datetime) -> Payment:
    """Nobody paid on the page, and nobody can any more."""
    async with till.pool.connection() as connection:
        payment = await get_payment(connection, payment_id, is_locked=True)
        if payment.is_over:
            return payment
        return await end_payment(till, connection, payment, state="canceled", at=at)
