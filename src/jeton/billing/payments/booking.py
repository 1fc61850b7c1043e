"""Booking: what a provider says of a payment becomes its state, and money becomes credit, exactly once.

Whoever brings the news (the answer, a webhook, the comparison) calls the same function. States only go
on: what succeeded stays so, whatever comes later; money that was taken after all is always booked.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, assert_never

from jeton.billing.payments.alarming import raise_mismatch, raise_repeated
from jeton.billing.payments.saving import save_card
from jeton.billing.payments.storage import change_payment, get_payment, list_attempts
from jeton.billing.payments.telling import tell_failure, tell_success
from jeton.billing.payments.till import Till
from jeton.billing.payments.topping_up import top_up
from jeton.billing.payments.words import Payment, PaymentHook, PaymentState
from jeton.billing.providers.words import Decline, ProviderPayment
from jeton.db.pool import Connection

Outcome = Literal["booked", "known", "refused"]


@dataclass(frozen=True, slots=True)
class Booked:
    """What was done with the news, and the payment as it is then."""

    outcome: Outcome
    payment: Payment
    sentence: str = ""


async def book_news(
    till: Till, connection: Connection, news: ProviderPayment, *, payment_id: str, at: datetime
) -> Booked:
    """Book what a provider says of a payment, in the caller's transaction.

    News that contradicts the payment (another amount, currency or provider's id) books nothing and raises
    an alarm for the operator. PaymentNotFoundError.
    """
    payment = await get_payment(connection, payment_id, is_locked=True)
    problem = find_mismatch(payment, news)
    if problem:
        await raise_mismatch(connection, payment, news, problem, at=at)
        return Booked("refused", payment, problem)
    if payment.state == "succeeded":
        return Booked("known", payment)
    payment = await _bind(connection, payment, news)
    match news.status:
        case "succeeded":
            return Booked("booked", await _succeed(till, connection, payment, news, at=at))
        case "requires_action":
            return await _ask_for_action(connection, payment, news, at=at)
        case "requires_card":
            return await _decline(till, connection, payment, news.decline, at=at)
        case "canceled":
            if payment.is_over:
                return Booked("known", payment)
            return Booked("booked", await end_payment(till, connection, payment, state="canceled", at=at))
        case "processing":
            return Booked("known", payment)
        case _:
            assert_never(news.status)


def find_mismatch(payment: Payment, news: ProviderPayment) -> str:
    """What of the news is not this payment's, as a sentence; "" if all is."""
    known_id = payment.provider_payment_id
    if known_id and news.provider_payment_id and news.provider_payment_id != known_id:
        return f"It is the provider's {news.provider_payment_id}, and ours is {known_id}."
    if news.reference and news.reference != payment.payment_id:
        return f"It names {news.reference}."
    if news.currency != payment.currency:
        return f"It is in {news.currency}, and ours is in {payment.currency}."
    if news.amount_minor != payment.amount_minor:
        return (
            f"It is {news.amount_minor}, and ours is {payment.amount_minor} {payment.currency} (minor units)."
        )
    return ""


async def end_payment(
    till: Till,
    connection: Connection,
    payment: Payment,
    *,
    state: Literal["failed", "canceled"],
    at: datetime,
    decline: Decline | None = None,
) -> Payment:
    """End a locked payment that is open, without money, and tell whom it concerns."""
    ended = await change_payment(
        connection,
        payment,
        state=state,
        action_url="",
        updated_at=at,
        settled_at=at,
        **_render_decline(decline, state),
    )
    hook = till.hooks.failed.get(payment.purpose)
    if hook is not None:
        await hook(connection, ended, at)
    if state == "failed":
        await tell_failure(connection, ended, at=at)
    return ended


async def _bind(connection: Connection, payment: Payment, news: ProviderPayment) -> Payment:
    """From the first news on, the payment is that one of the provider's, and none other."""
    if payment.provider_payment_id or not news.provider_payment_id:
        return payment
    return await change_payment(connection, payment, provider_payment_id=news.provider_payment_id)


async def _succeed(
    till: Till, connection: Connection, payment: Payment, news: ProviderPayment, *, at: datetime
) -> Payment:
    others = await list_attempts(connection, payment.purpose, payment.subject_id)
    if any(one.state == "succeeded" for one in others):
        # The money is there, so it is booked; but it was asked for once only.
        await raise_repeated(connection, payment, at=at)
    if news.card is not None:
        await save_card(connection, payment.organization_id, payment.provider, news.card, at=at)
    changes: dict[str, object] = {}
    if payment.purpose != "document":
        topped_up = await top_up(till.terms, connection, payment, at=at)
        changes = {
            "lot_id": topped_up.lot_id,
            "given_lot_id": topped_up.given_lot_id,
            "transaction_id": topped_up.transaction_id,
        }
    paid = await change_payment(
        connection,
        payment,
        state="succeeded",
        action_url="",
        decline_code="",
        decline_reason="",
        is_hard_decline=False,
        updated_at=at,
        settled_at=at,
        **changes,
    )
    hook = _settled_hook(till, paid)
    if hook is not None:
        await hook(connection, paid, at)
    await tell_success(connection, paid, at=at)
    return paid


def _settled_hook(till: Till, payment: Payment) -> PaymentHook | None:
    """Who books or hears of it; a document's payment that nobody would book is a defect, and fails."""
    if payment.purpose == "document":
        return till.hooks.settled["document"]
    return till.hooks.settled.get(payment.purpose)


async def _ask_for_action(
    connection: Connection, payment: Payment, news: ProviderPayment, *, at: datetime
) -> Booked:
    if payment.is_over or (payment.state == "requires_action" and payment.action_url == news.action_url):
        return Booked("known", payment)
    # On the provider's page a person is led through it there.
    url = payment.action_url if payment.provider_page_id else news.action_url
    return Booked(
        "booked",
        await change_payment(connection, payment, state="requires_action", action_url=url, updated_at=at),
    )


async def _decline(
    till: Till, connection: Connection, payment: Payment, decline: Decline | None, *, at: datetime
) -> Booked:
    if payment.is_over or (decline is None and payment.provider_page_id):
        return Booked("known", payment)
    if payment.provider_page_id:
        # There another card may be tried; it ends with the page.
        noted = await change_payment(
            connection, payment, **_render_decline(decline, payment.state), updated_at=at
        )
        return Booked("booked", noted)
    return Booked(
        "booked", await end_payment(till, connection, payment, state="failed", at=at, decline=decline)
    )


def _render_decline(decline: Decline | None, state: PaymentState) -> dict[str, object]:
    if decline is None:
        return {}
    return {
        "decline_code": decline.code,
        "decline_reason": decline.reason,
        "is_hard_decline": decline.is_hard and state == "failed",
    }
