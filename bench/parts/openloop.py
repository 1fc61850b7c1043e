"""Latency at a fixed rate: requests leave on time, whether or not earlier ones were answered."""

import asyncio
import gc
import time
from dataclasses import dataclass, field
from typing import cast

import httptools

_CONNECTIONS_MAX = 512


@dataclass(slots=True)
class Timings:
    """Seconds to the first and the last byte of each answered request; ``failed`` is the rest."""

    first: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    failed: int = 0


class _Connection(asyncio.Protocol):
    """One keep-alive connection with one request under way at most."""

    def __init__(self, idle: "list[_Connection]", timings: Timings) -> None:
        self._idle = idle
        self._timings = timings
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._sent_at = 0.0
        self._first_at = 0.0
        self._answered: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is one in all but its ancestors.
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, answered: "asyncio.Future[None]") -> None:
        """Write one request; ``answered`` is done with its last byte."""
        if self._transport is None or self._transport.is_closing():
            self._timings.failed += 1
            answered.set_result(None)
            return
        self._answered = answered
        self._parser = httptools.HttpResponseParser(self)
        self._first_at = 0.0
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if not self._first_at:
            self._first_at = time.perf_counter()
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() == 200:
            self._timings.first.append(self._first_at - self._sent_at)
            self._timings.last.append(time.perf_counter() - self._sent_at)
        else:
            self._timings.failed += 1
        if self._answered is not None:
            self._answered.set_result(None)
            self._answered = None
        self._idle.append(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        if self in self._idle:
            self._idle.remove(self)
        if self._answered is not None:
            self._timings.failed += 1
            self._answered.set_result(None)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


async def measure(port: int, request: bytes, *, per_second: int, seconds: int) -> Timings:
    """Send ``per_second`` for ``seconds``, wait for every answer, return the times.

    The time of a request begins when it is written, and sending never waits for an answer, so a slow
    answer cannot hide the ones behind it (no coordinated omission).
    """
    loop = asyncio.get_running_loop()
    timings, idle = Timings(), list[_Connection]()
    opened: list[_Connection] = []
    waiting: list[asyncio.Future[None]] = []
    start = loop.time()
    gc.disable()  # a pause of the one who measures is no latency of the one measured
    try:
        for number in range(per_second * seconds):
            await asyncio.sleep(max(0.0, start + number / per_second - loop.time()))
            if not idle and len(opened) < _CONNECTIONS_MAX:
                _, made = await loop.create_connection(lambda: _Connection(idle, timings), "127.0.0.1", port)
                opened.append(made)
                idle.append(made)
            answered = loop.create_future()
            waiting.append(answered)
            idle.pop().send(request, answered)
        await asyncio.gather(*waiting)
    finally:
        gc.enable()
        for connection in opened:
            connection.close()
    return timings


def http_request(port: int, key: str, beta: str, body: bytes) -> bytes:
    """The bytes of one ``POST /v1/messages``."""
    lines = [
        "POST /v1/messages HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "content-type: application/json",
        "anthropic-version: 2023-06-01",
        f"x-api-key: {key}",
        *([f"anthropic-beta: {beta}"] if beta else []),
        f"content-length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
