"""Cost: from the list amount to what is due, what a unit costs, and who it was for."""

from dataclasses import dataclass, replace

from jeton.console.chart import draw_waterfall
from jeton.console.routes.explore.asking import (
    GROUPS_SHOWN_MAX,
    Asked,
    ask_before,
    lead_to_group,
    list_buckets,
    make_leader,
    offer,
    offer_choices,
    read_question,
    wants_twin,
)
from jeton.console.routes.explore.drawing import Style, draw_groups
from jeton.console.routes.explore.levels import find_level
from jeton.console.routes.explore.naming import make_namer
from jeton.console.routes.explore.narrowed import show_narrowed
from jeton.console.visit import View, Visit
from jeton.db.pool import Connection
from jeton.insight.budgets.standing import list_budgets
from jeton.insight.explore.question import Question, Report
from jeton.insight.explore.reading import count_active, explore, find_told
from jeton.insight.explore.rendering import render_report
from jeton.insight.explore.sums import COST_COLUMNS, Sums
from jeton.insight.explore.units import Active, list_steps, list_unit_costs, render_units
from jeton.insight.overview.bridge import CAUSES, Bridge, build_bridge, render_bridge
from jeton.insight.words import STAGE_NAMES


@dataclass(frozen=True, slots=True)
class _Read:
    """What a page of cost is made of; ``report`` goes by bars, ``whole`` over the whole range.

    A page shows few sums of each bar, and each bar by the first group alone; its twin shows all.
    """

    report: Report
    whole: Report
    before: Report | None
    bridge: Bridge | None


async def _read(connection: Connection, asked: Asked, *, is_twin: bool) -> _Read:
    question, earlier = asked.question, ask_before(asked)
    before = bridge = None
    if earlier is not None:
        by_tier = await explore(connection, _ask_by_tier(earlier))
        bridge = build_bridge(_by_tier(by_tier), _by_tier(await explore(connection, _ask_by_tier(question))))
        # Of what came before a page shows the total alone.
        before = await explore(connection, earlier) if is_twin else by_tier
    if is_twin:
        report = await explore(connection, question)
        return _Read(report, report, before, bridge)
    bars = replace(question, group_by=question.group_by[:1])
    told = await find_told(connection, question)
    return _Read(
        report=await explore(connection, bars, only=COST_COLUMNS, told=told),
        whole=await explore(connection, replace(question, step=None), told=told),
        before=before,
        bridge=bridge,
    )


async def show_cost(visit: Visit) -> View:
    """Cost of what the address says; by default the last 30 days by day and model."""
    asked = read_question(visit, default_group="model")
    if not asked.is_of_usage:
        return await show_narrowed(visit, asked, page="cost")
    question = asked.question
    async with visit.deps.pool.connection() as connection:
        # Bars, groups and totals are read one after the other, and of one instant.
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        read = await _read(connection, asked, is_twin=wants_twin(visit))
        active = await count_active(connection, question)
        choices = await offer_choices(connection, visit, asked)
        budgets = await list_budgets(connection, visit.session.organization_id)
    if wants_twin(visit):
        return View("explore/cost.html", {}, _render(read, active))
    report, whole, before = read.report, read.whole, read.before
    filters, totals, groups = asked.filters, whole.totals, whole.by_group
    name = make_namer(whole, choices)
    style = Style(
        measure=asked.question.measure,
        level=find_level(asked, budgets),
        is_cumulative=asked.is_cumulative,
        lead=make_leader(asked, page="cost", is_relative=True),
        zoom=make_leader(asked, page="cost", is_relative=True, is_zoom=True),
        before=None if before is None else before.totals,
    )
    buckets, hidden = list_buckets(asked, report, page="cost")
    context = {
        "asked": asked,
        "filters": filters,
        "choices": choices,
        "report": report,
        "question": question,
        "totals": totals,
        "before": None if before is None else before.totals,
        "falls": draw_waterfall(_name_steps(totals)),
        "units": list_unit_costs(totals, active),
        "active": active,
        "chart": draw_groups(report, filters, name=name, style=style),
        "groups": [
            (name(group), lead_to_group(asked, group, page="cost"), groups[group])
            for group in [*groups][:GROUPS_SHOWN_MAX]
        ],
        "hidden_groups": max(0, len(groups) - GROUPS_SHOWN_MAX),
        "buckets": buckets,
        "hidden": hidden,
        "bridge": read.bridge,
        "causes": CAUSES,
        **offer(visit, asked, page="cost"),
    }
    return View("explore/cost.html", context)


def _render(read: _Read, active: Active) -> dict[str, object]:
    report = read.report
    twin = {**render_report(report), **render_units(report.totals, active), "type": "cost_report"}
    if read.before is not None and read.bridge is not None:
        twin["previous"] = render_report(read.before)
        twin["bridge"] = render_bridge(read.bridge)
    return twin


def _name_steps(sums: Sums) -> list[tuple[str, int, bool]]:
    names = {"list": "List amount", "reversed": "Reversed", "net": "Net amount"}
    names |= {"free_credit": "Paid by free credit", "due": "Due"}
    names |= {f"saved_{stage}": name for stage, name in STAGE_NAMES.items()}
    always = {"list", "saved_batch", "saved_cache", "net", "free_credit", "due"}
    return [
        (names[code], nano, code in {"list", "net", "due"})
        for code, nano in list_steps(sums)
        if nano or code in always
    ]


def _ask_by_tier(question: Question) -> Question:
    return Question(
        question.organization_id,
        question.stretch,
        group_by=("model", "service_tier"),
        where=question.where,
        limit=1_000,
    )


def _by_tier(report: Report) -> dict[tuple[str, str], Sums]:
    return {(str(group[0]), str(group[1])): sums for group, sums in report.by_group.items()}
