"""Payments: what was paid and how it went, one of them with what can be done about it, and refunds."""

from collections.abc import Mapping

from jeton import clock
from jeton.billing.invoicing.documents.reading import DocumentFilter, list_documents
from jeton.billing.payments.buying.purchasing import PURCHASE, retry_purchase
from jeton.billing.payments.disputing.storage import list_disputes
from jeton.billing.payments.errors import PaymentNotFoundError
from jeton.billing.payments.refunding.asking import Asked, refund_payment
from jeton.billing.payments.refunding.quoting import quote_refund
from jeton.billing.payments.refunding.storage import list_refunds
from jeton.billing.payments.saving import list_cards
from jeton.billing.payments.sending import give_up_payment, refresh_payment
from jeton.billing.payments.storage import get_payment, list_payments
from jeton.billing.payments.words import Payment
from jeton.billing.providers.errors import ProviderUnreachableError
from jeton.billing.rendering.documents import render_head
from jeton.billing.rendering.payments import (
    render_card,
    render_dispute,
    render_payment,
    render_refund,
    render_refund_quote,
)
from jeton.charging.credits.granting import REASON_CHARS_MAX
from jeton.console.routes.billing.buying import ON_PAGE, PAYMENTS
from jeton.console.routes.billing.desk import member, office_of, our_id, read_dollars, read_id, read_key
from jeton.console.visit import View, Visit
from jeton.identity.roles.permissions import Permission
from jeton.ids import new_id

PAGE_ROWS = 25
STATE_NAMES = {
    "pending": "no answer yet",
    "requires_action": "waits for you",
    "succeeded": "paid",
    "failed": "declined",
    "canceled": "given up",
}
PURPOSE_NAMES = {"purchase": "credit", "reload": "credit, by auto-reload", "document": "an invoice"}


async def show_payments(visit: Visit) -> View:
    """A page of payments, newest first, with what was refunded and what banks took back."""
    visit.require(Permission.SEE_BILLING)
    before = visit.find_filter("before")
    async with visit.deps.pool.connection() as connection:
        found = await list_payments(connection, our_id(visit), before=before, limit=PAGE_ROWS + 1)
        refunds = await list_refunds(connection, our_id(visit))
        disputes = await list_disputes(connection, our_id(visit))
        cards = {card.payment_method_id: card for card in await list_cards(connection, our_id(visit))}
    shown, at = found[:PAGE_ROWS], clock.now()
    currencies = {payment.payment_id: payment.currency for payment in found}
    next_id = shown[-1].payment_id if len(found) > PAGE_ROWS else ""
    context = {
        "as_of": at,
        "payments": shown,
        "refunds": refunds,
        "disputes": disputes,
        "currencies": currencies,
        "cards": cards,
        "state_names": STATE_NAMES,
        "purpose_names": PURPOSE_NAMES,
        "next_id": next_id,
        "before": before,
        "has_cards": office_of(visit).has_cards,
        "may_buy": visit.may(Permission.MANAGE_BILLING),
    }
    data = {
        "type": "payment_list",
        "as_of": at.isoformat(),
        "data": [render_payment(payment) for payment in shown],
        "refunds": [render_refund(one, currencies.get(one.payment_id, "USD")) for one in refunds],
        "disputes": [render_dispute(one) for one in disputes],
        "has_more": bool(next_id),
        "next_id": next_id or None,
    }
    return View("billing/payments.html", context, data)


async def show_payment(visit: Visit) -> View:
    """One payment as the provider has it now, with what can be done: go on, try again, refund."""
    visit.require(Permission.SEE_BILLING)
    office, at = office_of(visit), clock.now()
    payment = await _find(visit)
    is_unanswered = False
    if not payment.is_over and office.has_cards:
        try:
            payment = await refresh_payment(office.till, payment.payment_id, at=at)
        except ProviderUnreachableError:
            is_unanswered = True
    async with visit.deps.pool.connection() as connection:
        quote = await quote_refund(connection, payment)
        refunds = [
            one
            for one in await list_refunds(connection, our_id(visit))
            if one.payment_id == payment.payment_id
        ]
        cards = await list_cards(connection, our_id(visit))
        subjects = (payment.payment_id, *(one.refund_id for one in refunds))
        papers = DocumentFilter(our_id(visit), purposes=("purchase", "refund"), subjects=subjects)
        documents = await list_documents(connection, papers)
    context = {
        "as_of": at,
        "payment": payment,
        "card": next((card for card in cards if card.payment_method_id == payment.payment_method_id), None),
        "cards": cards,
        "quote": quote,
        "refunds": refunds,
        "papers": documents,
        "is_unanswered": is_unanswered,
        "was_left": bool(visit.find_filter("left")),
        "state_names": STATE_NAMES,
        "purpose_names": PURPOSE_NAMES,
        "on_page": ON_PAGE,
        "has_cards": office.has_cards,
        "may_act": visit.may(Permission.MANAGE_BILLING) and office.has_cards,
        "may_retry": payment.purpose == PURCHASE and payment.state in {"failed", "canceled"},
        "reason_chars_max": REASON_CHARS_MAX,
        "idempotency_key": new_id("form"),
    }
    data = {
        **render_payment(payment),
        "as_of": at.isoformat(),
        "refund": render_refund_quote(quote),
        "refunds": [render_refund(one, payment.currency) for one in refunds],
        "documents": [render_head(one) for one in documents],
        "payment_methods": [render_card(card) for card in cards],
    }
    return View("billing/payment.html", context, data)


async def retry(visit: Visit, form: Mapping[str, str]) -> str:
    """Try a purchase again, with another card or on the provider's page; a new attempt of its own."""
    visit.require(Permission.MANAGE_BILLING)
    payment, way = await _find(visit), form.get("way", ON_PAGE)
    made = await retry_purchase(
        office_of(visit).till,
        payment.payment_id,
        payment_method_id=None if way == ON_PAGE else way,
        by=member(visit),
        at=clock.now(),
    )
    return f"{PAYMENTS}/{made.payment_id}"


async def give_up(visit: Visit, form: Mapping[str, str]) -> str:
    """See to it that an open payment takes nothing any more."""
    del form
    visit.require(Permission.MANAGE_BILLING)
    payment = await _find(visit)
    await give_up_payment(office_of(visit).till, payment.payment_id, at=clock.now())
    return f"{PAYMENTS}/{payment.payment_id}"


async def refund(visit: Visit, form: Mapping[str, str]) -> str:
    """Give unused credit of a payment back: so much of it as the form says; the same form twice does once."""
    visit.require(Permission.MANAGE_BILLING)
    payment = await _find(visit)
    asked = Asked(
        our_id(visit),
        payment.payment_id,
        reason=form.get("reason", "").strip(),
        by=member(visit),
        credit_nano=read_dollars(form, "amount") if form.get("amount", "").strip() else None,
        idempotency_key=read_key(form),
    )
    await refund_payment(office_of(visit).till, asked, at=clock.now())
    return f"{PAYMENTS}/{payment.payment_id}"


async def _find(visit: Visit) -> Payment:
    """The payment that the address names, if it is our own; PaymentNotFoundError."""
    payment_id = read_id(visit, "payment_id")
    async with visit.deps.pool.connection() as connection:
        payment = await get_payment(connection, payment_id)
    if payment.organization_id != our_id(visit):
        raise PaymentNotFoundError(payment_id)
    return payment
