"""Credit: every lot with its turn, what each paid lately, and what changed the credit."""

from jeton.console.visit import View, Visit
from jeton.identity.roles.permissions import Permission
from jeton.insight.balance import get_balance, render_balance
from jeton.insight.credit.history import DAYS_SHOWN, list_changes, render_changes
from jeton.insight.credit.payments import CHARGES_READ_MAX, list_payments, render_payments


async def show_credit(visit: Visit) -> View:
    """The organization's credit at this moment."""
    visit.require(Permission.SEE_BILLING)
    organization_id = visit.session.organization_id
    async with visit.deps.pool.connection() as connection:
        balance = await get_balance(connection, organization_id)
        payments = await list_payments(connection, organization_id)
        changes = await list_changes(connection, organization_id)
    usable = [lot for lot in balance.lots if lot.state == "active" and lot.amounts.available_nano]
    context = {
        "balance": balance,
        "next_lot": usable[0] if usable else None,
        "after_lot": usable[1] if len(usable) > 1 else None,
        "payments": payments,
        "on_limit": [payment for payment in payments if not payment.lot_id],
        "changes": changes,
        "days": DAYS_SHOWN,
        "charges_read": CHARGES_READ_MAX,
    }
    data = {
        **render_balance(balance),
        "payments": render_payments(payments),
        "changes": render_changes(changes),
    }
    return View("billing/credit.html", context, data)
