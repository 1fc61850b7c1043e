"""Resource: one path as ASGI: who calls, what they sent, and every error in the Messages API's envelope."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

import msgspec
import psycopg
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from jeton.admin.deps import AdminDeps
from jeton.admin.errors import (
    BodyTooLargeError,
    InvalidBodyError,
    InvalidQueryError,
    MethodNotAllowedError,
)
from jeton.admin.once import KEY_HEADER, REPLAYED_HEADER, DoneBeforeError, Once, describe
from jeton.billing.taxation.desk import asking
from jeton.db.pool import Connection
from jeton.errors import (
    ConflictError,
    InvalidInputError,
    JetonError,
    NotAuthenticatedError,
    NotFoundError,
    NotPermittedError,
    OverloadedError,
    UpstreamError,
)
from jeton.identity.audit import Actor
from jeton.identity.caller import Caller
from jeton.identity.errors import AdminKeyRequiredError, OperatorKeyRequiredError
from jeton.ids import new_id

BODY_BYTES_MAX = 65_536
COUNT_DIGITS_MAX = 20
# As JSON writes the character that no text of PostgreSQL may hold.
_ZERO = rb"\u0000"
RETRY_AFTER_S = 1
DATABASE_AWAY = "The database is away, so nothing was read or written. Try again."

# The nearest class in an error's line of descent decides: status, and type in the envelope.
ANSWERS: Mapping[type[JetonError], tuple[int, str]] = {
    JetonError: (500, "api_error"),
    InvalidInputError: (400, "invalid_request_error"),
    NotAuthenticatedError: (401, "authentication_error"),
    NotPermittedError: (403, "permission_error"),
    NotFoundError: (404, "not_found_error"),
    MethodNotAllowedError: (405, "invalid_request_error"),
    ConflictError: (409, "conflict_error"),
    BodyTooLargeError: (413, "request_too_large"),
    UpstreamError: (502, "api_error"),
    OverloadedError: (529, "overloaded_error"),
}

_Body = TypeVar("_Body", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request, as a handler gets it; ``after``: what is done once it is answered."""

    request: Request
    caller: Caller
    deps: AdminDeps
    body: bytes
    once: Once
    after: list[Callable[[], Awaitable[object]]] = field(default_factory=list)

    def connect(self, organization_id: UUID | None = None) -> AbstractAsyncContextManager[Connection]:
        """A connection to read and write with, which respects the request's idempotency key.

        The key is the caller's organization's; an operator says whose.
        """
        return self.once.connect(organization_id)

    def require_admin(self) -> Caller:
        """The caller, if it holds an admin key; else AdminKeyRequiredError."""
        if self.caller.kind != "admin":
            raise AdminKeyRequiredError
        return self.caller

    def require_operator(self) -> Actor:
        """The operator, by the name of the key; else OperatorKeyRequiredError."""
        if self.caller.kind != "operator":
            raise OperatorKeyRequiredError
        return Actor("operator", self.caller.key_id)

    def find_count(self, name: str, *, default: int, count_max: int) -> int:
        """A whole number from 1 to ``count_max`` out of the query; else InvalidQueryError."""
        text = self.request.query_params.get(name)
        if text is None:
            return default
        is_number = text.isascii() and text.isdigit() and len(text) <= COUNT_DIGITS_MAX
        if not is_number or not 1 <= int(text) <= count_max:
            raise InvalidQueryError(name, f"must be a whole number from 1 to {count_max}")
        return int(text)

    def find_text(self, name: str) -> str:
        """A text out of the query, "" if there is none; InvalidQueryError if it cannot be printed."""
        text = self.request.query_params.get(name, "")
        if not text.isprintable():
            raise InvalidQueryError(name, "has characters that cannot be printed")
        return text

    def read_body(self, kind: type[_Body]) -> _Body:
        """The body as ``kind``; InvalidBodyError, also for a text that the database could not hold."""
        if _ZERO in self.body:
            raise InvalidBodyError("a text in it has a zero byte")
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidBodyError(str(error).rstrip(".")) from None


# An object, or a file that is an answer of its own.
Handler = Callable[[Call], Awaitable[dict[str, object] | Response]]


class Resource:
    """A path: a handler for each of its methods."""

    def __init__(
        self, deps: AdminDeps, handlers: Mapping[str, Handler], *, body_bytes_max: int = BODY_BYTES_MAX
    ) -> None:
        """Serve ``handlers`` by method."""
        self._deps = deps
        self._body_bytes_max = body_bytes_max
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, errors included."""
        request_id = new_id("req")
        request = Request(scope, receive)
        try:
            response = await self._answer(request, request_id)
        except ClientDisconnect:
            return
        except psycopg.OperationalError:
            response = render_error(OverloadedError(DATABASE_AWAY), request_id)
        except JetonError as error:
            response = render_error(error, request_id)
        await response(scope, receive, send)

    async def _answer(self, request: Request, request_id: str) -> Response:
        handler = self._handlers.get(request.method)
        if handler is None:
            raise MethodNotAllowedError(request.method, self._handlers)
        secret = read_secret(request)
        caller = self._deps.operator_keys.find(secret) or await self._deps.key_ring.authenticate(secret)
        key, body = "", b""
        if request.method != "GET":
            key, body = request.headers.get(KEY_HEADER, ""), await self._read_whole(request)
        asked = describe(request, body) if key else {}

        async def act() -> Response:
            async with Once(self._deps.pool, caller.organization_id, key=key, asked=asked) as once:
                call = Call(request, caller, self._deps, body, once)
                answer = await handler(call)
                if isinstance(answer, Response):
                    answer.headers["request-id"] = request_id
                    return answer
                await once.record(answer)
            response = render(200, answer, request_id)
            response.background = BackgroundTask(_finish, call)
            return response

        try:
            # What needs a tax that is not known yet is done again once it was asked for.
            return await asking(act)
        except DoneBeforeError as before:
            response = render(200, before.answer, request_id)
            response.headers[REPLAYED_HEADER] = "true"
            return response

    async def _read_whole(self, request: Request) -> bytes:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._body_bytes_max:
                raise BodyTooLargeError(self._body_bytes_max)
        return bytes(body)


async def _finish(call: Call) -> None:
    """Do what is left for after the answer."""
    for act in call.after:
        await act()


def read_secret(request: Request) -> str:
    """The key of a request: ``x-api-key``, else ``Authorization: Bearer``; "" without one."""
    secret = request.headers.get("x-api-key", "")
    if secret:
        return secret
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else ""


def render(status: int, content: object, request_id: str) -> Response:
    """A JSON answer with its request id; it may hold amounts or secrets, so nobody keeps it."""
    return Response(
        msgspec.json.encode(content),
        status,
        headers={"request-id": request_id, "cache-control": "no-store"},
        media_type="application/json",
    )


def render_list(data: list[dict[str, object]], *, has_more: bool) -> dict[str, object]:
    """A page of a list, in the form that every list here has."""
    return {
        "data": data,
        "has_more": has_more,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }


def render_error(error: JetonError, request_id: str) -> Response:
    """The Messages API's envelope of an error."""
    status, kind = next(ANSWERS[family] for family in type(error).__mro__ if family in ANSWERS)
    response = render(
        status,
        {
            "type": "error",
            "error": {"type": kind, "message": str(error), "details": {"error_code": error.code}},
            "request_id": request_id,
        },
        request_id,
    )
    match error:
        case OverloadedError():
            response.headers["retry-after"] = str(RETRY_AFTER_S)
        case MethodNotAllowedError():
            response.headers["allow"] = ", ".join(error.allowed)
        case _:
            pass
    return response
