"""The gateway's paths: what answers each of them, and the way in over ASGI.

What answers knows a ``Call`` only, so that a path may be served over another wire as well.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Protocol
from urllib.parse import parse_qsl

import msgspec
import structlog
from starlette.types import Message, Receive, Scope, Send

from jeton import clock
from jeton.errors import JetonError
from jeton.gateway.admission import admit, authenticate, forwarded, require_allowed
from jeton.gateway.catalog import parse_page, render_list, render_model
from jeton.gateway.counting.counts import CountAsk, count_tokens
from jeton.gateway.deps import GatewayDeps, Wire
from jeton.gateway.envelope import Headers, Reply, json_headers
from jeton.gateway.errors import (
    BodyTimeoutError,
    ClientLeftError,
    InvalidRequestError,
    MethodNotAllowedError,
    UnexpectedError,
)
from jeton.gateway.parsing import Head, parse_count, read_head, require_size, require_version
from jeton.gateway.relay import fail, interruptible, run_exchange, send_reply
from jeton.ids import new_id

BODY_TIMEOUT_S = 120
QUERY_FIELDS_MAX = 100

_log = structlog.get_logger(__name__)


class Call(Protocol):
    """One call of a path, whichever way it came in, before anything of it is known."""

    @property
    def path(self) -> str:
        """The path, without the query."""
        ...

    @property
    def headers(self) -> Headers:
        """The headers, names in lower case."""
        ...

    @property
    def peer(self) -> str:
        """The address of the connection; "" where there is none."""
        ...

    @property
    def wire(self) -> Wire:
        """The way back."""
        ...

    @property
    def request_id(self) -> str:
        """The id that the answer will carry."""
        ...

    @property
    def deps(self) -> GatewayDeps:
        """What the gateway works with."""
        ...

    async def receive_body(self) -> bytes:
        """The whole body; RequestTooLargeError, BodyTimeoutError or ClientLeftError."""
        ...

    async def run(self, exchange: Coroutine[None, None, None], *, is_stream: bool) -> None:
        """Run an exchange to its end; while a stream runs, the client's leaving is noticed."""
        ...


class AsgiWire:
    """The way back to a client over ASGI."""

    __slots__ = ("_callback", "_send", "has_left", "has_started")

    def __init__(self, send: Send) -> None:
        """Nothing has been sent."""
        self._send = send
        self._callback: Callable[[], None] | None = None
        self.has_started = False
        self.has_left = False

    def on_leave(self, callback: Callable[[], None] | None) -> None:
        """Have ``callback`` called when the client leaves; None takes that back."""
        self._callback = callback

    def leave(self) -> None:
        """Note that the client is gone."""
        self.has_left = True
        if self._callback is not None:
            self._callback()

    async def start(self, status: int, headers: Headers) -> None:
        """Begin the answer."""
        self.has_started = True
        await self._pass_on({"type": "http.response.start", "status": status, "headers": headers})

    async def send(self, data: bytes) -> None:
        """Send a part of the body."""
        await self._pass_on({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes) -> None:
        """Send the last part and end the answer."""
        await self._pass_on({"type": "http.response.body", "body": data, "more_body": False})

    async def _pass_on(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError:
            # Some servers raise where others drop the bytes; what is owed is settled either way.
            self.leave()


class AsgiCall:
    """One call over ASGI."""

    __slots__ = ("_receive", "deps", "headers", "path", "peer", "request_id", "scope", "wire")

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, deps: GatewayDeps) -> None:
        """Nothing has been received."""
        self.scope = scope
        self.path: str = scope["path"]
        self.headers: Headers = scope["headers"]
        self.peer: str = (scope.get("client") or ("", 0))[0]
        self.wire = AsgiWire(send)
        self.request_id = new_id("req")
        self.deps = deps
        self._receive = receive

    async def receive_body(self) -> bytes:
        """The whole body; RequestTooLargeError, BodyTimeoutError or ClientLeftError."""
        parts: list[bytes] = []
        size = 0
        deadline = asyncio.get_running_loop().time() + BODY_TIMEOUT_S
        with interruptible(deadline, lambda: BodyTimeoutError(BODY_TIMEOUT_S)):
            while (message := await self._receive())["type"] == "http.request":
                part: bytes = message.get("body", b"")
                size += len(part)
                require_size(size)
                if not message.get("more_body", False):
                    return b"".join((*parts, part)) if parts else part
                parts.append(part)
        raise ClientLeftError

    async def run(self, exchange: Coroutine[None, None, None], *, is_stream: bool) -> None:
        """Run an exchange to its end; while a stream runs, the client's leaving is noticed."""
        if not is_stream:
            # Nobody's leaving changes anything, so there is nothing to wait for beside it.
            await self.deps.exchanges.run(exchange)
            return
        task = self.deps.exchanges.start(exchange)
        # The disconnect message also comes when the answer is complete, and ends the wait.
        while (await self._receive())["type"] != "http.disconnect":
            continue
        self.wire.leave()
        await asyncio.shield(task)


class Endpoint:
    """A path as an ASGI app: one function, and the method that it answers."""

    def __init__(
        self, answer: Callable[[AsgiCall], Awaitable[None]], deps: GatewayDeps, *, method: str
    ) -> None:
        """``answer`` may raise any JetonError before the answer has begun."""
        self._answer = answer
        self._deps = deps
        self._method = method

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call; never raises but when cancelled."""
        call = AsgiCall(scope, receive, send, deps=self._deps)
        await guard(call, self._dispatch(call))

    async def _dispatch(self, call: AsgiCall) -> None:
        method = call.scope["method"]
        if method != self._method:
            raise MethodNotAllowedError(method, (self._method,))
        await self._answer(call)


async def guard(call: Call, answering: Awaitable[None]) -> None:
    """Answer one call, with an error if it comes to that; never raises but when cancelled."""
    try:
        await answering
    except ClientLeftError:
        # Nobody is there to be answered, and nothing was held yet.
        return
    except JetonError as error:
        await fail(call.wire, error, request_id=call.request_id, deps=call.deps)
    except Exception:  # noqa: BLE001 - the last handler: no traceback ever reaches a client
        _log.exception("request_failed", request_id=call.request_id, path=call.path)
        await fail(call.wire, UnexpectedError(), request_id=call.request_id, deps=call.deps)


async def answer_messages(call: Call) -> None:
    """``POST /v1/messages``. From the hold on, the exchange belongs to the server."""
    deps = call.deps
    head = read_head(call.headers, call.peer)
    caller, _ = await authenticate(head, deps)
    body = await read_body(call, head)
    admission = admit(head, body, request_id=call.request_id, caller=caller, deps=deps)
    deps.checkpoint("request_parsed")
    exchange = run_exchange(admission, call.wire, deps)
    await call.run(exchange, is_stream=bool(admission.request.stream))


async def answer_count(call: Call) -> None:
    """``POST /v1/messages/count_tokens``: the surest count there is; free, nothing is held."""
    head = read_head(call.headers, call.peer)
    caller, workspace_id = await authenticate(head, call.deps)
    body = await read_body(call, head)
    request = parse_count(body, require_version(head))
    route, version = call.deps.catalog.find(request.model, clock.now())
    require_allowed(caller, version.model)
    ask = CountAsk(request.prompt, body, forwarded(head))
    counted = await count_tokens(ask, route, family=version.family, counter=call.deps.counter)
    headers = [
        (b"anthropic-organization-id", str(caller.organization_id).encode()),
        (b"anthropic-workspace-id", workspace_id.encode()),
        (b"jeton-count", counted.source.encode()),
    ]
    if route.is_rehearsal:
        headers.append((b"jeton-rehearsal", b"true"))
    await _reply_json(call, {"input_tokens": counted.input_tokens}, headers)


async def answer_models(call: AsgiCall) -> None:
    """``GET /v1/models``: the models served here, newest first."""
    await authenticate(read_head(call.headers, call.peer), call.deps)
    try:
        fields = parse_qsl(call.scope["query_string"].decode("latin-1"), max_num_fields=QUERY_FIELDS_MAX)
    except ValueError:
        raise InvalidRequestError(f"The query has more than {QUERY_FIELDS_MAX} fields.") from None
    page, at = parse_page(fields), clock.now()
    versions = call.deps.catalog.list_versions(at, page.lifecycles)
    await _reply_json(call, render_list(versions, page, at), [])


async def answer_model(call: AsgiCall) -> None:
    """``GET /v1/models/{id}``: one model, by its id or an alias."""
    await authenticate(read_head(call.headers, call.peer), call.deps)
    at = clock.now()
    _, version = call.deps.catalog.find(call.scope["path_params"]["model"], at)
    await _reply_json(call, render_model(version, at), [])


async def read_body(call: Call, head: Head) -> bytes:
    """The whole body, unless its announced size is too large already."""
    require_size(head.content_length)
    return await call.receive_body()


async def _reply_json(call: Call, content: object, headers: Headers) -> None:
    body = msgspec.json.encode(content)
    await send_reply(call.wire, Reply(200, [*json_headers(call.request_id, body), *headers], body))
