"""Usage: tokens by class, requests and the use of the cache, in time and by group."""

from jeton.console.routes.explore.asking import (
    EVERYTHING,
    ask_before,
    lead_to_group,
    list_buckets,
    make_leader,
    offer,
    offer_choices,
    read_question,
    read_report,
    wants_twin,
)
from jeton.console.routes.explore.drawing import Style, draw_groups, draw_tokens
from jeton.console.routes.explore.naming import make_namer
from jeton.console.routes.explore.narrowed import show_narrowed
from jeton.console.visit import View, Visit
from jeton.insight.explore.question import Report
from jeton.insight.explore.reading import explore
from jeton.insight.explore.rendering import render_report
from jeton.insight.explore.sources import SOURCE_TITLES, read_sources, render_sources
from jeton.insight.explore.sums import NOTHING, TOKEN_CLASSES, USAGE_COLUMNS
from jeton.insight.narrowed.uncharged import UNCHARGED, count_endings


async def show_usage(visit: Visit) -> View:
    """Usage of what the address says; by default the last 30 days by day."""
    asked = read_question(visit, width_max=1, has_minutes=True)
    if not asked.is_of_usage:
        return await show_narrowed(visit, asked, page="usage")
    async with visit.deps.pool.connection() as connection:
        only = EVERYTHING if wants_twin(visit) else USAGE_COLUMNS
        report = await read_report(connection, asked, only=only)
        earlier = ask_before(asked)
        before = None if earlier is None else await explore(connection, earlier, only=only)
        choices = await offer_choices(connection, visit, asked)
        sources = await read_sources(connection, asked.question)
        endings = await count_endings(connection, asked.question)
    filters = asked.filters
    name = make_namer(report, choices)
    is_grouped = bool(report.question.group_by)
    buckets, hidden = list_buckets(asked, report, page="usage")
    totals = None if before is None else before.totals
    style = Style(
        measure="tokens",
        is_cumulative=asked.is_cumulative,
        lead=make_leader(asked, page="usage", is_relative=True),
        zoom=make_leader(asked, page="usage", is_relative=True, is_zoom=True),
        before=totals,
    )
    context = {
        "asked": asked,
        "filters": filters,
        "choices": choices,
        "report": report,
        "totals": report.totals,
        "before": totals,
        "chart": draw_groups(report, filters, name=name, style=style)
        if is_grouped
        else draw_tokens(report, filters, style=style),
        "groups": [
            (name(group), lead_to_group(asked, group, page="usage"), sums)
            for group, sums in report.by_group.items()
        ]
        if is_grouped
        else [],
        "buckets": buckets,
        "hidden": hidden,
        "token_classes": TOKEN_CLASSES,
        "sources": sources,
        "source_titles": SOURCE_TITLES,
        "nothing": NOTHING,
        "endings": endings,
        "ending_titles": UNCHARGED,
        **offer(visit, asked, page="usage"),
    }
    if not wants_twin(visit):
        return View("explore/usage.html", context)
    twin = {
        **_render(report, before),
        "counted": render_sources(sources),
        "rate_limited_requests": endings.by_state["rate_limited"],
        "not_settled": dict(endings.by_state),
    }
    return View("explore/usage.html", context, twin)


def _render(report: Report, before: Report | None) -> dict[str, object]:
    twin = render_report(report)
    if before is not None:
        twin["previous"] = render_report(before)
    return twin
