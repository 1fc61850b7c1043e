"""Charts: saving what an address of usage or cost says, opening it again, and pinning it to the overview."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from jeton import clock
from jeton.console.routes.explore.asking import STATE_NAMES
from jeton.console.visit import FILTER_CHARS_MAX, View, Visit
from jeton.identity.charts.errors import InvalidChartError
from jeton.identity.charts.saved import (
    CHARTS_MAX,
    PINNED_MAX,
    STATE_CHARS_MAX,
    Owner,
    delete_chart,
    get_chart,
    list_charts,
    pin_chart,
    rename_chart,
    render_chart,
    save_chart,
    share_chart,
    take_back_chart,
    unpin_chart,
)
from jeton.identity.roles.permissions import Permission

PLACE = "/console/charts"


async def show_charts(visit: Visit) -> View:
    """The member's own charts, and the organization's."""
    as_of = clock.now()
    async with visit.deps.pool.connection() as connection:
        charts = await list_charts(connection, find_owner(visit))
    context = {
        "as_of": as_of,
        "own": [chart for chart in charts if not chart.is_shared],
        "shared": [chart for chart in charts if chart.is_shared],
        "may_share": visit.may(Permission.SHARE_CHARTS),
        "may_see_audit": visit.may(Permission.SEE_AUDIT),
        "charts_max": CHARTS_MAX,
        "pinned_max": PINNED_MAX,
        "explain": _explain,
    }
    data = {
        "type": "saved_chart_list",
        "as_of": as_of.isoformat(),
        "data": [render_chart(chart) for chart in charts],
    }
    return View("explore/charts.html", context, data)


async def save(visit: Visit, form: Mapping[str, str]) -> str:
    """Save a page's state, for oneself or for the organization."""
    is_shared = form.get("for") == "organization"
    if is_shared:
        visit.require(Permission.SHARE_CHARTS)
    state = clean_state(form.get("state", ""))
    async with visit.deps.pool.connection() as connection:
        await save_chart(
            connection,
            find_owner(visit),
            name=form.get("name", ""),
            page=form.get("page", ""),
            state=state,
            is_shared=is_shared,
        )
    return PLACE


async def rename(visit: Visit, form: Mapping[str, str]) -> str:
    """Call a chart otherwise."""
    async with visit.deps.pool.connection() as connection:
        chart_id = await _find_changeable(visit)
        await rename_chart(connection, find_owner(visit), chart_id, name=form.get("name", ""))
    return PLACE


async def share(visit: Visit, form: Mapping[str, str]) -> str:
    """Give one's own chart to the organization."""
    del form
    chart_id = await _find_changeable(visit)
    visit.require(Permission.SHARE_CHARTS)
    async with visit.deps.pool.connection() as connection:
        await share_chart(connection, find_owner(visit), chart_id)
    return PLACE


async def take_back(visit: Visit, form: Mapping[str, str]) -> str:
    """Make the organization's chart private again: its saver's, or one's own where they have left."""
    del form
    chart_id = await _find_changeable(visit)
    visit.require(Permission.SHARE_CHARTS)
    async with visit.deps.pool.connection() as connection:
        await take_back_chart(connection, find_owner(visit), chart_id)
    return PLACE


async def delete(visit: Visit, form: Mapping[str, str]) -> str:
    """Delete a chart."""
    del form
    chart_id = await _find_changeable(visit)
    async with visit.deps.pool.connection() as connection:
        await delete_chart(connection, find_owner(visit), chart_id)
    return PLACE


async def pin(visit: Visit, form: Mapping[str, str]) -> str:
    """Put a chart onto one's own overview, or with ``off`` take it away."""
    change = unpin_chart if form.get("off") else pin_chart
    async with visit.deps.pool.connection() as connection:
        await change(connection, find_owner(visit), str(visit.request.path_params["chart_id"]))
    return PLACE


def find_owner(visit: Visit) -> Owner:
    """The member who is signed in, as one who has charts."""
    return Owner(visit.session.organization_id, visit.session.member_id, visit.session.email)


def clean_state(text: str) -> str:
    """The parts of a query that usage and cost read, in the order given; InvalidChartError."""
    if len(text) > STATE_CHARS_MAX:
        raise InvalidChartError(f"its address must have at most {STATE_CHARS_MAX} characters")
    pairs = [(name, value) for name, value in parse_qsl(text) if name in STATE_NAMES]
    if not all(value.isprintable() and len(value) <= FILTER_CHARS_MAX for _, value in pairs):
        raise InvalidChartError(f"a filter has more than {FILTER_CHARS_MAX} printable characters")
    return urlencode(pairs)


async def _find_changeable(visit: Visit) -> str:
    """The chart of the address: one's own, or with the permission the organization's."""
    async with visit.deps.pool.connection() as connection:
        chart = await get_chart(connection, find_owner(visit), str(visit.request.path_params["chart_id"]))
    if chart.is_shared:
        visit.require(Permission.SHARE_CHARTS)
    return chart.chart_id


def _explain(state: str) -> str:
    """A state as people read it."""
    said = (f"{name.removesuffix('_id')} {value}" for name, value in parse_qsl(state))
    return ", ".join(said) or "as it opens"
