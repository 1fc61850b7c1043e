"""Connection: HTTP/1.1 with one client, a turn after the other.

httptools reads the bytes; this decides what they mean for the connection. It answers the paths of
``station.ANSWERS`` itself. At the first request for anything else it hands the connection over,
with every byte of that request, to the protocol that serves the rest, and is done with it.
"""

import asyncio
from collections import deque
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from jeton.gateway.asgi import BODY_TIMEOUT_S, guard
from jeton.gateway.parsing import BODY_BYTES_MAX
from jeton.gateway.wire.heads import render_refusal
from jeton.gateway.wire.station import ANSWERS, Station
from jeton.gateway.wire.turn import Turn

HEAD_BYTES_MAX = 65_536
# From the first byte of a head to its last.
HEAD_TIMEOUT_S = 30
KEEP_ALIVE_TIMEOUT_S = 75
# How long what a client still sends is read and dropped, so that it can read our last answer.
LINGER_S = 10
# Requests sent before the answer to an earlier one.
PIPELINED_MAX = 16
# Of a body that nobody has asked for yet.
UNREAD_BYTES_MAX = 262_144
_BAD_REQUEST, _HEAD_TOO_LARGE = 400, 431
_VERSIONS = frozenset({"1.0", "1.1"})
_NEVER = float("inf")


class Connection(asyncio.Protocol):
    """One connection, from the first byte until it is closed or handed over."""

    __slots__ = (
        "_deadline",
        "_drained",
        "_fields",
        "_has_eof",
        "_head_bytes",
        "_incoming",
        "_is_deaf",
        "_is_foreign",
        "_is_in_head",
        "_is_lingering",
        "_is_paused",
        "_is_stopping",
        "_parser",
        "_raw",
        "_station",
        "_transport",
        "_turn",
        "_unsent_bytes",
        "_url",
        "_waiting",
        "deps",
        "is_full",
        "loop",
        "peer",
    )

    _transport: asyncio.Transport

    def __init__(self, station: Station) -> None:
        """Not connected yet."""
        self.loop = station.loop
        self.deps = station.deps
        self.is_full = False
        self.peer = ""
        self._station = station
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self._deadline = _NEVER
        self._drained: asyncio.Future[None] | None = None
        self._unsent_bytes = 0
        # What is being answered, what arrives, and what has to wait for its turn.
        self._turn: Turn | None = None
        self._incoming: Turn | None = None
        self._waiting: deque[Turn] = deque()
        # Of the head that arrives; raw is None when its first byte came behind another request.
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._raw: bytes | None = b""
        self._is_in_head = self._is_paused = False
        # Deaf: nothing more is understood, and when what is known is answered comes the end.
        self._is_deaf = self._is_foreign = self._has_eof = self._is_lingering = self._is_stopping = False

    @property
    def date(self) -> bytes:
        """The value of the date header."""
        return self._station.date

    @property
    def is_ending(self) -> bool:
        """Whether no turn comes after the one that is being answered."""
        return self._is_stopping or (self._is_deaf and not self._waiting and not self._is_foreign)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request."""
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        # Over a Unix socket there is no address, only a path.
        self.peer = str(name[0]) if isinstance(name, tuple) else ""
        self._station.roster.connections.add(self)
        self._station.lines.add(self)
        self._deadline = self.loop.time() + KEEP_ALIVE_TIMEOUT_S

    def data_received(self, data: bytes) -> None:
        """Understand what came."""
        if self._is_deaf:
            if self._is_foreign and self._raw is not None:
                self._raw += data
            return
        if self._raw is not None:
            self._raw += data
        try:
            self._parser.feed_data(data)  # type: ignore[union-attr]  # there is one while it is open
        except (HttpParserError, HttpParserUpgrade):
            # Behind what is not ours anything may come.
            if not self._is_deaf:
                self._refuse(_BAD_REQUEST)
        if self._is_deaf:
            if self._turn is None:
                self._advance()
        elif self._is_in_head:
            self._watch_head(len(data))
        elif self._incoming is None:
            self._raw = b""

    def eof_received(self) -> bool:
        """The client has said all. It may be gone, so a stream ends; a whole answer is still sent."""
        self._has_eof = self._is_deaf = True
        self._is_foreign = False
        self._waiting.clear()
        turn = self._turn
        if turn is None or turn.is_over:
            return False
        turn.leave()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who is waiting."""
        del exc
        self._forget()
        self._waiting.clear()
        self._is_deaf = True
        self._is_foreign = False
        self.resume_writing()
        if self._turn is not None:
            self._turn.leave()

    def pause_writing(self) -> None:
        """The client is slower than we are."""
        self.is_full = True

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.is_full = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        if self._turn is None and (self._waiting or self._is_foreign):
            self._advance()

    def on_message_begin(self) -> None:
        """Start a head."""
        if len(self._waiting) >= PIPELINED_MAX:
            self._is_deaf = True
        if self._is_deaf:
            return
        self._is_in_head = True
        self._head_bytes = 0
        self._url = b""
        self._fields = []

    def on_url(self, url: bytes) -> None:
        """Keep a part of the address."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field; trailers come after the head and are dropped."""
        if self._is_in_head:
            self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Answer it, let it wait, or note that it is not ours."""
        if self._is_deaf:
            return
        self._is_in_head = False
        parser = cast("HttpRequestParser", self._parser)
        version = parser.get_http_version()
        answer = ANSWERS.get(self._url.partition(b"?")[0]) if parser.get_method() == b"POST" else None
        if answer is None or parser.should_upgrade() or version not in _VERSIONS:
            self._is_deaf = True
            # Without its first bytes it cannot be handed over: the client may send it again.
            self._is_foreign = self._raw is not None
            if self._turn is not None:
                self._pause()
            return
        if self._raw is not None and len(self._raw) > HEAD_BYTES_MAX and self._is_head_too_large():
            self._refuse(_HEAD_TOO_LARGE)
            return
        self._raw = None
        turn = Turn(
            self,
            answer,
            url=self._url,
            headers=self._fields,
            keeps_alive=parser.should_keep_alive(),
            is_http_1_1=version == "1.1",
        )
        self._incoming = turn
        if self._turn is None and not self._waiting:
            self._begin(turn)
        else:
            self._waiting.append(turn)
            self._pause()

    def on_body(self, body: bytes) -> None:
        """Give a part of the body to its turn; not more than a little before anybody asks for it."""
        turn = self._incoming
        if turn is None:
            return
        turn.put(body)
        if turn.is_over and turn.body_bytes > BODY_BYTES_MAX:
            self._refuse(_BAD_REQUEST)
        elif not turn.is_read and turn.body_bytes > UNREAD_BYTES_MAX:
            self._pause()

    def on_message_complete(self) -> None:
        """The body is whole."""
        turn, self._incoming = self._incoming, None
        if turn is None:
            return
        turn.complete()
        if turn.is_over:
            self._advance(turn)

    def write(self, *pieces: bytes) -> None:
        """Write, if anybody is there to read."""
        transport = self._transport
        if not transport.is_closing():
            if len(pieces) == 1:
                transport.write(pieces[0])
            else:
                transport.writelines(pieces)

    async def drain(self) -> None:
        """Wait until the client has caught up, or is gone."""
        while self.is_full and not self._transport.is_closing():
            self._drained = self.loop.create_future()
            await self._drained

    def listen(self) -> None:
        """Let the rest of a body come."""
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def end(self, turn: Turn) -> None:
        """Go on after a turn, whose answer is written; the rest of its body is read and dropped."""
        if self._incoming is turn and not turn.is_last:
            self._deadline = self.loop.time() + BODY_TIMEOUT_S
            self.listen()
        else:
            self._advance(turn)

    def shutdown(self) -> None:
        """Close, after what is being answered."""
        self._is_stopping = True
        if self._is_lingering:
            self._transport.abort()
        elif self._turn is None or self._turn.is_over:
            self._transport.close()

    def expire(self, now: float) -> None:
        """Close if what was due by ``now`` (the loop's clock, seconds) has not come."""
        if now < self._deadline:
            return
        unsent_bytes = self._transport.get_write_buffer_size()
        if unsent_bytes and unsent_bytes != self._unsent_bytes:
            # Slow is not silent.
            self._unsent_bytes = unsent_bytes
            self._deadline = now + KEEP_ALIVE_TIMEOUT_S
        else:
            self._transport.abort()

    def _begin(self, turn: Turn) -> None:
        self._turn = turn
        self._deadline = _NEVER
        if not self._waiting and self._incoming is None and not self._is_foreign:
            # Reading is how a leaving is noticed.
            self.listen()
        turn.task = self.loop.create_task(self._answer(turn))
        self._station.roster.tasks.add(turn.task)

    async def _answer(self, turn: Turn) -> None:
        try:
            await guard(turn, turn.answer(turn))
        finally:
            self._station.roster.tasks.discard(turn.task)
            if not turn.is_over and not self._transport.is_closing():
                # Nobody is there to be answered, or the server cuts what is in flight.
                self._transport.abort()

    def _advance(self, turn: Turn | None = None) -> None:
        """Go on after ``turn``: the next one, the other protocol, silence, or the end."""
        self._turn = None
        self._deadline = self.loop.time() + (HEAD_TIMEOUT_S if self._is_in_head else KEEP_ALIVE_TIMEOUT_S)
        if (turn is not None and turn.is_last) or self._is_stopping or self._has_eof:
            self._close()
        elif self.is_full and (self._waiting or self._is_foreign):
            return
        elif self._waiting:
            self._begin(self._waiting.popleft())
        elif self._is_foreign:
            self._hand_over()
        elif self._is_deaf:
            self._close()
        else:
            self.listen()

    def _watch_head(self, received_bytes: int) -> None:
        """A part of a head came: neither its size nor its time is endless."""
        if not self._head_bytes and self._turn is None:
            self._deadline = self.loop.time() + HEAD_TIMEOUT_S
        # What came in one piece with the end of another request counts from the next piece on.
        self._head_bytes += received_bytes if self._head_bytes or self._raw is not None else 1
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(_HEAD_TOO_LARGE)

    def _is_head_too_large(self) -> bool:
        size = len(self._url) + sum(len(name) + len(value) for name, value in self._fields)
        return size > HEAD_BYTES_MAX

    def _refuse(self, status: int) -> None:
        """Understand nothing more: what is known is answered first, then this."""
        self._is_deaf = True
        incoming = self._incoming
        if incoming is not None and not incoming.is_over:
            incoming.spoil()
        elif incoming is not None:
            self._advance()
        elif self._turn is None and not self._waiting:
            self.write(render_refusal(status))
            self._close()

    def _hand_over(self) -> None:
        self._forget()
        transport, raw = self._transport, self._raw or b""
        foreign = self._station.make_foreign()
        transport.set_protocol(foreign)
        foreign.connection_made(transport)
        foreign.data_received(raw)
        self.listen()

    def _pause(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def _close(self) -> None:
        """Close; while the client may still be sending, only our side, so that it can read the answer."""
        transport = self._transport
        if transport.is_closing() or self._is_lingering:
            return
        may_be_sending = self._incoming is not None or (self._is_deaf and not self._has_eof)
        self._deadline = self.loop.time() + (LINGER_S if may_be_sending else KEEP_ALIVE_TIMEOUT_S)
        if may_be_sending and not self._is_stopping and transport.can_write_eof():
            self._is_deaf = self._is_lingering = True
            self._is_foreign = False
            transport.write_eof()
            self.listen()
        else:
            transport.close()

    def _forget(self) -> None:
        self._station.roster.connections.discard(self)
        self._station.lines.discard(self)
        self._parser = None
