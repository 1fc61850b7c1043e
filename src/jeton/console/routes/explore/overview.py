"""Overview: credit now, this month against what came before it, where it leads, and the latest requests."""

from dataclasses import replace

from jeton import clock
from jeton.console.filters import Filters, find_range, list_choices, parse_filters
from jeton.console.routes.explore.asking import wants_twin, where_of
from jeton.console.routes.explore.drawing import Lead, Style, draw_groups, say_weeks
from jeton.console.routes.explore.naming import make_namer
from jeton.console.routes.explore.saved.pinned import list_cards, render_card
from jeton.console.visit import View, Visit
from jeton.identity.roles.permissions import Permission
from jeton.insight.balance import get_balance, render_balance
from jeton.insight.budgets.standing import list_budgets, render_budget
from jeton.insight.explore.question import Report
from jeton.insight.explore.stretches import Stretch
from jeton.insight.overview.bridge import CAUSES
from jeton.insight.overview.summary import get_overview, render_overview
from jeton.insight.requests import ChargeFilter, list_charges, render_charges

LATEST = 8
# From this share of its limit on a budget is worth a look here.
ALERT_PERCENT = 75


async def show_overview(visit: Visit) -> View:
    """The first page after signing in."""
    organization_id = visit.session.organization_id
    filters = _read_filters(visit)
    month = filters.stretch
    async with visit.deps.pool.connection() as connection:
        balance = await get_balance(connection, organization_id)
        # Credit is the organization's, so a part of it does not use it up.
        credit_nano = balance.amounts.available_nano + balance.credit_nano
        overview = await get_overview(
            connection,
            organization_id,
            month=month,
            available_nano=0 if filters.is_narrowed else credit_nano,
            where=where_of(filters),
        )
        budgets = await list_budgets(connection, organization_id)
        page = await list_charges(connection, organization_id, filter_=_list_latest(filters), limit=LATEST)
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
            style=Style(lead=_lead_to_cost(overview.days, filters), remark=say_weeks(overview.days)),
        ),
        "page": page,
        "may_see_billing": visit.may(Permission.SEE_BILLING),
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


def _read_filters(visit: Visit) -> Filters:
    """What the address narrows the page to; its time is this month, in the zone of the address."""
    chosen = parse_filters(visit, without=frozenset({"range", "from", "until", "token_class", "state"}))
    month = find_range("month", chosen.zone, clock.now())
    return replace(chosen, stretch=month, named="month", is_compared=True, token_class=None, state=None)


def _list_latest(filters: Filters) -> ChargeFilter:
    """The requests that the filters leave, whenever they were."""
    return ChargeFilter(
        model=filters.model,
        key_id=filters.key_id,
        workspace_id=filters.workspace_id,
        service_tier=filters.service_tier,
        end_user=filters.end_user,
        tag=filters.tag,
    )


def _lead_to_cost(days: Report, filters: Filters) -> Lead:
    """A day leads to the hours of its cost, with the same filters."""
    zone = days.question.stretch.zone
    plain = replace(filters, is_compared=False)
    return lambda starts_at, ends_at: plain.link_to("/console/cost", Stretch(starts_at, ends_at, zone))
