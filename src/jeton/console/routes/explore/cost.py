"""Cost: from the list amount to what is due, what a unit costs, and who it was for."""

from dataclasses import replace

from jeton.console.chart import draw_waterfall
from jeton.console.routes.explore.asking import (
    GROUPS_SHOWN_MAX,
    ROWS_SHOWN_MAX,
    answer,
    drill,
    name_bucket,
    offer,
    read_question,
    wants_twin,
)
from jeton.console.routes.explore.drawing import draw_groups
from jeton.console.routes.explore.levels import find_level
from jeton.console.routes.explore.naming import make_namer
from jeton.console.visit import View, Visit
from jeton.insight.budgets.standing import list_budgets
from jeton.insight.explore.question import Question, Report
from jeton.insight.explore.reading import explore
from jeton.insight.explore.rendering import render_report
from jeton.insight.explore.sums import Sums
from jeton.insight.explore.units import list_steps, list_unit_costs, render_units
from jeton.insight.overview.bridge import CAUSES, Bridge, build_bridge, render_bridge
from jeton.insight.words import STAGE_NAMES


async def show_cost(visit: Visit) -> View:
    """Cost of what the address says; by default the last 30 days by day and model."""
    asked = read_question(visit, default_group="model")
    question = asked.question
    # Of two groups a page shows each bar by the first, and both over the whole range.
    is_split = len(question.group_by) > 1 and not wants_twin(visit)
    if is_split:
        asked = replace(asked, question=replace(question, group_by=question.group_by[:1]))
    async with visit.deps.pool.connection() as connection:
        report, before, choices = await answer(connection, visit, asked)
        whole = await explore(connection, replace(question, step=None)) if is_split else report
        budgets = await list_budgets(connection, visit.session.organization_id)
        bridge = None
        if before is not None:
            bridge = build_bridge(
                _by_tier(await explore(connection, _ask_by_tier(before.question))),
                _by_tier(await explore(connection, _ask_by_tier(report.question))),
            )
    filters, totals, groups = asked.filters, report.totals, whole.by_group
    name = make_namer(whole, choices)
    level = find_level(asked, budgets)
    measure = asked.question.measure
    buckets = [
        (name_bucket(bucket[0], asked.step, filters=filters), drill(asked, bucket), sums)
        for number, sums in enumerate(report.by_bucket)
        for bucket in (report.buckets.stretch(number),)
        if not sums.is_empty
    ]
    context = {
        "asked": asked,
        "filters": filters,
        "choices": choices,
        "report": report,
        "question": question,
        "totals": totals,
        "before": None if before is None else before.totals,
        "falls": draw_waterfall(_name_steps(totals)),
        "units": list_unit_costs(totals),
        "chart": draw_groups(
            report, filters, name=name, measure=measure, level=level, is_cumulative=asked.is_cumulative
        ),
        "groups": [(name(group), groups[group]) for group in [*groups][:GROUPS_SHOWN_MAX]],
        "hidden_groups": max(0, len(groups) - GROUPS_SHOWN_MAX),
        "buckets": buckets[-ROWS_SHOWN_MAX:][::-1],
        "hidden": max(0, len(buckets) - ROWS_SHOWN_MAX),
        "bridge": bridge,
        "causes": CAUSES,
        **offer(visit, asked, page="cost"),
    }
    return View("explore/cost.html", context, _render(report, before, bridge) if wants_twin(visit) else {})


def _render(report: Report, before: Report | None, bridge: Bridge | None) -> dict[str, object]:
    twin = {**render_report(report), **render_units(report.totals), "type": "cost_report"}
    if before is not None and bridge is not None:
        twin["previous"] = render_report(before)
        twin["bridge"] = render_bridge(bridge)
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
