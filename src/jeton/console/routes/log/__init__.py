"""The log: single requests and their receipts."""

from starlette.routing import BaseRoute, Route

from jeton.console.routes.log.requests import show_receipt, show_requests
from jeton.console.visit import Door


def log_routes(door: Door) -> list[BaseRoute]:
    """Single requests."""
    return [
        *door.pages_at("/console/requests", show_requests),
        Route("/console/requests/{request_id}", door.page(show_receipt), methods=["GET"]),
    ]
