"""One HTTP/1.1 connection: a request goes out, an answer comes in, again and again.

httptools reads the wire; this decides what it means for the connection: when it may be used
again, and when it must be closed. Whatever is unclear closes it.
"""

import asyncio
from select import POLLIN, poll
from typing import Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from jeton.errors import UpstreamError
from jeton.upstreams.errors import UpstreamTimeoutError
from jeton.upstreams.http.answer import Fields, HttpAnswer, Select
from jeton.upstreams.http.pace import Pace

# What is neither head nor body may not grow without end either: this much in a row of status
# lines, headers, chunk extensions or trailers is too much.
OVERHEAD_BYTES_MAX = 65_536
WRITTEN_AT_ONCE_BYTES = 262_144
_FIRST_FINAL_STATUS = 200
# Headers that tell where the body ends; without one it ends where the connection does.
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class Owner(Protocol):
    """The pool, as a connection knows it."""

    @property
    def name(self) -> str:
        """The upstream's name, for sentences."""
        ...

    def put(self, connection: "Connection") -> None:
        """Take back a connection that may be used again."""
        ...

    def remove(self, connection: "Connection") -> None:
        """Forget a connection that is closed."""
        ...


class Connection(asyncio.Protocol):
    """An open connection; between two answers it belongs to the pool."""

    __slots__ = (
        "_answer",
        "_deadline",
        "_fields",
        "_has_ended",
        "_has_head",
        "_is_held",
        "_is_paused",
        "_is_reusable",
        "_loop",
        "_may_write",
        "_overhead_bytes",
        "_owner",
        "_pace",
        "_parser",
        "_readiness",
        "_timer",
        "_total_s",
        "_transport",
        "_unsent",
        "idle_since",
    )

    _transport: asyncio.Transport

    def __init__(
        self, owner: Owner, loop: asyncio.AbstractEventLoop, *, total_s: float, pace: Pace | None = None
    ) -> None:
        """Not connected yet; each answer must be whole within ``total_s`` of its request.

        With a ``pace`` streams are read in rotation with those of others.
        """
        self.idle_since = 0.0
        self._owner = owner
        self._loop = loop
        self._total_s = total_s
        self._pace = pace
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._parser = HttpResponseParser(self)
        self._readiness = poll()
        self._answer: HttpAnswer | None = None
        self._fields: Fields = []
        self._unsent: memoryview | None = None
        self._overhead_bytes = 0
        self._may_write = True
        self._has_head = self._has_ended = self._is_reusable = False
        # Two reasons not to read: a reader that is slow, and the turn of others.
        self._is_paused = self._is_held = False

    def ask(self, head: bytes, body: bytes, *, select: Select) -> HttpAnswer:
        """Write a request, as much as fits at once; the rest follows by itself."""
        answer = self._answer = HttpAnswer(self._owner.name, self, select)
        self._deadline = self._loop.time() + self._total_s
        if self._timer is None:
            # It is left to run when the answer ends, and set again only when it has rung too early:
            # next to no answer is late, so next to no request pays for a timer.
            self._timer = self._loop.call_at(self._deadline, self._ring)
        self._has_head = self._has_ended = False
        self._overhead_bytes = 0
        if len(body) <= WRITTEN_AT_ONCE_BYTES:
            self._transport.writelines((head, body))
        else:
            self._unsent = memoryview(body)
            self._transport.write(head)
            self._write_on()
        return answer

    def is_usable(self) -> bool:
        """Whether the server has left it open and silent; anything to read, an end included, says no."""
        return not self._transport.is_closing() and not self._readiness.poll(0)

    def is_closing(self) -> bool:
        """Whether either side has closed it."""
        return self._transport.is_closing()

    def pause(self) -> None:
        """Stop reading."""
        self._is_paused = True
        self._read_or_wait()

    def resume(self) -> None:
        """Read on."""
        self._is_paused = False
        self._read_or_wait()

    def go_on(self) -> None:
        """Its turn has come again."""
        if self._is_held:
            self._is_held = False
            self._read_or_wait()

    def fail(self, error: UpstreamError | None) -> None:
        """Close at once, and give the answer ``error`` as its end."""
        answer, self._answer = self._answer, None
        self._unsent = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._transport.abort()
        self._owner.remove(self)
        if answer is not None:
            answer.end(error)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast("asyncio.Transport", transport)
        self._readiness.register(transport.get_extra_info("socket").fileno(), POLLIN)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        answer = self._answer
        if answer is None:
            # Nobody asked: what it says may not become the answer to the next request.
            self.fail(None)
            return
        self._overhead_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self._has_ended:
                self._break_off(f"The upstream {self._owner.name} sent what is not HTTP/1.1.", error)
                return
            self._is_reusable = False
        if self._has_ended:
            self._finish(answer)
        elif self._overhead_bytes > OVERHEAD_BYTES_MAX:
            self._break_off(f"The upstream {self._owner.name} sent over {OVERHEAD_BYTES_MAX} bytes of head.")
        else:
            answer.announce()
            if self._pace is not None and answer.is_passed_on and not self._is_held:
                self._is_held = self._pace.must_wait(self)
                self._read_or_wait()

    def eof_received(self) -> None:
        """The server has said all; for a body without a length that is its end."""
        if self._has_head and not any(name.lower() in _FRAMING for name, _ in self._fields):
            self.fail(None)
        else:
            self._break_off(self._gone())

    def connection_lost(self, exc: Exception | None) -> None:
        """Whatever was under way is broken off."""
        self._break_off(self._gone(), exc)

    def pause_writing(self) -> None:
        """Hold the rest of the body."""
        self._may_write = False

    def resume_writing(self) -> None:
        """Write the rest of the body."""
        self._may_write = True
        self._write_on()

    def on_message_begin(self) -> None:
        """Start a head; after the end it is one that nobody asked for."""
        if self._has_ended:
            self._is_reusable = False
        self._fields.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field; trailers come after the head and are dropped."""
        if not self._has_head:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Give the head to the answer; an interim answer (1xx) is skipped."""
        status = self._parser.get_status_code()
        if self._answer is None or self._has_head or status < _FIRST_FINAL_STATUS:
            return
        self._has_head = True
        self._is_reusable = self._parser.should_keep_alive()
        self._answer.put_head(status, self._fields)

    def on_body(self, body: bytes) -> None:
        """Give a part of the body to the answer."""
        if self._answer is not None and not self._has_ended:
            self._overhead_bytes = 0
            self._answer.put(body)

    def on_message_complete(self) -> None:
        """Note the end, unless it is that of an interim answer."""
        if self._has_head:
            self._has_ended = True

    def _finish(self, answer: HttpAnswer) -> None:
        """The answer is whole: give the connection back, if the next request may use it."""
        transport = self._transport
        # What is unsent the server did not want; it must not become the head of another request.
        is_written = self._unsent is None and not transport.get_write_buffer_size()
        if self._is_reusable and is_written and not transport.is_closing():
            self._answer = None
            self._is_paused = self._is_held = False
            self._read_or_wait()
            self.idle_since = self._loop.time()
            self._owner.put(self)
            answer.end(None)
        else:
            self.fail(None)

    def _read_or_wait(self) -> None:
        transport = self._transport
        waits = self._is_paused or self._is_held
        if transport.is_closing() or transport.is_reading() != waits:
            return
        if waits:
            transport.pause_reading()
        else:
            transport.resume_reading()

    def _break_off(self, sentence: str, cause: Exception | None = None) -> None:
        error = UpstreamError(sentence)
        error.__cause__ = cause
        self.fail(error)

    def _gone(self) -> str:
        if self._has_head:
            return f"The upstream {self._owner.name} broke off its answer."
        return f"The upstream {self._owner.name} closed the connection before it answered."

    def _ring(self) -> None:
        self._timer = None
        if self._answer is None:
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._ring)
            return
        sentence = f"The upstream {self._owner.name} did not finish its answer in time."
        if not self._has_head:
            sentence = f"The upstream {self._owner.name} did not answer within {self._total_s:g} s."
        self.fail(UpstreamTimeoutError(sentence))

    def _write_on(self) -> None:
        while self._may_write and self._unsent is not None:
            part = self._unsent[:WRITTEN_AT_ONCE_BYTES]
            # First note, then write: a transport may ask for more before it returns.
            self._unsent = self._unsent[WRITTEN_AT_ONCE_BYTES:] or None
            self._transport.write(part)
