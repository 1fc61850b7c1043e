"""Spending over the Admin API: the ceilings that an organization sets itself, and what is told of them."""

from starlette.routing import BaseRoute

from jeton.admin.deps import AdminDeps
from jeton.admin.spending.alerts import alert_routes
from jeton.admin.spending.budgets import budget_routes


def spending_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The routes of budgets and alerts."""
    return [*budget_routes(deps), *alert_routes(deps)]
