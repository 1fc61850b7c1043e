"""Endpoints: the paths of Message Batches. They go the common way in, since none of them is in a hurry."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import parse_qsl

import msgspec
import psycopg
from psycopg_pool import PoolTimeout, TooManyRequests
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from jeton import clock
from jeton.batches.changing import cancel_batch, delete_batch
from jeton.batches.desk import BatchDesk
from jeton.batches.errors import BatchTooLargeError
from jeton.batches.items import BatchHead, new_batch_id
from jeton.batches.quoting import render_quote
from jeton.batches.reading import (
    PAGE_MAX,
    Standing,
    get_amounts,
    get_batch,
    list_batches,
    read_results,
    require_results,
)
from jeton.batches.uploading.uploads import BODY_BYTES_MAX, Uploads
from jeton.batches.working.keeping import Keeper
from jeton.db.pool import Connection, Pool
from jeton.errors import InsufficientCreditError, OverloadedError
from jeton.gateway.admission import authenticate
from jeton.gateway.asgi import QUERY_FIELDS_MAX, AsgiCall, guard
from jeton.gateway.batching.rendering import render_amounts, render_batch, render_page
from jeton.gateway.deps import GatewayDeps
from jeton.gateway.envelope import Reply, json_headers, render_error
from jeton.gateway.errors import (
    BodyTimeoutError,
    ClientLeftError,
    InvalidRequestError,
    MethodNotAllowedError,
)
from jeton.gateway.labelling.reading import read_tag
from jeton.gateway.parsing import Head, read_head, require_version
from jeton.gateway.relay import send_reply
from jeton.identity.audit import Actor
from jeton.identity.caller import Caller

# Nobody keeps one of the few places for uploads by sending nothing.
SILENCE_MAX_S = 60
_JSONL = (b"content-type", b"application/x-jsonl")
_AWAY = "The database is away at this moment: send the request again."


@dataclass(frozen=True, slots=True)
class BatchDeps:
    """What the paths of batches work with; ``public_url`` begins the addresses of results, if it is set."""

    gateway: GatewayDeps
    pool: Pool
    uploads: Uploads
    keeper: Keeper
    desk: BatchDesk
    public_url: str = ""


@dataclass(frozen=True, slots=True)
class BatchCall:
    """One call of these paths, whose caller is known."""

    call: AsgiCall
    receive: Receive
    head: Head
    caller: Caller
    workspace_id: str
    deps: BatchDeps

    @property
    def batch_id(self) -> str:
        """The batch in the path."""
        return cast("str", self.call.scope["path_params"]["batch_id"])

    @property
    def base_url(self) -> str:
        """How this server is called by whoever calls it."""
        if self.deps.public_url:
            return self.deps.public_url.rstrip("/")
        host = dict(self.call.headers).get(b"host", b"").decode("latin-1")
        return f"{self.call.scope['scheme']}://{host}" if host else ""

    async def reply(self, content: object) -> None:
        """Answer with JSON."""
        body = msgspec.json.encode(content)
        headers = json_headers(self.call.request_id, body)
        headers.append((b"anthropic-organization-id", str(self.caller.organization_id).encode()))
        headers.append((b"anthropic-workspace-id", self.workspace_id.encode()))
        await send_reply(self.call.wire, Reply(200, headers, body))

    async def body(self) -> AsyncIterator[bytes]:
        """The body as it arrives; ClientLeftError, or BodyTimeoutError when nothing comes."""
        while True:
            try:
                async with asyncio.timeout(SILENCE_MAX_S):
                    message = await self.receive()
            except TimeoutError:
                raise BodyTimeoutError(SILENCE_MAX_S) from None
            if message["type"] != "http.request":
                raise ClientLeftError
            yield message.get("body", b"")
            if not message.get("more_body", False):
                return


Answering = Callable[[BatchCall], Awaitable[None]]


class BatchEndpoint:
    """A path as an ASGI app: a function for each method that it answers."""

    def __init__(self, answers: Mapping[str, Answering], deps: BatchDeps) -> None:
        """``answers`` by method."""
        self._answers = answers
        self._deps = deps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call; never raises but when cancelled."""
        call = AsgiCall(scope, receive, send, deps=self._deps.gateway)
        await guard(call, self._dispatch(call, receive))

    async def _dispatch(self, call: AsgiCall, receive: Receive) -> None:
        method = call.scope["method"]
        answer = self._answers.get(method)
        if answer is None:
            raise MethodNotAllowedError(method, tuple(self._answers))
        head = read_head(call.headers, call.peer)
        caller, workspace_id = await authenticate(head, self._deps.gateway)
        try:
            await answer(BatchCall(call, receive, head, caller, workspace_id, self._deps))
        except InsufficientCreditError as error:
            # Always 402 here: clients that know batches know nothing of the older answer.
            self._deps.gateway.watch.note_error(error.code)
            await send_reply(call.wire, render_error(error, call.request_id, 402))
        except (psycopg.OperationalError, PoolTimeout, TooManyRequests) as error:
            raise OverloadedError(_AWAY) from error


def batch_routes(deps: BatchDeps) -> list[BaseRoute]:
    """The routes of Message Batches."""
    return [
        Route("/v1/messages/batches", BatchEndpoint({"POST": create, "GET": list_page}, deps)),
        # Before one batch: this is no id.
        Route("/v1/messages/batches/quote", BatchEndpoint({"POST": quote}, deps)),
        Route("/v1/messages/batches/{batch_id}", BatchEndpoint({"GET": show, "DELETE": delete}, deps)),
        Route("/v1/messages/batches/{batch_id}/cancel", BatchEndpoint({"POST": cancel}, deps)),
        Route("/v1/messages/batches/{batch_id}/retry", BatchEndpoint({"POST": retry}, deps)),
        Route("/v1/messages/batches/{batch_id}/results", BatchEndpoint({"GET": send_results}, deps)),
        Route("/v1/messages/batches/{batch_id}/cost", BatchEndpoint({"GET": show_cost}, deps)),
    ]


async def create(call: BatchCall) -> None:
    """``POST /v1/messages/batches``: received in pieces, held as a whole, begun at once."""
    head = _read_head(call)
    await call.deps.uploads.receive(head, call.body())
    call.deps.keeper.wake()
    async with call.deps.pool.connection() as connection:
        batch = await get_batch(connection, call.workspace_id, head.batch_id)
    await _reply_batch(call, batch)


async def quote(call: BatchCall) -> None:
    """``POST /v1/messages/batches/quote``: what a body could come to as a batch; nothing is kept. Ours."""
    found = await call.deps.desk.quote_body(_read_head(call), call.body(), at=clock.now())
    await call.reply({"type": "message_batch_quote", "currency": "USD", **render_quote(found)})


async def list_page(call: BatchCall) -> None:
    """``GET /v1/messages/batches``: newest first."""
    try:
        query = call.call.scope["query_string"].decode("latin-1")
        given = dict(parse_qsl(query, max_num_fields=QUERY_FIELDS_MAX))
    except ValueError:
        raise InvalidRequestError(f"The query has more than {QUERY_FIELDS_MAX} fields.") from None
    text = given.get("limit", "20")
    limit = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(PAGE_MAX)) else 0
    if not 1 <= limit <= PAGE_MAX:
        raise InvalidRequestError(f"limit: must be from 1 to {PAGE_MAX}")
    if "after_id" in given and "before_id" in given:
        raise InvalidRequestError("after_id: give it or before_id, not both")
    async with call.deps.pool.connection() as connection:
        page = await list_batches(
            connection,
            call.workspace_id,
            limit=limit,
            after_id=given.get("after_id"),
            before_id=given.get("before_id"),
        )
    await call.reply(render_page(page, call.base_url))


async def show(call: BatchCall) -> None:
    """``GET /v1/messages/batches/{id}``."""
    async with call.deps.pool.connection() as connection:
        batch = await get_batch(connection, call.workspace_id, call.batch_id)
    await _reply_batch(call, batch)


async def delete(call: BatchCall) -> None:
    """``DELETE /v1/messages/batches/{id}``: after its end."""
    async with call.deps.pool.connection() as connection:
        await delete_batch(connection, call.workspace_id, call.batch_id, by=_actor(call), at=clock.now())
    await call.reply({"id": call.batch_id, "type": "message_batch_deleted"})


async def cancel(call: BatchCall) -> None:
    """``POST /v1/messages/batches/{id}/cancel``: what runs is finished, nothing more begins."""
    async with call.deps.pool.connection() as connection:
        batch = await _cancel(connection, call)
    call.deps.keeper.wake()
    await _reply_batch(call, batch)


async def retry(call: BatchCall) -> None:
    """``POST /v1/messages/batches/{id}/retry``: what failed, as a new batch under the same key. Ours."""
    async with call.deps.pool.connection() as connection:
        await get_batch(connection, call.workspace_id, call.batch_id)
    retry_id = await call.deps.desk.retry(call.batch_id, by=_actor(call), at=clock.now())
    async with call.deps.pool.connection() as connection:
        batch = await get_batch(connection, call.workspace_id, retry_id)
    await _reply_batch(call, batch)


async def send_results(call: BatchCall) -> None:
    """``GET /v1/messages/batches/{id}/results``: JSONL, streamed, in no particular order."""
    async with call.deps.pool.connection() as connection:
        await require_results(connection, call.workspace_id, call.batch_id)
    wire = call.call.wire
    await wire.start(200, [_JSONL, (b"request-id", call.call.request_id.encode())])
    async for lines in read_results(call.deps.pool, call.batch_id):
        await wire.send(lines)
        if wire.has_left:
            return
    await wire.finish(b"")


async def show_cost(call: BatchCall) -> None:
    """``GET /v1/messages/batches/{id}/cost``: what it came to, and what each discount saved. Ours."""
    async with call.deps.pool.connection() as connection:
        amounts = await get_amounts(connection, call.workspace_id, call.batch_id)
    await call.reply(render_amounts(amounts))


def _read_head(call: BatchCall) -> BatchHead:
    """A new batch of the caller's."""
    api_version = require_version(call.head)
    if call.head.content_length > BODY_BYTES_MAX:
        raise BatchTooLargeError(f"The request body is larger than {BODY_BYTES_MAX} bytes.")
    return BatchHead(
        batch_id=new_batch_id(),
        organization_id=call.caller.organization_id,
        workspace_id=call.workspace_id,
        key_id=call.caller.key_id,
        api_version=api_version,
        beta=call.head.beta,
        tag=read_tag(call.head.tag),
        models=call.caller.models,
    )


async def _cancel(connection: Connection, call: BatchCall) -> Standing:
    return await cancel_batch(connection, call.workspace_id, call.batch_id, by=_actor(call), at=clock.now())


def _actor(call: BatchCall) -> Actor:
    return Actor("key", call.caller.key_id)


async def _reply_batch(call: BatchCall, batch: Standing) -> None:
    await call.reply(render_batch(batch, call.base_url))
