"""Endpoint: one path of SCIM as ASGI: whose directory calls, what it sent, errors as in RFC 7644."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import psycopg
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from jeton.admin.deps import AdminDeps
from jeton.admin.errors import BodyTooLargeError, InvalidBodyError, MethodNotAllowedError
from jeton.admin.resource import DATABASE_AWAY, RETRY_AFTER_S, read_secret
from jeton.admin.scim.words import ERROR_SCHEMA, LIST_SCHEMA, InvalidFilterError, InvalidPathError
from jeton.db.pool import Connection
from jeton.errors import (
    ConflictError,
    InvalidInputError,
    JetonError,
    NotAuthenticatedError,
    NotFoundError,
    NotPermittedError,
    OverloadedError,
)
from jeton.identity.audit import Actor
from jeton.identity.scim.terms import Page, ScimTakenError, ScimToken
from jeton.identity.scim.tokens import authenticate

BODY_BYTES_MAX = 1_048_576
PAGE_MAX = 200
PAGE_USUAL = 100
# What an index may be at most: more than there can be.
INDEX_MAX = 1_000_000_000
CREATED, NO_CONTENT = 201, 204
MEDIA_TYPE = "application/scim+json"

STATUSES: Mapping[type[JetonError], int] = {
    JetonError: 500,
    InvalidInputError: 400,
    NotAuthenticatedError: 401,
    NotPermittedError: 403,
    NotFoundError: 404,
    MethodNotAllowedError: 405,
    ConflictError: 409,
    BodyTooLargeError: 413,
    OverloadedError: 503,
}
# RFC 7644, table 9; what is a bad value else is invalidValue.
KINDS: Mapping[type[JetonError], str] = {
    ScimTakenError: "uniqueness",
    InvalidFilterError: "invalidFilter",
    InvalidPathError: "invalidPath",
    InvalidBodyError: "invalidSyntax",
    MethodNotAllowedError: "",
    BodyTooLargeError: "",
    InvalidInputError: "invalidValue",
    JetonError: "",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a resource, None where there is nothing to say."""

    resource: Mapping[str, object] | None
    status: int = 200


@dataclass(frozen=True, slots=True)
class ScimCall:
    """One request of a directory; its transaction ends with the answer, so all of it is done or nothing."""

    request: Request
    connection: Connection
    token: ScimToken
    deps: AdminDeps
    body: bytes

    @property
    def by(self) -> Actor:
        """Who acts: the token."""
        return Actor("key", self.token.token_id)

    @property
    def base(self) -> str:
        """The address under which resources are."""
        return f"{str(self.request.base_url).rstrip('/')}/scim/v2"

    def read_body(self) -> dict[str, object]:
        """The body as an object; InvalidBodyError."""
        try:
            return msgspec.json.decode(self.body, type=dict[str, object])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidBodyError(str(error).rstrip(".")) from None

    def read_page(self, find_filter: Callable[[str], tuple[str, str]]) -> Page:
        """The page asked for: ``startIndex`` counts from 1; what is out of range is put right (RFC 7644)."""
        start = max(1, self._find_count("startIndex", 1))
        limit = min(max(0, self._find_count("count", PAGE_USUAL)), PAGE_MAX)
        field, value = find_filter(self.request.query_params.get("filter", ""))
        return Page(start - 1, limit, field, value)

    def wants(self, attribute: str) -> bool:
        """Whether an attribute that may be left out is asked for."""
        attributes = self._list_names("attributes")
        return attribute not in self._list_names("excludedAttributes") and (
            not attributes or attribute in attributes
        )

    def _list_names(self, parameter: str) -> Sequence[str]:
        text = self.request.query_params.get(parameter, "")
        return [name.strip().rpartition(":")[2] for name in text.split(",") if name.strip()]

    def _find_count(self, name: str, usual: int) -> int:
        text = self.request.query_params.get(name, str(usual)).strip()
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal()):
            raise InvalidFilterError(f"{name} is no whole number")
        return min(int(digits[:12]), INDEX_MAX) * (-1 if text.startswith("-") else 1)


Handler = Callable[[ScimCall], Awaitable[Answer]]


class ScimEndpoint:
    """A path: a handler for each of its methods."""

    def __init__(self, deps: AdminDeps, handlers: Mapping[str, Handler]) -> None:
        """Serve ``handlers`` by method."""
        self._deps = deps
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, errors included."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        except psycopg.OperationalError:
            response = render_error(OverloadedError(DATABASE_AWAY))
        except JetonError as error:
            response = render_error(error)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        secret = read_secret(request)
        async with self._deps.pool.connection() as connection:
            token = await authenticate(connection, secret)
        handler = self._handlers.get(request.method)
        if handler is None:
            raise MethodNotAllowedError(request.method, self._handlers)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                raise BodyTooLargeError(BODY_BYTES_MAX)
        async with self._deps.pool.connection() as connection:
            answer = await handler(ScimCall(request, connection, token, self._deps, bytes(body)))
        return render(answer)


def render(answer: Answer) -> Response:
    """A resource as an answer; nobody keeps it."""
    headers = {"cache-control": "no-store"}
    if answer.resource is None:
        return Response(b"", answer.status, headers=headers)
    meta = answer.resource.get("meta")
    if answer.status == CREATED and isinstance(meta, dict):
        headers["location"] = str(meta["location"])
    return Response(
        msgspec.json.encode(answer.resource), answer.status, headers=headers, media_type=MEDIA_TYPE
    )


def render_list(total: int, page: Page, resources: Sequence[Mapping[str, object]]) -> Answer:
    """A page of a list."""
    return Answer(
        {
            "schemas": [LIST_SCHEMA],
            "totalResults": total,
            "startIndex": page.offset + 1,
            "itemsPerPage": len(resources),
            "Resources": list(resources),
        }
    )


def render_error(error: JetonError) -> Response:
    """An error as RFC 7644 has it; the status is text there."""
    status = next(STATUSES[family] for family in type(error).__mro__ if family in STATUSES)
    kind = next(KINDS[family] for family in type(error).__mro__ if family in KINDS)
    content = {"schemas": [ERROR_SCHEMA], "status": str(status), "detail": str(error)}
    response = render(Answer({**content, "scimType": kind} if kind else content, status))
    match error:
        case NotAuthenticatedError():
            response.headers["www-authenticate"] = 'Bearer realm="scim"'
        case OverloadedError():
            response.headers["retry-after"] = str(RETRY_AFTER_S)
        case MethodNotAllowedError():
            response.headers["allow"] = ", ".join(error.allowed)
        case _:
            pass
    return response
