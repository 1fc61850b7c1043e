"""Budgets: how far each one is, a new one, another limit, its end, and the alerts that were given."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from jeton import clock
from jeton.charging.budgets.opening import WantedBudget, change_budget, create_budget, end_budget
from jeton.console.errors import InvalidFormError
from jeton.console.routes.spending.alerts import SNOOZES
from jeton.console.visit import View, Visit
from jeton.db.pool import Connection
from jeton.identity.audit import Actor
from jeton.identity.keys import list_keys
from jeton.identity.members import list_members
from jeton.identity.organizations import list_workspaces
from jeton.identity.roles.permissions import Permission
from jeton.insight.budgets.alerts import list_alerts, render_alert, render_choices
from jeton.insight.budgets.standing import BudgetStanding, list_budgets, render_budget
from jeton.ledger.budgets.errors import InvalidBudgetError, name_budget, name_scope
from jeton.ledger.budgets.scopes import EVERY, SCOPE_FIELDS
from jeton.ledger.budgets.tally import EACH_TOLD_PERCENT, THRESHOLDS
from jeton.ledger.budgets.windows import Period
from jeton.money import parse_usd
from jeton.notifications.catalogue.testing import AlertTest
from jeton.notifications.events import Event, emit
from jeton.notifications.quiet.choices import SILENCE_HOURS_MAX, get_choices
from jeton.notifications.quiet.snoozes import list_snoozes

PERIODS: Mapping[Period, str] = {"day": "a day", "week": "a week", "month": "a month", "total": "in total"}
KINDS = {"hard": "refuse what is beyond it", "soft": "only tell"}
# Labels are words of the organization: they are written beside the choice.
LABELS: Mapping[str, str] = {"end_user": "the end user named beside", "tag": "the tag named beside"}
NO_CHOICE = "it has a choice that the page does not offer"


async def show_budgets(visit: Visit) -> View:
    """The budgets in force, each with its running window."""
    organization_id, at = visit.session.organization_id, clock.now()
    async with visit.deps.pool.connection() as connection:
        standings = await list_budgets(connection, organization_id, at=at)
        choices = await list_choices(connection, visit, at=at)
        alerts = await list_alerts(connection, organization_id)
        chosen = await get_choices(connection, organization_id)
        snoozes = await list_snoozes(connection, organization_id, at=at)
    context = {
        "as_of": at,
        "budgets": standings,
        "alerts": alerts,
        "chosen": chosen,
        "snoozed": {one.about: one for one in snoozes},
        "snoozes": SNOOZES,
        "silence_hours_max": SILENCE_HOURS_MAX,
        "is_tested": visit.find_filter("tested") == "yes",
        "subjects": {one.budget_id: name_subject(one, choices.names) for one in standings},
        "scopes": choices.scopes,
        "periods": PERIODS,
        "kinds": KINDS,
        "thresholds": sorted(THRESHOLDS),
        "each_percent": EACH_TOLD_PERCENT,
        "may_change": visit.may(Permission.MANAGE_BUDGETS),
    }
    data = {
        "type": "budget_list",
        "as_of": at.isoformat(),
        "data": [render_budget(standing) for standing in standings],
        "alerts": [render_alert(alert) for alert in alerts],
        **render_choices(chosen, snoozes),
    }
    return View("spending/budgets.html", context, data)


async def create(visit: Visit, form: Mapping[str, str]) -> str:
    """Put a budget into force."""
    visit.require(Permission.MANAGE_BUDGETS)
    wanted = parse_wanted(form)
    by = Actor("member", visit.session.email)
    async with visit.deps.pool.connection() as connection:
        await create_budget(connection, visit.session.organization_id, wanted, by=by)
    return "/console/budgets"


async def change(visit: Visit, form: Mapping[str, str]) -> str:
    """Give a budget another limit, or make it hard or soft, in its running window too."""
    visit.require(Permission.MANAGE_BUDGETS)
    kind = form.get("kind", "")
    if kind not in KINDS:
        raise InvalidFormError(NO_CHOICE)
    async with visit.deps.pool.connection() as connection:
        await change_budget(
            connection,
            visit.session.organization_id,
            str(visit.request.path_params["budget_id"]),
            by=Actor("member", visit.session.email),
            limit_nano=_parse_limit(form),
            is_hard=kind == "hard",
        )
    return "/console/budgets"


async def test_alerts(visit: Visit, form: Mapping[str, str]) -> str:
    """Have a test told wherever alerts are; at most one a minute."""
    del form
    visit.require(Permission.MANAGE_BUDGETS)
    organization_id, at = visit.session.organization_id, clock.now()
    told = AlertTest(asked_by=visit.session.email)
    event = Event(told, organization_id, f"alert_test:{organization_id}:{at:%Y%m%d%H%M}", at)
    async with visit.deps.pool.connection() as connection:
        await emit(connection, event)
    return "/console/budgets?tested=yes"


async def end(visit: Visit, form: Mapping[str, str]) -> str:
    """End a budget, for good."""
    del form
    visit.require(Permission.MANAGE_BUDGETS)
    by = Actor("member", visit.session.email)
    async with visit.deps.pool.connection() as connection:
        budget_id = visit.request.path_params["budget_id"]
        await end_budget(connection, visit.session.organization_id, budget_id, by=by)
    return "/console/budgets"


@dataclass(frozen=True, slots=True)
class Choices:
    """What a budget may be for, as the form offers it, and the names of what budgets are for."""

    scopes: Mapping[str, str]
    names: Mapping[str, str]


async def list_choices(connection: Connection, visit: Visit, *, at: datetime) -> Choices:
    """The organization, its workspaces, members and API keys that are in force, models, and labels."""
    organization_id = visit.session.organization_id
    workspaces = await list_workspaces(connection, organization_id)
    keys = await list_keys(connection, organization_id)
    members = await list_members(connection, organization_id)
    models = sorted({version.model for version in visit.deps.book.versions})
    in_force = [key for key in keys if key.kind == "api" and key.status_at(at) == "active"]
    return Choices(
        scopes={
            "organization": "the whole organization",
            **{f"workspace:{one.workspace_id}": f"workspace {one.name}" for one in workspaces},
            **{f"key:{key.key_id}": f"key {key.name}" for key in in_force},
            **{f"member:{one.member_id}": f"member {one.email}" for one in members},
            **{f"model:{model}": f"model {model}" for model in models},
            f"end_user:{EVERY}": "each end user, on its own",
            **LABELS,
        },
        names={
            **{workspace.workspace_id: workspace.name for workspace in workspaces},
            **{key.key_id: key.name for key in keys},
            **{one.member_id: one.email for one in members},
        },
    )


def parse_wanted(form: Mapping[str, str]) -> WantedBudget:
    """The budget that a form describes; InvalidFormError, InvalidBudgetError or InvalidAmountError."""
    scope, _, scope_id = form.get("scope", "").partition(":")
    period, kind = form.get("period", ""), form.get("kind", "")
    if scope in LABELS:
        # An address has it in one, a form beside.
        scope_id = scope_id or form.get("label", "").strip()
    if scope not in {"organization", *SCOPE_FIELDS} or period not in PERIODS or kind not in KINDS:
        raise InvalidFormError(NO_CHOICE)
    return WantedBudget(
        limit_nano=_parse_limit(form),
        period=cast("Period", period),
        scope=scope,
        scope_id=scope_id,
        zone=form.get("zone", "").strip() or "UTC",
        anchor_day=_parse_anchor(form.get("anchor_day", "")) if period in {"week", "month"} else 1,
        is_hard=kind == "hard",
    )


def name_subject(one: BudgetStanding, names: Mapping[str, str]) -> str:
    """What a budget is for, as a table says it."""
    if one.scope == "organization":
        return "the whole organization"
    if one.is_each:
        return name_budget(one.scope, one.scope_id)
    # A label may be the same word as an id.
    name = one.scope_id if one.scope in LABELS else names.get(one.scope_id, one.scope_id)
    return f"{name_scope(one.scope)} {name}"


def _parse_limit(form: Mapping[str, str]) -> int:
    return parse_usd(form.get("limit", "").strip().removeprefix("$"))


def _parse_anchor(text: str) -> int:
    text = text.strip() or "1"
    if not (text.isascii() and text.isdigit() and len(text) <= 2):  # noqa: PLR2004 - no month has a 100th day
        raise InvalidBudgetError("The first day is 1 to 31 of a month, or 1 (Monday) to 7 of a week.")
    return int(text)
