"""Overview: credit now, this month against what came before it, where it leads, and the latest requests."""

from jeton import clock
from jeton.console.filters import Filters, find_range, find_zone, list_choices
from jeton.console.routes.explore.asking import wants_twin
from jeton.console.routes.explore.drawing import draw_groups
from jeton.console.routes.explore.naming import make_namer
from jeton.console.routes.explore.pinned import list_cards, render_card
from jeton.console.visit import View, Visit
from jeton.insight.balance import get_balance, render_balance
from jeton.insight.budgets.standing import list_budgets, render_budget
from jeton.insight.overview.bridge import CAUSES
from jeton.insight.overview.summary import get_overview, render_overview
from jeton.insight.requests import list_charges, render_charges

LATEST = 8
# From this share of its limit on a budget is worth a look here.
ALERT_PERCENT = 75


async def show_overview(visit: Visit) -> View:
    """The first page after signing in."""
    organization_id = visit.session.organization_id
    month = find_range("month", find_zone(visit), clock.now())
    filters = Filters(month, "month", is_compared=True)
    async with visit.deps.pool.connection() as connection:
        balance = await get_balance(connection, organization_id)
        available_nano = balance.amounts.available_nano + balance.credit_nano
        overview = await get_overview(connection, organization_id, month=month, available_nano=available_nano)
        budgets = await list_budgets(connection, organization_id)
        page = await list_charges(connection, organization_id, limit=LATEST)
        choices = await list_choices(connection, organization_id, filters)
        cards = await list_cards(connection, visit)
    alerts = [budget for budget in budgets if budget.percent >= ALERT_PERCENT]
    context = {
        "balance": balance,
        "overview": overview,
        "totals": overview.totals,
        "before": overview.before,
        "filters": filters,
        "choices": choices,
        "causes": CAUSES,
        "alerts": alerts,
        "cards": cards,
        "chart": draw_groups(
            overview.days,
            Filters(overview.days.question.stretch, ""),
            name=make_namer(overview.days, choices),
        ),
        "page": page,
        "base_url": visit.deps.base_url or str(visit.request.base_url).rstrip("/"),
    }
    data: dict[str, object] = (
        {}
        if not wants_twin(visit)
        else {
            "type": "overview",
            "is_rehearsal": visit.deps.is_rehearsal,
            "balance": render_balance(balance),
            "usage": render_overview(overview),
            "alerts": [render_budget(budget) for budget in alerts],
            "pinned": [render_card(card) for card in cards],
            "requests": render_charges(page),
        }
    )
    return View("explore/overview.html", context, data)
