"""Signing: in by password, link, provider or invite; out; and the first run."""

from starlette.routing import BaseRoute, Route

from jeton.console.routes.signing import welcome
from jeton.console.routes.signing.joining import Joining
from jeton.console.routes.signing.links import Links
from jeton.console.routes.signing.passkey import PasskeySigning
from jeton.console.routes.signing.provider import Provider
from jeton.console.routes.signing.signing import Signing
from jeton.console.visit import Door


def signing_routes(door: Door) -> list[BaseRoute]:
    """The routes that need nobody signed in, and what a first visit leads to."""
    signing, links = Signing(door), Links(door)
    provider, joining, passkey = Provider(door), Joining(door), PasskeySigning(door)
    return [
        Route("/console/sign-in", signing.show, methods=["GET"]),
        Route("/console/sign-in", signing.open, methods=["POST"]),
        Route("/console/sign-out", signing.close, methods=["POST"]),
        Route("/console/sign-in/mail", links.send, methods=["POST"]),
        Route("/console/sign-in/link", links.show, methods=["GET"]),
        Route("/console/sign-in/link", links.open, methods=["POST"]),
        Route("/console/sign-in/oidc", provider.begin, methods=["GET"]),
        Route("/console/sign-in/oidc/callback", provider.finish, methods=["GET"]),
        Route("/console/sign-in/passkey/options", passkey.ask, methods=["POST"]),
        Route("/console/sign-in/passkey", passkey.open, methods=["POST"]),
        Route("/console/invite", joining.show, methods=["GET"]),
        Route("/console/invite", joining.accept, methods=["POST"]),
        *door.pages_at("/console/welcome", welcome.show_welcome),
        Route("/console/welcome/key", door.form(welcome.create), methods=["POST"]),
        Route("/console/welcome/send", door.form(welcome.send), methods=["POST"]),
    ]
