"""Owing: who is late, what was done about it and what comes next; waiting is agreed on at the document."""

from datetime import datetime
from uuid import UUID

from jeton import clock
from jeton.billing.currencies import render_minor
from jeton.billing.receivables.dunning.debts import list_late, list_steps
from jeton.billing.receivables.dunning.plan import STEP_NAMES, Plan, make_plan, render_plan
from jeton.billing.receivables.dunning.words import Debt
from jeton.console.routes.billing.desk import office_of
from jeton.console.routes.finance.documents import PLACE as DOCUMENTS
from jeton.console.visit import View, Visit
from jeton.insight.operating.names import list_organization_names

PLACE = f"{DOCUMENTS}/overdue"
SHOWN_MAX = 100


async def show_overdue(visit: Visit) -> View:
    """Documents whose day is over, the longest first, with the steps of the schedule."""
    visit.require_operator()
    at = clock.now()
    async with visit.deps.pool.connection() as connection:
        late = [
            one for one in await list_late(connection, at, after=None, limit=SHOWN_MAX) if one.is_overdue(at)
        ]
        steps = await list_steps(connection, [one.document_id for one in late])
        names = await list_organization_names(connection, {one.organization_id for one in late})
    terms = office_of(visit).dunning
    plans = {one.document_id: make_plan(one, steps[one.document_id], terms, at=at) for one in late}
    context = {
        "as_of": at,
        "debts": late,
        "plans": plans,
        "names": names,
        "days": {one.document_id: (at.date() - one.due_on).days for one in late},
        "paused": {one.document_id for one in late if one.is_paused(at)},
        "step_names": STEP_NAMES,
        "terms": terms,
        "sums": _sum(late),
    }
    data = {
        "type": "overdue_list",
        "as_of": at.isoformat(),
        "data": [_render(one, plans[one.document_id], names, at) for one in late],
    }
    return View("finance/overdue.html", context, data)


def _sum(debts: list[Debt]) -> dict[str, int]:
    """What is due, by currency."""
    sums: dict[str, int] = {}
    for one in debts:
        sums[one.currency] = sums.get(one.currency, 0) + one.due_minor
    return sums


def _render(debt: Debt, plan: Plan, names: dict[UUID, str], at: datetime) -> dict[str, object]:
    return {
        "type": "debt",
        "document_id": debt.document_id,
        "number": debt.number,
        "organization_id": str(debt.organization_id),
        "organization_name": names.get(debt.organization_id, ""),
        "currency": debt.currency,
        "due_amount": render_minor(debt.due_minor, debt.currency),
        "due_on": debt.due_on.isoformat(),
        "is_paused": debt.is_paused(at),
        **render_plan(plan),
    }
