"""Payments that came in for documents: what is on which, what is left; by hand where a bank does not tell."""

from collections.abc import Mapping

from jeton import clock
from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.receivables.applying import apply_payment, unapply
from jeton.billing.receivables.listing import PaymentFilter, list_received, render_payment, sum_left
from jeton.billing.receivables.recording import pay_back, record_payment, void_payment
from jeton.billing.receivables.storage import find_open_document, get_received_payment
from jeton.billing.receivables.words import METHODS_BY_HAND, Receipt, Share
from jeton.console.errors import InvalidFormError
from jeton.console.routes.billing.desk import read_id, read_key
from jeton.console.routes.finance.documents import PLACE as DOCUMENTS
from jeton.console.routes.finance.documents import REASON_CHARS_MAX
from jeton.console.routes.finance.reading import read_act, read_amount, read_day, read_organization
from jeton.console.visit import View, Visit
from jeton.ids import new_id
from jeton.insight.operating.names import list_organization_names

PLACE = f"{DOCUMENTS}/payments"
PAGE_ROWS = 25


async def show_payments(visit: Visit) -> View:
    """A page of payments, newest first; ``left`` only those with something that is on no document."""
    visit.require_operator()
    left, before = visit.find_filter("left") == "yes", visit.find_filter("before")
    async with visit.deps.pool.connection() as connection:
        found = await list_received(
            connection, PaymentFilter(only_left=left, before=before), limit=PAGE_ROWS + 1
        )
        names = await list_organization_names(connection, {one.payment.organization_id for one in found})
    shown, at = found[:PAGE_ROWS], clock.now()
    next_id = shown[-1].payment.payment_id if len(found) > PAGE_ROWS else ""
    context = {
        "as_of": at,
        "payments": shown,
        "names": names,
        "left": left,
        "sums": sum_left(shown),
        "methods": METHODS_BY_HAND,
        "today": at.date(),
        "next_id": next_id,
        "reason_chars_max": REASON_CHARS_MAX,
        "idempotency_key": new_id("form"),
    }
    data = {
        "type": "received_payment_list",
        "as_of": at.isoformat(),
        "data": [render_payment(one) for one in shown],
        "has_more": bool(next_id),
        "next_id": next_id or None,
    }
    return View("finance/payments.html", context, data)


async def record(visit: Visit, form: Mapping[str, str]) -> str:
    """Record money that came in; on a document by its number, else on what has been due longest."""
    visit.require_operator()
    method, number = form.get("method", ""), form.get("number", "").strip()
    if method not in METHODS_BY_HAND:
        raise InvalidFormError("it has a choice that the page does not offer")
    currency = form.get("currency", "").strip().upper()
    act = read_act(visit, form)
    async with visit.deps.pool.connection() as connection, connection.transaction():
        shares = None
        amount_minor = read_amount(form, currency)
        if number:
            document = await find_open_document(
                connection, (await get_document(connection, number)).document_id
            )
            organization_id = document.organization_id
            shares = [Share(document.document_id, min(amount_minor, max(document.due_minor, 0)))]
            shares = [share for share in shares if share.amount_minor]
        else:
            organization_id = read_organization(form)
        receipt = Receipt(
            organization_id=organization_id,
            method=method,
            currency=currency,
            amount_minor=amount_minor,
            received_on=read_day(form, "received_on"),
            reason=act.reason,
            # What the bank knows it by; without it the form itself is what happens once.
            external_id=form.get("external_id", "").strip() or read_key(form),
            reference=form.get("reference", "").strip(),
        )
        await record_payment(connection, receipt, shares, act)
    return PLACE


async def put(visit: Visit, form: Mapping[str, str]) -> str:
    """Put what is left of a payment on a document, as far as that is due."""
    visit.require_operator()
    payment_id = read_id(visit, "payment_id")
    async with visit.deps.pool.connection() as connection, connection.transaction():
        payment = await get_received_payment(connection, payment_id)
        found = await get_document(connection, form.get("number", "").strip())
        document = await find_open_document(connection, found.document_id)
        amount_minor = min(payment.unapplied_minor, max(document.due_minor, 0))
        if form.get("amount", "").strip():
            amount_minor = read_amount(form, payment.currency)
        share = Share(document.document_id, amount_minor)
        await apply_payment(connection, payment_id, [share], read_act(visit, form))
    return PLACE


async def take_off(visit: Visit, form: Mapping[str, str]) -> str:
    """Take a part of a payment off its document again."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection, connection.transaction():
        await unapply(connection, read_id(visit, "application_id"), read_act(visit, form))
    return PLACE


async def void(visit: Visit, form: Mapping[str, str]) -> str:
    """A payment was not real: take it back everywhere."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection, connection.transaction():
        await void_payment(connection, read_id(visit, "payment_id"), read_act(visit, form))
    return PLACE


async def give_back(visit: Visit, form: Mapping[str, str]) -> str:
    """Note that what is left of a payment was paid back at the bank."""
    visit.require_operator()
    payment_id = read_id(visit, "payment_id")
    async with visit.deps.pool.connection() as connection, connection.transaction():
        payment = await get_received_payment(connection, payment_id)
        amount_minor = read_amount(form, payment.currency)
        await pay_back(connection, payment_id, amount_minor, read_act(visit, form))
    return PLACE
