"""Proxied: every edge is told who asked, where a proxy that the operator named says so."""

from starlette.types import ASGIApp, Receive, Scope, Send

from jeton.identity.restricting.proxies import Proxies


class BehindProxies:
    """The application, told who asked; the gateway's own wire finds that out by itself."""

    def __init__(self, app: ASGIApp, *, proxies: Proxies) -> None:
        """Stand before it."""
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the address in, and go on."""
        client = scope.get("client")
        if scope["type"] == "http" and client is not None:
            scope = {**scope, "client": (self._proxies.find_address(client[0], scope["headers"]), client[1])}
        await self._app(scope, receive, send)
