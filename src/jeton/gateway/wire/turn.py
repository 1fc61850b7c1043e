"""Turn: one request of a connection and its answer: what the gateway knows as a call, and its wire.

The head of an answer waits for the first bytes of the body, so that both leave in one write.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Protocol

from jeton.errors import JetonError
from jeton.gateway.asgi import BODY_TIMEOUT_S
from jeton.gateway.deps import GatewayDeps
from jeton.gateway.envelope import Headers
from jeton.gateway.errors import BodyTimeoutError, InvalidRequestError, RequestTooLargeError
from jeton.gateway.parsing import BODY_BYTES_MAX
from jeton.gateway.relay import interruptible
from jeton.gateway.wire.heads import CONTINUE, LAST_CHUNK, render_chunk, render_head
from jeton.ids import new_id

# Up to here a copy is cheaper than one more piece for the kernel to gather.
COPIED_BYTES_MAX = 65_536
# The rest of a body that led to one of these is not worth waiting for.
_BODY_REFUSED = frozenset({408, 413})

Answer = Callable[["Turn"], Awaitable[None]]


class Line(Protocol):
    """The connection, as a turn knows it."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop it runs on."""
        ...

    @property
    def deps(self) -> GatewayDeps:
        """What the gateway works with."""
        ...

    @property
    def date(self) -> bytes:
        """The value of the date header."""
        ...

    @property
    def peer(self) -> str:
        """The address of the other end."""
        ...

    @property
    def is_ending(self) -> bool:
        """Whether no turn comes after the one that is being answered."""
        ...

    @property
    def is_full(self) -> bool:
        """Whether the client is slower than the answer."""
        ...

    def write(self, *pieces: bytes) -> None:
        """Write, if anybody is there to read."""
        ...

    async def drain(self) -> None:
        """Wait until it is no longer full, or gone."""
        ...

    def listen(self) -> None:
        """Let the rest of the body come."""
        ...

    def end(self, turn: "Turn") -> None:
        """Go on after the turn, whose answer is written."""
        ...


class Turn:
    """One request, from the end of its head to the last byte of its answer."""

    __slots__ = (
        "_callback",
        "_error",
        "_head",
        "_is_chunked",
        "_is_continued",
        "_is_http_1_1",
        "_line",
        "_parts",
        "_url",
        "_waiter",
        "answer",
        "body_bytes",
        "deps",
        "has_left",
        "has_started",
        "headers",
        "is_last",
        "is_over",
        "is_read",
        "is_whole",
        "request_id",
        "task",
    )

    def __init__(
        self,
        line: Line,
        answer: Answer,
        *,
        url: bytes,
        headers: Headers,
        keeps_alive: bool,
        is_http_1_1: bool,
    ) -> None:
        """A head is here, names in lower case; the body may still be on its way."""
        self.answer = answer
        self.headers = headers
        self.deps = line.deps
        self.request_id = new_id("req")
        self.body_bytes = 0
        self.is_whole = self.is_read = self.is_over = False
        self.has_left = self.has_started = False
        # A client of HTTP/1.0 knows no chunks, so its connection may have to end with the answer.
        self.is_last = not (keeps_alive and is_http_1_1)
        self.task: asyncio.Task[None] | None = None
        self._is_http_1_1 = is_http_1_1
        self._is_chunked = self._is_continued = False
        self._line = line
        self._url = url
        self._head = b""
        self._parts: list[bytes] = []
        self._error: JetonError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._callback: Callable[[], None] | None = None

    @property
    def wire(self) -> "Turn":
        """The way back: itself."""
        return self

    @property
    def peer(self) -> str:
        """The address that the request comes from."""
        return self.deps.proxies.find_address(self._line.peer, self.headers)

    @property
    def path(self) -> str:
        """The path, without the query."""
        return self._url.partition(b"?")[0].decode("latin-1")

    async def receive_body(self) -> bytes:
        """The whole body; RequestTooLargeError, BodyTimeoutError, InvalidRequestError or ClientLeftError."""
        if not (self.is_whole or self._error):
            await self._await_body()
        if self._error is not None:
            raise self._error
        parts, self._parts = self._parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def run(self, exchange: Coroutine[None, None, None], *, is_stream: bool) -> None:
        """Run an exchange to its end; the connection itself notices when the client leaves."""
        del is_stream
        await self.deps.exchanges.run(exchange)

    def put(self, data: bytes) -> None:
        """Take a part of the body; of one that is too large or already answered nothing is kept."""
        self.body_bytes += len(data)
        if self.body_bytes > BODY_BYTES_MAX:
            self._give_up(RequestTooLargeError(BODY_BYTES_MAX))
        elif not self.is_over:
            self._parts.append(data)

    def complete(self) -> None:
        """Note that the body is whole."""
        self.is_whole = True
        self._wake()

    def spoil(self) -> None:
        """Note that the rest of the body is not HTTP."""
        self._give_up(InvalidRequestError("The request body is not framed as HTTP/1.1 says."))

    def on_leave(self, callback: Callable[[], None] | None) -> None:
        """Have ``callback`` called when the client leaves; None takes that back."""
        self._callback = callback

    def leave(self) -> None:
        """Note that the client is gone, or has closed its side."""
        if not self.has_left:
            self.has_left = True
            if self._callback is not None:
                self._callback()

    async def start(self, status: int, headers: Headers) -> None:
        """Begin the answer; it leaves with its first bytes."""
        line = self._line
        if line.is_ending or (not self.is_whole and self._is_hopeless(status)):
            self.is_last = True
        is_sized = any(name == b"content-length" for name, _ in headers)
        self._is_chunked = self._is_http_1_1 and not is_sized
        self.is_last |= not (is_sized or self._is_chunked)
        self._head = render_head(
            status, headers, date=line.date, is_chunked=self._is_chunked, is_last=self.is_last
        )
        self.has_started = True

    async def send(self, data: bytes) -> None:
        """Send a part of the body; waits while the client is slow."""
        line = self._line
        if data:
            head, self._head = self._head, b""
            line.write(head + render_chunk(data) if self._is_chunked else head + data)
        if line.is_full:
            await line.drain()

    async def finish(self, data: bytes) -> None:
        """Send the last part and end the answer."""
        if self.is_over:
            return
        line = self._line
        head, self._head = self._head, b""
        if self._is_chunked:
            line.write(head + (render_chunk(data) + LAST_CHUNK if data else LAST_CHUNK))
        elif len(data) <= COPIED_BYTES_MAX:
            line.write(head + data)
        else:
            line.write(head, data)
        self.is_over = True
        self._parts.clear()
        line.end(self)

    def _is_hopeless(self, status: int) -> bool:
        """Whether a body that is still on its way may never come, or must not."""
        return status in _BODY_REFUSED or self._error is not None or self._waits_for_continue()

    def _waits_for_continue(self) -> bool:
        return not self._is_continued and any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in self.headers
        )

    async def _await_body(self) -> None:
        line = self._line
        if self._waits_for_continue():
            self._is_continued = True
            line.write(CONTINUE)
        self.is_read = True
        line.listen()
        deadline = line.loop.time() + BODY_TIMEOUT_S
        with interruptible(deadline, lambda: BodyTimeoutError(BODY_TIMEOUT_S), self):
            self._waiter = line.loop.create_future()
            await self._waiter

    def _give_up(self, error: JetonError) -> None:
        self._error = self._error or error
        self._parts.clear()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
