"""Narrowed: the pages of usage and cost of one class of tokens, or of requests that were not settled."""

from dataclasses import dataclass

from jeton.console.routes.explore.asking import (
    GROUPS_SHOWN_MAX,
    Asked,
    ask_before,
    lead_to_group,
    list_buckets,
    make_leader,
    name_measure,
    offer,
    offer_choices,
    read_report,
)
from jeton.console.routes.explore.drawing import Style, draw_groups
from jeton.console.routes.explore.naming import make_namer
from jeton.console.visit import View, Visit
from jeton.identity.charts.saved import ChartPage
from jeton.insight.explore.question import Report
from jeton.insight.explore.rendering import render_report
from jeton.insight.explore.sums import TOKEN_CLASSES
from jeton.insight.narrowed.uncharged import REFUSED


@dataclass(frozen=True, slots=True)
class Column:
    """A sum that a narrowed report knows: its heading, where that is explained, and its name in Sums."""

    title: str
    anchor: str
    name: str
    is_money: bool = False


async def show_narrowed(visit: Visit, asked: Asked, *, page: ChartPage) -> View:
    """What the address says, of which only some sums are known; the rest is not zero, and not shown."""
    async with visit.deps.pool.connection() as connection:
        report = await read_report(connection, asked)
        earlier = ask_before(asked)
        before = None if earlier is None else await read_report(connection, asked, earlier)
        choices = await offer_choices(connection, visit, asked)
    name = make_namer(report, choices)
    measure = asked.measure_of(page)
    style = Style(
        measure=measure,
        title=name_measure(asked, measure),
        is_cumulative=asked.is_cumulative,
        lead=make_leader(asked, page=page, is_relative=True),
        zoom=make_leader(asked, page=page, is_relative=True, is_zoom=True),
        before=None if before is None else before.totals,
    )
    buckets, hidden = list_buckets(asked, report, page=page)
    groups = [*report.by_group.items()] if report.question.group_by else []
    context = {
        "asked": asked,
        "filters": asked.filters,
        "choices": choices,
        "report": report,
        "question": report.question,
        "totals": report.totals,
        "before": None if before is None else before.totals,
        "columns": _list_columns(asked, report),
        "what": name_measure(asked, "tokens"),
        "is_refused": asked.uncharged in REFUSED,
        "chart": draw_groups(report, asked.filters, name=name, style=style),
        "groups": [
            (name(group), lead_to_group(asked, group, page=page), sums)
            for group, sums in groups[:GROUPS_SHOWN_MAX]
        ],
        "hidden_groups": max(0, len(groups) - GROUPS_SHOWN_MAX),
        "buckets": buckets,
        "hidden": hidden,
        **offer(visit, asked, page=page),
    }
    twin = {**render_report(report), "type": "narrowed_report"}
    if before is not None:
        twin["previous"] = render_report(before)
    return View("explore/narrowed.html", context, twin)


def _list_columns(asked: Asked, report: Report) -> tuple[Column, ...]:
    if asked.uncharged:
        return (Column("Requests", "not-settled", "requests"),)
    token_class = asked.filters.token_class or ""
    tokens = Column(TOKEN_CLASSES[token_class], "token-class", token_class)
    if not report.has_amounts:
        return (tokens,)
    return (tokens, Column("Charged", "token-class", "charged_nano", is_money=True))
