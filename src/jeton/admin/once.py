"""Once: a writing request under an ``idempotency-key`` is done once, and its answer is given again.

What was asked for and what was answered are recorded in the transaction that does it: either both are
there or neither. A request that is refused leaves its key free, since nothing was done under it. Secrets
are shown once and recorded nowhere: where the first answer had one, the same answer later has null.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self
from uuid import UUID

import msgspec
from starlette.requests import Request

from jeton.charging.credits.requests import CreditRequest
from jeton.db.pool import Connection, Pool

KEY_HEADER = "idempotency-key"
REPLAYED_HEADER = "idempotent-replayed"
_SECRET = "secret"  # noqa: S105 - the name of a field

Answer = dict[str, object]


class DoneBeforeError(Exception):
    """The request was done before: control flow from the first connection back to the resource."""

    def __init__(self, answer: Answer) -> None:
        """Keep the answer of that time."""
        super().__init__()
        self.answer = answer


class Once:
    """One request under its key ("" for none), whose handler works inside one transaction."""

    def __init__(self, pool: Pool, organization_id: UUID, *, key: str, asked: dict[str, object]) -> None:
        """``asked`` is what makes it this request; CreditRequestError for a key that cannot be one."""
        self._pool = pool
        self.key, self._asked = key, asked
        self._request = CreditRequest(organization_id, key, asked)
        self._stack = AsyncExitStack()
        self._connection: Connection | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *problem: object) -> None:
        # The borrowed connection commits when there was no problem, and else rolls back.
        await self._stack.__aexit__(*problem)  # type: ignore[arg-type] # handed on as they came

    @asynccontextmanager
    async def connect(self, organization_id: UUID | None = None) -> AsyncIterator[Connection]:
        """A connection; under a key always the same one, and DoneBeforeError if it was done before.

        ``organization_id``: whose key it is, if not the caller's; said the first time. IdempotencyError if
        the key was used for something else.
        """
        if not self.key:
            async with self._pool.connection() as connection:
                yield connection
            return
        if self._connection is None:
            if organization_id is not None:
                self._request = CreditRequest(organization_id, self.key, self._asked)
            connection = await self._stack.enter_async_context(self._pool.connection())
            outcome = await self._request.find_outcome(connection)
            if outcome is not None:
                raise DoneBeforeError(msgspec.json.decode(outcome, type=Answer))
            self._connection = connection
        yield self._connection

    async def record(self, answer: Answer) -> None:
        """Remember the answer with what was done; both become durable together."""
        if self._connection is not None:
            kept = {**answer, _SECRET: None} if _SECRET in answer else answer
            await self._request.record_outcome(self._connection, msgspec.json.encode(kept).decode())


def describe(request: Request, body: bytes) -> dict[str, object]:
    """What makes a request the same one: its method, path, query, and body whatever its spaces."""
    try:
        content: object = msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        content = body.hex()
    return {
        "method": request.method,
        "path": request.url.path,
        "query": request.url.query,
        "body": content,
    }
