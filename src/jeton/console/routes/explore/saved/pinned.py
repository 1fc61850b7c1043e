"""Pinned: the cards of the charts that a member has put onto the overview, each with the total it shows."""

from dataclasses import dataclass, replace

from starlette.requests import Request

from jeton.console.filters import RANGE_NAMES
from jeton.console.routes.explore.asking import Asked, name_measure, read_question, read_report
from jeton.console.routes.explore.saved.charts import find_owner
from jeton.console.visit import Visit
from jeton.db.pool import Connection
from jeton.errors import InvalidInputError
from jeton.identity.charts.saved import SavedChart, list_pinned, render_chart
from jeton.insight.explore.question import Question
from jeton.insight.explore.sums import Sums
from jeton.money import render_usd


@dataclass(frozen=True, slots=True)
class Card:
    """A pinned chart with its total, and that of what came before where it compares; amounts in nano.

    ``total`` is None and ``problem`` says why where the saved state cannot be asked any more.
    """

    chart: SavedChart
    measure: str = ""
    during: str = ""
    is_money: bool = False
    total: int | None = None
    before: int | None = None
    problem: str = ""


async def list_cards(connection: Connection, visit: Visit) -> list[Card]:
    """The member's cards, in the order in which they were pinned; each reads sums of its range alone."""
    charts = await list_pinned(connection, find_owner(visit))
    return [await _make_card(connection, visit, chart) for chart in charts]


async def _make_card(connection: Connection, visit: Visit, chart: SavedChart) -> Card:
    try:
        asked = _open(visit, chart)
        measure = asked.measure_of(chart.page)
        question = replace(asked.question, step=None, group_by=())
        total = getattr(await _sum(connection, asked, question), measure)
        before = None
        if asked.filters.is_compared:
            earlier = replace(question, stretch=asked.filters.stretch.previous)
            before = getattr(await _sum(connection, asked, earlier), measure)
    except InvalidInputError as error:
        return Card(chart, problem=str(error))
    named, stretch = asked.filters.named, asked.filters.stretch
    return Card(
        chart=chart,
        measure=name_measure(asked, measure),
        during=RANGE_NAMES[named] if named else f"{stretch.first_on} to {stretch.last_on}",
        is_money=measure.endswith("_nano"),
        total=total,
        before=before,
    )


async def _sum(connection: Connection, asked: Asked, question: Question) -> Sums:
    return (await read_report(connection, asked, question)).totals


def _open(visit: Visit, chart: SavedChart) -> Asked:
    """The question that the chart's address stands for now."""
    scope = {**visit.request.scope, "query_string": chart.page_state.encode()}
    return read_question(replace(visit, request=Request(scope)), has_minutes=chart.page == "usage")


def render_card(card: Card) -> dict[str, object]:
    """A card in JSON; amounts are exact dollars, counts whole numbers, None where nothing can be said."""

    def render(number: int | None) -> object:
        return render_usd(number) if card.is_money and number is not None else number

    return {
        **render_chart(card.chart),
        "measure": card.measure,
        "total": render(card.total),
        "previous": render(card.before),
        "problem": card.problem or None,
    }
