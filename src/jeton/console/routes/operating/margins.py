"""Margins: what is left of one organization's charges after their cost upstream, for the operator."""

from datetime import UTC, date

from jeton import clock
from jeton.console.errors import InvalidFilterError
from jeton.console.routes.operating.organizations import find_organization_id
from jeton.console.visit import View, Visit
from jeton.insight.contract.repricing import find_next_month
from jeton.insight.costs.margins import read_margins, render_margins
from jeton.insight.operating.organizations import get_organization_row

MONTHS_OFFERED = 12


async def show_margins(visit: Visit) -> View:
    """The margin of a ``month`` by model and by token class."""
    visit.require_operator()
    organization_id = find_organization_id(visit)
    month_on = _read_month(visit)
    async with visit.deps.pool.connection() as connection:
        row = await get_organization_row(connection, organization_id)
        margins = await read_margins(connection, organization_id, month_on)
    context = {"row": row, "margins": margins, "months": _list_months()}
    data = {"organization_id": str(organization_id), **render_margins(margins)}
    return View("operating/margins.html", context, data)


def _list_months() -> list[str]:
    """The last months, the one that runs first."""
    today = clock.now().astimezone(UTC).date()
    numbers = (today.year * 12 + today.month - 1 - ago for ago in range(MONTHS_OFFERED))
    return [f"{number // 12:04}-{number % 12 + 1:02}" for number in numbers]


def _read_month(visit: Visit) -> date:
    text = visit.find_filter("month")
    try:
        month_on = date.fromisoformat(f"{text or _list_months()[0]}-01")
        # The last month of the calendar has none after it, at which it would end.
        find_next_month(month_on)
    except ValueError:
        raise InvalidFilterError("month", f"is {text!r}, not one such as 2026-11") from None
    return month_on
