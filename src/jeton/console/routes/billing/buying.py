"""Buying credit: an amount, what it costs with tax, and the ways to pay it."""

from collections.abc import Mapping

from jeton import clock
from jeton.billing.payments.buying.purchasing import Purchase, buy_credit, new_purchase_id
from jeton.billing.payments.buying.quoting import Quote, quote_credit
from jeton.billing.payments.errors import PaymentAmountError
from jeton.billing.payments.saving import list_cards
from jeton.billing.payments.till import USD_CENT_NANO
from jeton.billing.rendering.payments import render_card, render_quote
from jeton.console.errors import InvalidFormError
from jeton.console.routes.billing.desk import member, office_of, our_id, read_dollars, read_key
from jeton.console.visit import View, Visit
from jeton.errors import MoneyError
from jeton.identity.roles.permissions import Permission
from jeton.money import render_usd

PLACE = "/console/billing/buy"
PAYMENTS = "/console/billing/payments"
# The choice of a form that is no card: pay on the provider's page.
ON_PAGE = "page"
OFFERED_NANO = tuple(dollars * 100 * USD_CENT_NANO for dollars in (10, 25, 50, 100, 500))


async def show_buying(visit: Visit) -> View:
    """The form; with an ``amount`` in the address what it costs, and the ways to pay it."""
    visit.require(Permission.SEE_BILLING)
    office, at = office_of(visit), clock.now()
    terms = office.till.terms
    text = visit.find_filter("amount")
    quote, mistake = None, ""
    async with visit.deps.pool.connection() as connection:
        cards = await list_cards(connection, our_id(visit))
        if text and office.has_cards:
            try:
                credit_nano = read_dollars({"amount": text}, "amount")
                quote = await quote_credit(
                    office.till, connection, our_id(visit), credit_nano=credit_nano, at=at
                )
            except (PaymentAmountError, MoneyError) as error:
                mistake = str(error)
    low, high = (cents * USD_CENT_NANO for cents in (terms.min_cents, terms.max_cents))
    context = {
        "as_of": at,
        "has_cards": office.has_cards,
        "may_buy": visit.may(Permission.MANAGE_BILLING),
        "terms": terms,
        "low_nano": low,
        "high_nano": high,
        "offered": [nano for nano in OFFERED_NANO if low <= nano <= high],
        "amount": text,
        "quote": quote,
        "mistake": mistake,
        "is_changed": bool(visit.find_filter("changed")),
        "cards": cards,
        "on_page": ON_PAGE,
        "purchase_id": new_purchase_id(),
    }
    data = {
        "type": "credit_offer",
        "as_of": at.isoformat(),
        "has_payment_provider": office.has_cards,
        "minimum": render_usd(low),
        "maximum": render_usd(high),
        "quote": None if quote is None else render_quote(quote),
        "problem": mistake or None,
        "payment_methods": [render_card(card) for card in cards],
    }
    return View("billing/buy.html", context, data)


async def buy(visit: Visit, form: Mapping[str, str]) -> str:
    """Buy what was quoted; the same form twice buys once. The payment's page says what became of it."""
    visit.require(Permission.MANAGE_BILLING)
    office, at = office_of(visit), clock.now()
    way = form.get("way", "")
    if not way:
        raise InvalidFormError("it does not say how to pay")
    credit_nano = read_dollars(form, "amount")
    async with visit.deps.pool.connection() as connection:
        quote = await quote_credit(office.till, connection, our_id(visit), credit_nano=credit_nano, at=at)
    if form.get("total") != _key_of(quote):
        # The tax has changed since: nobody pays another sum than the one on the button.
        return f"{PLACE}?amount={render_usd(credit_nano)}&changed=1"
    purchase = Purchase(
        our_id(visit),
        credit_nano,
        read_key(form),
        member(visit),
        payment_method_id=None if way == ON_PAGE else way,
    )
    payment = await buy_credit(office.till, purchase, at=at)
    return f"{PAYMENTS}/{payment.payment_id}"


def _key_of(quote: Quote) -> str:
    """What of a quote the form brings back."""
    return f"{quote.total_minor} {quote.currency}"
