"""Access: who and what may use the organization."""

from starlette.routing import BaseRoute, Route

from jeton.console.routes.access.keys import create, revoke, show_keys
from jeton.console.visit import Door


def access_routes(door: Door) -> list[BaseRoute]:
    """Keys."""
    return [
        *door.pages_at("/console/keys", show_keys),
        Route("/console/keys", door.form(create), methods=["POST"]),
        Route("/console/keys/{key_id}/revoke", door.form(revoke), methods=["POST"]),
    ]
