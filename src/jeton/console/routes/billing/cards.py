"""Cards: what is saved (brand, last four digits, expiry), a new one, the default one."""

from collections.abc import Mapping
from datetime import datetime

from jeton import clock
from jeton.billing.payments.buying.cards import refresh_cards, remove_card, start_card_page
from jeton.billing.payments.saving import SavedCard, choose_default, list_cards
from jeton.billing.providers.errors import ProviderUnreachableError
from jeton.billing.rendering.payments import render_card
from jeton.console.routes.billing.desk import member, office_of, our_id, read_id
from jeton.console.visit import View, Visit
from jeton.identity.roles.permissions import Permission

PLACE = "/console/billing/cards"
# A card is named as expiring this long before it does.
SOON_MONTHS = 2
_MONTHS = 12


async def show_cards(visit: Visit) -> View:
    """The saved cards; who comes back from the provider's page sees the new one at once."""
    visit.require(Permission.SEE_BILLING)
    return await _show(visit, url="")


async def add_card(visit: Visit, form: Mapping[str, str]) -> View:
    """Make a page of the provider's where a card is given; the way there is a link, which may leave us."""
    del form
    visit.require(Permission.MANAGE_BILLING)
    page = await start_card_page(office_of(visit).till, our_id(visit), at=clock.now())
    return await _show(visit, url=page.url)


async def make_default(visit: Visit, form: Mapping[str, str]) -> str:
    """Charge this card from now on where none is named."""
    del form
    visit.require(Permission.MANAGE_BILLING)
    async with visit.deps.pool.connection() as connection:
        card_id = read_id(visit, "payment_method_id")
        await choose_default(connection, our_id(visit), card_id, by=member(visit))
    return PLACE


async def remove(visit: Visit, form: Mapping[str, str]) -> str:
    """Forget a card, here and at the provider."""
    del form
    visit.require(Permission.MANAGE_BILLING)
    card_id = read_id(visit, "payment_method_id")
    till = office_of(visit).till
    await remove_card(till, our_id(visit), card_id, at=clock.now(), by=member(visit))
    return PLACE


def judge_expiry(card: SavedCard, at: datetime) -> str:
    """``expired``, ``soon`` in its last months, else ""; months are counted from the year 0."""
    left = (card.expires_year - at.year) * _MONTHS + card.expires_month - at.month
    return "expired" if left < 0 else "soon" if left < SOON_MONTHS else ""


async def _show(visit: Visit, *, url: str) -> View:
    office, at = office_of(visit), clock.now()
    is_back, is_unanswered = bool(visit.find_filter("saved")), False
    if is_back and office.has_cards:
        try:
            await refresh_cards(office.till, our_id(visit), at=at)
        except ProviderUnreachableError:
            is_unanswered = True
    async with visit.deps.pool.connection() as connection:
        cards = await list_cards(connection, our_id(visit))
    context = {
        "as_of": at,
        "cards": cards,
        "states": {card.payment_method_id: judge_expiry(card, at) for card in cards},
        "url": url,
        "is_back": is_back,
        "is_unanswered": is_unanswered,
        "has_cards": office.has_cards,
        "may_change": visit.may(Permission.MANAGE_BILLING),
        "twin": f"{PLACE}.json",
    }
    data = {
        "type": "payment_method_list",
        "as_of": at.isoformat(),
        "has_payment_provider": office.has_cards,
        "data": [render_card(card) for card in cards],
    }
    return View("billing/cards.html", context, data)
