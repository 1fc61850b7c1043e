"""Operating: pages about the whole installation, for its operator only."""

from starlette.routing import BaseRoute, Route

from jeton.console.routes.operating.accuracy import acknowledge, show_accuracy
from jeton.console.routes.operating.docs_feedback import show_docs_feedback
from jeton.console.routes.operating.inbox import approve, close, decline, reply, show_inbox
from jeton.console.visit import Door


def operating_routes(door: Door) -> list[BaseRoute]:
    """The operator's pages."""
    return [
        *door.pages_at("/console/accuracy", show_accuracy),
        *door.pages_at("/console/docs-feedback", show_docs_feedback),
        Route("/console/alarms/{alarm_id}/acknowledge", door.form(acknowledge), methods=["POST"]),
        *door.pages_at("/console/inbox", show_inbox),
        Route("/console/inbox/{item_id}/approve", door.form(approve), methods=["POST"]),
        Route("/console/inbox/{item_id}/decline", door.form(decline), methods=["POST"]),
        Route("/console/inbox/{item_id}/close", door.form(close), methods=["POST"]),
        Route("/console/inbox/{item_id}/reply", door.form(reply), methods=["POST"]),
    ]
