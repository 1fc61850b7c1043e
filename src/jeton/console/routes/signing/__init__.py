"""Signing: in and out."""

from starlette.routing import BaseRoute, Route

from jeton.console.routes.signing.signing import Signing
from jeton.console.visit import Door


def signing_routes(door: Door) -> list[BaseRoute]:
    """The routes that need nobody signed in."""
    signing = Signing(door)
    return [
        Route("/console/sign-in", signing.show, methods=["GET"]),
        Route("/console/sign-in", signing.open, methods=["POST"]),
        Route("/console/sign-out", signing.close, methods=["POST"]),
    ]
