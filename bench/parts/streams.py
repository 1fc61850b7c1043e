"""Streams: asks for streams and reads them to their end; as a process of its own, without end.

python -m parts.streams PORT KEY MODEL STREAMS
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass

import uvloop
from parts.answers import SMALL_BYTES, prompt_body

CROWD_EVENTS = 2_000


@dataclass(frozen=True, slots=True)
class Way:
    """Where to ask, for which model, and whose CPU it is."""

    name: str
    port: int
    key: str
    model: str
    pids: tuple[int, ...]


class Client(asyncio.Protocol):
    """One stream: from its request to its last byte."""

    def __init__(self, request: bytes, done: "asyncio.Future[float]") -> None:
        self._request = request
        self._done = done
        self._tail = b""
        self._sent_at = 0.0
        self._first_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = transport  # type: ignore[assignment]  # a transport of both directions
        self._sent_at = time.perf_counter()
        if self._transport is not None:
            self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Look for the first byte and the last; all between is only read."""
        if not self._first_at:
            self._first_at = time.perf_counter()
            if b" 200 " not in data[:20]:
                self._done.set_exception(RuntimeError(data[:500].decode()))
                return
        self._tail = (self._tail + data)[-32:]
        if self._tail.endswith(b"0\r\n\r\n") and not self._done.done() and self._transport is not None:
            self._done.set_result(self._first_at - self._sent_at)
            self._transport.close()


async def stream(way: Way, events: int) -> float:
    """One stream to its end; seconds to its first byte."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[float] = loop.create_future()
    body = prompt_body(SMALL_BYTES, stream=True)
    asked = json.loads(body) | {"model": way.model, "max_tokens": events}
    body = json.dumps(asked).encode()
    head = (
        f"POST /v1/messages HTTP/1.1\r\nhost: bench\r\nx-api-key: {way.key}\r\n"
        "anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    transport, _ = await loop.create_connection(
        lambda: Client(head.encode() + body, done), "127.0.0.1", way.port
    )
    try:
        return await done
    finally:
        transport.close()


async def _crowd(way: Way, streams: int) -> None:
    async def refill() -> None:
        while True:
            await stream(way, CROWD_EVENTS)

    await asyncio.gather(*(refill() for _ in range(streams)))


if __name__ == "__main__":
    _port, _key, _model, _streams = sys.argv[1:]
    uvloop.run(_crowd(Way("crowd", int(_port), _key, _model, ()), int(_streams)))
