"""The log: single requests as they come, and their receipts."""

from starlette.routing import BaseRoute, Route

from jeton.console.routes.log.live import Live
from jeton.console.routes.log.receipts import dispute, show_receipt
from jeton.console.routes.log.requests import make_csv, show_requests
from jeton.console.visit import Door


def log_routes(door: Door) -> list[BaseRoute]:
    """Single requests."""
    return [
        *door.pages_at("/console/requests", show_requests),
        Route("/console/requests.csv", make_csv(door).__call__, methods=["GET"]),
        Route("/console/requests/live", Live(door).__call__, methods=["GET"]),
        *door.pages_at("/console/requests/{request_id}", show_receipt),
        Route("/console/requests/{request_id}/dispute", door.form(dispute), methods=["POST"]),
    ]
