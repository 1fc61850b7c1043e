"""Levels: the budget whose limit a chart of cost has as a line, where its bars can be compared with it."""

from collections.abc import Sequence

from jeton.console.currency import display_amount
from jeton.console.routes.explore.asking import Asked
from jeton.insight.budgets.standing import BudgetStanding

PERIOD_OF_STEP = {"1d": "day", "1mo": "month"}


def find_level(asked: Asked, budgets: Sequence[BudgetStanding]) -> tuple[int, str] | None:
    """The limit, in nano, and what to call it: of the first budget of just what is filtered.

    Bars are compared with a budget of their own length; what adds up, with one whose running window begins
    with the chart.
    """
    if asked.question.measure != "net_nano":
        return None
    for budget in budgets:
        if _is_of_what_is_shown(asked, budget) and _has_its_time(asked, budget):
            return budget.limit_nano, f"budget {display_amount(budget.limit_nano)} a {budget.period}"
    return None


def _is_of_what_is_shown(asked: Asked, budget: BudgetStanding) -> bool:
    chosen = {name: values[0] for name, values in asked.question.where.items()}
    match budget.scope:
        case "organization":
            return not chosen
        case "workspace":
            return chosen == {"workspace_id": budget.scope_id}
        case "key":
            return chosen == {"key_id": budget.scope_id}
        case "model" | "end_user" | "tag":
            return chosen == {budget.scope: budget.scope_id}
        case _:
            return False


def _has_its_time(asked: Asked, budget: BudgetStanding) -> bool:
    stretch = asked.filters.stretch
    if asked.is_cumulative:
        is_over_before = budget.ends_at is not None and budget.ends_at < stretch.ends_at
        return budget.starts_at == stretch.starts_at and not is_over_before
    fits = budget.period == PERIOD_OF_STEP.get(asked.step) and budget.anchor_day == 1
    return fits and budget.zone == asked.filters.zone.key
