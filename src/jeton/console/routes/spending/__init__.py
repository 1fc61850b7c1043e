"""Spending: what bounds it and what saves it."""

from starlette.routing import BaseRoute, Route

from jeton.console.routes.spending import budgets
from jeton.console.visit import Door


def spending_routes(door: Door) -> list[BaseRoute]:
    """Budgets."""
    return [
        *door.pages_at("/console/budgets", budgets.show_budgets),
        Route("/console/budgets", door.form(budgets.create), methods=["POST"]),
        Route("/console/budgets/{budget_id}/end", door.form(budgets.end), methods=["POST"]),
    ]
