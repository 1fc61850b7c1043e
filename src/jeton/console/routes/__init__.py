"""Routes of the Console: each page with its JSON twin, and the forms."""

from starlette.routing import BaseRoute, Route

from jeton.console.deps import ConsoleDeps
from jeton.console.pages import Pages
from jeton.console.routes import budgets
from jeton.console.routes.accuracy import acknowledge, show_accuracy
from jeton.console.routes.inbox import approve, decline, show_inbox
from jeton.console.routes.keys import create, revoke, show_keys
from jeton.console.routes.overview import show_overview
from jeton.console.routes.requests import show_receipt, show_requests
from jeton.console.routes.signing import Signing
from jeton.console.routes.usage import show_usage
from jeton.console.visit import Door


def console_routes(deps: ConsoleDeps) -> list[BaseRoute]:
    """The Console's routes. Style sheets come from the site, under /static."""
    door = Door(deps, Pages(deps))
    signing = Signing(door)
    overview, usage = door.page(show_overview), door.page(show_usage)
    requests, receipt, keys = door.page(show_requests), door.page(show_receipt), door.page(show_keys)
    ceilings = door.page(budgets.show_budgets)
    accuracy, inbox = door.page(show_accuracy), door.page(show_inbox)
    return [
        Route("/console", overview, methods=["GET"]),
        Route("/console.json", overview, methods=["GET"]),
        Route("/console/sign-in", signing.show, methods=["GET"]),
        Route("/console/sign-in", signing.open, methods=["POST"]),
        Route("/console/sign-out", signing.close, methods=["POST"]),
        Route("/console/usage", usage, methods=["GET"]),
        Route("/console/usage.json", usage, methods=["GET"]),
        Route("/console/requests", requests, methods=["GET"]),
        Route("/console/requests.json", requests, methods=["GET"]),
        Route("/console/requests/{request_id}", receipt, methods=["GET"]),
        Route("/console/keys", keys, methods=["GET"]),
        Route("/console/keys.json", keys, methods=["GET"]),
        Route("/console/keys", door.form(create), methods=["POST"]),
        Route("/console/keys/{key_id}/revoke", door.form(revoke), methods=["POST"]),
        Route("/console/budgets", ceilings, methods=["GET"]),
        Route("/console/budgets.json", ceilings, methods=["GET"]),
        Route("/console/budgets", door.form(budgets.create), methods=["POST"]),
        Route("/console/budgets/{budget_id}/end", door.form(budgets.end), methods=["POST"]),
        Route("/console/accuracy", accuracy, methods=["GET"]),
        Route("/console/accuracy.json", accuracy, methods=["GET"]),
        Route("/console/inbox", inbox, methods=["GET"]),
        Route("/console/inbox.json", inbox, methods=["GET"]),
        Route("/console/inbox/{item_id}/approve", door.form(approve), methods=["POST"]),
        Route("/console/inbox/{item_id}/decline", door.form(decline), methods=["POST"]),
        Route("/console/alarms/{alarm_id}/acknowledge", door.form(acknowledge), methods=["POST"]),
    ]
