"""Calling: a call of the gateway from inside the process, without a socket and by the same path.

It is authenticated, held, relayed, settled and watched as every other; only who calls is known already.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager

from jeton.gateway.asgi import answer_messages, guard
from jeton.gateway.deps import GatewayDeps
from jeton.gateway.envelope import Headers
from jeton.ids import new_id

PIECES_WAITING_MAX = 64


class InnerWire:
    """The way back to a caller in this process: pieces of a body, of which few wait."""

    def __init__(self) -> None:
        """Nothing has come."""
        self.status = 0
        self.has_started = False
        self.has_left = False
        self._callback: Callable[[], None] | None = None
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES_WAITING_MAX)

    def on_leave(self, callback: Callable[[], None] | None) -> None:
        """Have ``callback`` called when the caller leaves; None takes that back."""
        self._callback = callback

    def leave(self) -> None:
        """Want no more; whoever waits for room gets it."""
        self.has_left = True
        while not self._pieces.empty():
            self._pieces.get_nowait()
        if self._callback is not None:
            self._callback()

    async def start(self, status: int, headers: Headers) -> None:
        """Begin the answer."""
        del headers
        self.has_started = True
        self.status = status

    async def send(self, data: bytes) -> None:
        """Send a part of the body; waits while the caller is slow."""
        if not self.has_left:
            await self._pieces.put(data)

    async def finish(self, data: bytes) -> None:
        """Send the last part and end the answer."""
        await self.send(data)
        if not self.has_left:
            await self._pieces.put(None)

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The body as it comes, to its end."""
        while (piece := await self._pieces.get()) is not None:
            yield piece


class InnerCall:
    """A call of ``/v1/messages`` by somebody in this process."""

    def __init__(self, deps: GatewayDeps, body: bytes) -> None:
        """``deps`` know the caller by themselves: no key is sent."""
        self.path = "/v1/messages"
        self.headers: Headers = [(b"x-api-key", b"inner"), (b"anthropic-version", b"2023-06-01")]
        self.peer = ""
        self.wire = InnerWire()
        self.request_id = new_id("req")
        self.deps = deps
        self._body = body

    async def receive_body(self) -> bytes:
        """The whole body."""
        return self._body

    async def run(self, exchange: Coroutine[None, None, None], *, is_stream: bool) -> None:
        """Run an exchange to its end, whatever becomes of the caller."""
        del is_stream
        await asyncio.shield(self.deps.exchanges.start(exchange))


@asynccontextmanager
async def calling(deps: GatewayDeps, body: bytes) -> AsyncGenerator[InnerWire]:
    """The wire of a call that is answered; leaving the block early is a client's leaving."""
    call = InnerCall(deps, body)
    task = asyncio.create_task(guard(call, answer_messages(call)))
    try:
        yield call.wire
    finally:
        call.wire.leave()
        # Settled by its rule: the exchange belongs to the server, and ends soon.
        await asyncio.shield(task)
