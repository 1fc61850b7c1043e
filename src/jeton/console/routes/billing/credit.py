"""Credit: every lot with its turn, what each paid lately, what changed it, and where more comes from."""

from jeton import clock
from jeton.billing.payments.saving import list_cards
from jeton.billing.reloads.overview import read_overview, render_overview
from jeton.billing.rendering.payments import render_card
from jeton.console.routes.billing.cards import judge_expiry
from jeton.console.routes.billing.desk import office_of
from jeton.console.visit import View, Visit
from jeton.identity.roles.permissions import Permission
from jeton.insight.balance import get_balance, render_balance
from jeton.insight.credit.history import DAYS_SHOWN, list_changes, render_changes
from jeton.insight.credit.payments import CHARGES_READ_MAX, list_payments, render_payments

FIRES_SHOWN = 3


async def show_credit(visit: Visit) -> View:
    """The organization's credit at this moment, with its rule of auto-reload and its default card."""
    visit.require(Permission.SEE_BILLING)
    organization_id = visit.session.organization_id
    office, at = office_of(visit), clock.now()
    async with visit.deps.pool.connection() as connection:
        balance = await get_balance(connection, organization_id)
        payments = await list_payments(connection, organization_id)
        changes = await list_changes(connection, organization_id)
        overview = await read_overview(connection, organization_id, office.reloads, at=at)
        cards = await list_cards(connection, organization_id)
    card = next((one for one in cards if one.is_default), None)
    usable = [lot for lot in balance.lots if lot.state == "active" and lot.amounts.available_nano]
    context = {
        "balance": balance,
        "next_lot": usable[0] if usable else None,
        "after_lot": usable[1] if len(usable) > 1 else None,
        "payments": payments,
        "on_limit": [payment for payment in payments if not payment.lot_id],
        "changes": changes,
        "days": DAYS_SHOWN,
        "overview": overview,
        "fires": overview.fires[:FIRES_SHOWN] if overview else (),
        "card": card,
        "card_state": "" if card is None else judge_expiry(card, at),
        "has_cards": office.has_cards,
        "charges_read": CHARGES_READ_MAX,
    }
    data = {
        **render_balance(balance),
        "payments": render_payments(payments),
        "changes": render_changes(changes),
        "auto_reload": render_overview(overview),
        "payment_method": None if card is None else render_card(card),
    }
    return View("billing/credit.html", context, data)
