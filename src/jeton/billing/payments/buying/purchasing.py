"""Purchasing: credit that somebody buys, with a saved card or on the provider's page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from jeton.billing.payments.buying.quoting import Quote, order_credit, quote_credit
from jeton.billing.payments.errors import PaymentNotFoundError, PaymentOpenError
from jeton.billing.payments.opening import open_payment
from jeton.billing.payments.sending import give_up_payment, send_payment, start_page
from jeton.billing.payments.storage import list_attempts
from jeton.billing.payments.till import Till
from jeton.billing.payments.words import Payment
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.ids import new_id
from jeton.money import render_usd

PURCHASE: Literal["purchase"] = "purchase"


def new_purchase_id() -> str:
    """The id of a purchase before it is made: the same one again buys nothing twice."""
    return new_id("purch")


@dataclass(frozen=True, slots=True)
class Purchase:
    """What somebody buys: credit for an organization, with a saved card or (None) on the provider's page.

    A card of "" is the default one. ``purchase_id`` is what makes it one purchase, however often it is sent.
    """

    organization_id: UUID
    credit_nano: int
    purchase_id: str
    by: Actor
    payment_method_id: str | None = None


async def buy_credit(till: Till, purchase: Purchase, *, at: datetime) -> Payment:
    """Buy credit; the payment says what became of it, and ``action_url`` where the person goes on.

    The same purchase again answers with the attempt that is open or has succeeded. Raises
    PaymentAmountError, NoCardError, CardNotFoundError, NoProviderError; for a page also
    ProviderUnreachableError and ProviderRefusedError.
    """
    await till.door.open()
    async with till.pool.connection() as connection:
        quote = await quote_credit(
            till, connection, purchase.organization_id, credit_nano=purchase.credit_nano, at=at
        )
        try:
            payment = await _open(connection, quote, purchase, at=at)
        except PaymentOpenError:
            payment = await _find_open(connection, purchase)
    return await _begin(till, payment, at=at)


async def retry_purchase(
    till: Till, payment_id: str, *, payment_method_id: str | None, by: Actor, at: datetime
) -> Payment:
    """Try a purchase again that failed, was left or waits for a person: a new attempt with a key of its own.

    What was open is cancelled at the provider first; where that shows that it was paid after all, this is
    the answer. Raises as ``buy_credit``, PaymentNotFoundError and ProviderUnreachableError.
    """
    before = await give_up_payment(till, payment_id, at=at)
    if before.purpose != PURCHASE:
        raise PaymentNotFoundError(payment_id)
    if before.state == "succeeded" or not before.is_over:
        return before
    purchase = Purchase(before.organization_id, before.credit_nano, before.subject_id, by, payment_method_id)
    return await buy_credit(till, purchase, at=at)


async def _open(connection: Connection, quote: Quote, purchase: Purchase, *, at: datetime) -> Payment:
    order = order_credit(
        quote,
        PURCHASE,
        purchase.purchase_id,
        is_off_session=False,
        payment_method_id=purchase.payment_method_id or "",
        started_by=purchase.by.name,
    )
    async with connection.transaction():
        payment = await open_payment(connection, order, at=at, has_page=purchase.payment_method_id is None)
        await record_audit(
            connection,
            purchase.by,
            "payment.started",
            subject=payment.payment_id,
            organization_id=quote.organization_id,
            details={"credit": render_usd(quote.credit_nano), "attempt": payment.attempt},
        )
    return payment


async def _begin(till: Till, payment: Payment, *, at: datetime) -> Payment:
    if payment.is_over:
        return payment
    if payment.payment_method_id is None:
        return await start_page(till, payment.payment_id, at=at)
    return await send_payment(till, payment.payment_id, at=at)


async def _find_open(connection: Connection, purchase: Purchase) -> Payment:
    """The attempt that is open or has succeeded; nobody else's purchase is shown."""
    attempts = await list_attempts(connection, PURCHASE, purchase.purchase_id)
    for payment in reversed(attempts):
        is_ours = payment.organization_id == purchase.organization_id
        if is_ours and payment.state not in {"failed", "canceled"}:
            return payment
    raise PaymentNotFoundError(purchase.purchase_id)
