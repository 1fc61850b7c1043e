"""A connection with its client in memory: what it writes is kept, what it reads is fed by hand."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from httptools import HttpResponseParser
from tests.unit.gateway.fakes import BODY, DELTA, HEADERS, START, STOP, TEXT, Gateway, sse, stream_script

from jeton.gateway.wire.connection import Connection
from jeton.gateway.wire.station import Station

STREAM = {**BODY, "stream": True}
EVENTS = sse(START, TEXT, DELTA, STOP)


class Pipe(asyncio.Transport):
    """A transport that keeps what is written, and closes like a real one: a moment later."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: asyncio.BaseProtocol | None = None
        self.writes: list[bytes] = []
        self.written = asyncio.Event()
        self.reads = True
        self.has_said_all = self.is_aborted = False
        self.unsent_bytes = 0
        self._is_closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        assert not self._is_closing
        self.writes.append(bytes(data))
        self.written.set()

    def writelines(self, list_of_data: Any) -> None:  # noqa: ANN401 - as asyncio has it
        """Keep it as one write."""
        self.write(b"".join(list_of_data))

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Change who is told."""
        self.protocol = protocol

    def get_write_buffer_size(self) -> int:
        """What is set."""
        return self.unsent_bytes

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self._is_closing

    def pause_reading(self) -> None:
        """Note it."""
        self.reads = False

    def resume_reading(self) -> None:
        """Note it."""
        self.reads = True

    def can_write_eof(self) -> bool:
        """As TCP."""
        return True

    def write_eof(self) -> None:
        """Note it."""
        assert not self.has_said_all
        self.has_said_all = True
        self.written.set()

    def abort(self) -> None:
        """Close at once."""
        self.is_aborted = True
        self.close()

    def close(self) -> None:
        """Close."""
        if not self._is_closing:
            self._is_closing = True
            self.written.set()
            assert self.protocol is not None
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)


class Foreign(asyncio.Protocol):
    """The protocol for everything else: keeps what it is given."""

    def __init__(self) -> None:
        self.transport: asyncio.BaseTransport | None = None
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data


class Roster:
    """A server that is told who is there."""

    def __init__(self) -> None:
        self.connections: set[Any] = set()
        self.tasks: set[asyncio.Task[None]] = set()


@dataclass
class Heard:
    """One answer as a client understands it."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_whole: bool = False

    @property
    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """The body, decoded."""
        return msgspec.json.decode(self.body)


class Ear:
    """Parses answers."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.parser = HttpResponseParser(self)

    def on_message_begin(self) -> None:
        self.heard.append(Heard())

    def on_header(self, name: bytes, value: bytes) -> None:
        self.heard[-1].headers[name.decode()] = value.decode()

    def on_headers_complete(self) -> None:
        self.heard[-1].status = self.parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.heard[-1].body += body

    def on_message_complete(self) -> None:
        self.heard[-1].is_whole = True


class Line:
    """A connection with everything around it."""

    def __init__(self, gateway: Gateway | None = None) -> None:
        self.gateway = gateway or Gateway()
        self.roster = Roster()
        self.foreign: list[Foreign] = []
        loop = asyncio.get_running_loop()
        self.station = Station(self.gateway.deps, self.roster, loop=loop, make_foreign=self._make_foreign)
        self.pipe = Pipe()
        self.connection = Connection(self.station)
        self.pipe.protocol = self.connection
        self.connection.connection_made(self.pipe)

    def feed(self, data: bytes) -> None:
        """Let the client send, as far as anybody reads."""
        protocol = self.pipe.protocol
        assert isinstance(protocol, asyncio.Protocol)
        if not self.pipe.is_closing():
            protocol.data_received(data)

    def end_input(self) -> None:
        """Let the client close its side."""
        if not self.connection.eof_received():
            self.pipe.close()

    @property
    def written(self) -> bytes:
        """Everything that was written."""
        return b"".join(self.pipe.writes)

    @property
    def answers(self) -> list[Heard]:
        """What a client understands of it; a body without a length ends with the connection."""
        ear = Ear()
        ear.parser.feed_data(self.written)
        return [heard for heard in ear.heard if heard.status >= 200]

    async def until(self, data: bytes) -> None:
        """Wait until it is written."""
        while data not in self.written:
            self.pipe.written.clear()
            await self.pipe.written.wait()

    async def hear(self, count: int = 1) -> list[Heard]:
        """Wait for whole answers."""
        while sum(heard.is_whole for heard in self.answers) < count:
            self.pipe.written.clear()
            await self.pipe.written.wait()
        return self.answers

    async def settled(self) -> None:
        """Wait until nothing is being answered."""
        while self.roster.tasks:
            await asyncio.wait(set(self.roster.tasks))

    async def closed(self) -> None:
        """Wait for the end of the connection."""
        while not self.pipe.is_closing():
            self.pipe.written.clear()
            await self.pipe.written.wait()
        await asyncio.sleep(0)

    def _make_foreign(self) -> Foreign:
        self.foreign.append(Foreign())
        return self.foreign[-1]


def streaming() -> Gateway:
    """A gateway whose upstream streams EVENTS."""
    return Gateway(stream_script(*EVENTS))


def request(
    body: object = None,
    *,
    path: str = "/v1/messages",
    headers: Mapping[str, str] | None = None,
    version: str = "1.1",
    chunks: bool = False,
) -> bytes:
    """The bytes of a request; ``body`` is bytes or a value for JSON, sent whole or in chunks of ten."""
    data = body if isinstance(body, bytes) else msgspec.json.encode(BODY if body is None else body)
    fields = {"Host": "jeton", **(HEADERS if headers is None else headers)}
    if chunks:
        fields["Transfer-Encoding"] = "chunked"
        parts = [data[at : at + 10] for at in range(0, len(data), 10)]
        data = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    elif "content-length" not in fields:
        fields["Content-Length"] = str(len(data))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/{version}\r\n{lines}\r\n".encode() + data
