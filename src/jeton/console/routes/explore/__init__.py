"""Exploring: the overview, usage and cost."""

from starlette.routing import BaseRoute

from jeton.console.routes.explore.overview import show_overview
from jeton.console.routes.explore.usage import show_usage
from jeton.console.visit import Door


def explore_routes(door: Door) -> list[BaseRoute]:
    """What was used and what it cost, added up."""
    return [*door.pages_at("/console", show_overview), *door.pages_at("/console/usage", show_usage)]
