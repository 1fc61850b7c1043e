"""Streaming: ``GET /v1/usage/stream``, the charges of an organization as they are settled."""

import psycopg
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from jeton.admin.deps import AdminDeps
from jeton.admin.errors import InvalidQueryError, MethodNotAllowedError
from jeton.admin.reports import check_token_class
from jeton.admin.resource import DATABASE_AWAY, read_secret, render_error
from jeton.errors import JetonError, OverloadedError
from jeton.ids import new_id
from jeton.insight.live.feed import Feed
from jeton.insight.live.streaming import StreamAsk, open_stream
from jeton.insight.requests import ChargeFilter

FILTER_CHARS_MAX = 256


def stream_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The live stream, if there is a feed."""
    return [] if deps.live is None else [Route("/v1/usage/stream", _UsageStream(deps, deps.live))]


class _UsageStream:
    """The path as ASGI, since its answer has no end."""

    def __init__(self, deps: AdminDeps, feed: Feed) -> None:
        self._deps = deps
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, errors included."""
        request_id = new_id("req")
        try:
            response = await self._answer(Request(scope, receive), request_id)
        except psycopg.OperationalError:
            response = render_error(OverloadedError(DATABASE_AWAY), request_id)
        except JetonError as error:
            response = render_error(error, request_id)
        await response(scope, receive, send)

    async def _answer(self, request: Request, request_id: str) -> Response:
        if request.method != "GET":
            raise MethodNotAllowedError(request.method, ("GET",))
        caller = await self._deps.key_ring.authenticate(read_secret(request))
        wanted = ChargeFilter(
            model=_read_filter(request, "model"),
            state=_read_filter(request, "state"),
            key_id=_read_filter(request, "api_key_id"),
            # An API key follows its own workspace, as it sees the receipts of its own; an admin key has none.
            workspace_id=caller.workspace_id or _read_filter(request, "workspace_id"),
            service_tier=_read_filter(request, "service_tier"),
            end_user=_read_filter(request, "end_user"),
            tag=_read_filter(request, "tag"),
            token_class=check_token_class(_read_filter(request, "token_class") or "") or None,
        )
        ask = StreamAsk(
            organization_id=caller.organization_id,
            wanted=wanted,
            last_id=request.headers.get("last-event-id", ""),
        )
        events = await open_stream(self._feed, ask)
        headers = {"request-id": request_id, "cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(events, headers=headers, media_type="text/event-stream")


def _read_filter(request: Request, name: str) -> str | None:
    text = request.query_params.get(name, "")
    if len(text) > FILTER_CHARS_MAX or not text.isprintable():
        raise InvalidQueryError(name, f"must have at most {FILTER_CHARS_MAX} printable characters")
    return text or None
