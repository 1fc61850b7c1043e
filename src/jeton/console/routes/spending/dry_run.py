"""Dry run: the budget in the address, played on the requests of the last 30 days; nothing is written."""

from jeton import clock
from jeton.charging.budgets.opening import draft_budget
from jeton.console.routes.spending.budgets import KINDS, LABELS, PERIODS, list_choices, parse_wanted
from jeton.console.visit import View, Visit
from jeton.identity.audit import Actor
from jeton.identity.roles.permissions import Permission
from jeton.insight.budgets.dry_run import DAYS, REQUESTS_MAX, SHOWN_MAX, render_dry_run, run_dry
from jeton.ledger.budgets.scopes import EVERY

FIELDS = ("limit", "period", "scope", "label", "kind", "anchor_day", "zone")
DEFAULTS = {"period": "month", "scope": "organization", "kind": "hard", "anchor_day": "1", "zone": "UTC"}


async def show_dry_run(visit: Visit) -> View:
    """What the budget would have refused; without a limit in the address, only the form."""
    at, organization_id = clock.now(), visit.session.organization_id
    asked = {name: visit.find_filter(name) or DEFAULTS.get(name, "") for name in FIELDS}
    scope, _, label = asked["scope"].partition(":")
    if scope in LABELS and label and label != EVERY:
        asked |= {"scope": scope, "label": label}
    run = None
    async with visit.deps.pool.connection() as connection:
        choices = await list_choices(connection, visit, at=at)
        if asked["limit"]:
            by = Actor("member", visit.session.email)
            budget = await draft_budget(connection, organization_id, parse_wanted(asked), by=by, at=at)
            run = await run_dry(connection, budget, at=at)
    context = {
        "as_of": at,
        "asked": asked,
        "run": run,
        "scopes": choices.scopes,
        "names": choices.names,
        "periods": PERIODS,
        "kinds": KINDS,
        "days": DAYS,
        "requests_max": REQUESTS_MAX,
        "shown_max": SHOWN_MAX,
        "may_change": visit.may(Permission.MANAGE_BUDGETS),
    }
    data = {"as_of": at.isoformat(), **(render_dry_run(run) if run else {"type": "budget_dry_run"})}
    return View("spending/dry_run.html", context, data)
