"""Loopback: a request through the gateway from inside the process: held, answered and settled as any."""

import asyncio
from typing import Any

from starlette.routing import Router
from starlette.types import Message

from jeton.console.sending import Sent
from jeton.gateway.deps import GatewayDeps
from jeton.gateway.routes import gateway_routes

_PATH = "/v1/messages"
_HERE = ("127.0.0.1", 0)


class Loopback:
    """Sends bodies of the Messages API to the gateway's own routes, without a socket."""

    def __init__(self, gateway: GatewayDeps) -> None:
        """Send to this gateway."""
        self._app = Router(routes=gateway_routes(gateway))

    async def send(self, secret: str, body: bytes) -> Sent:
        """The answer to one request with this key."""
        headers = [
            (b"x-api-key", secret.encode("latin-1", "replace")),
            (b"anthropic-version", b"2023-06-01"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": _PATH,
            "raw_path": _PATH.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": headers,
            "client": _HERE,
            "server": _HERE,
        }
        call = _Call(body)
        await self._app(scope, call.receive, call.send)
        return Sent(call.request_id, call.status, bytes(call.body))


class _Call:
    """Both ends of one request, for a caller that stays to the end."""

    def __init__(self, body: bytes) -> None:
        self.status = 0
        self.request_id = ""
        self.body = bytearray()
        self._unsent: bytes | None = body

    async def receive(self) -> Message:
        if self._unsent is None:
            # Never: whoever asks now wants to know when the caller leaves.
            await asyncio.Event().wait()
        body, self._unsent = self._unsent or b"", None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            names = dict(message["headers"])
            self.request_id = names.get(b"request-id", b"").decode("latin-1")
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")
