"""A connection with its two ends in memory: what it writes is kept, what it reads is fed by hand."""

import asyncio
import socket
from dataclasses import dataclass, field

from jeton.upstreams.http.answer import Fields, HttpAnswer
from jeton.upstreams.http.connection import Connection
from jeton.upstreams.http.pace import Pace

HEAD = b"POST /v1/messages HTTP/1.1\r\ncontent-length: 2\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that keeps what is written; its socket is one end of a pair."""

    def __init__(self) -> None:
        super().__init__()
        self.ours, self.theirs = socket.socketpair()
        self.written = bytearray()
        self.is_open = True
        self.reads = True
        self.unsent_bytes = 0

    def get_extra_info(self, name: str, default: object = None) -> object:
        """The socket, or nothing."""
        return self.ours if name == "socket" else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep what is written."""
        self.written += data

    def get_write_buffer_size(self) -> int:
        """What is set."""
        return self.unsent_bytes

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return not self.is_open

    def is_reading(self) -> bool:
        """Whether it reads."""
        return self.reads

    def pause_reading(self) -> None:
        """Note it."""
        self.reads = False

    def resume_reading(self) -> None:
        """Note it."""
        self.reads = True

    def abort(self) -> None:
        """Note it."""
        self.is_open = False

    def close(self) -> None:
        """Close both ends."""
        self.abort()
        self.ours.close()
        self.theirs.close()


@dataclass
class Shelf:
    """An owner that keeps what it is told."""

    name: str = "u"
    kept: list[Connection] = field(default_factory=list)
    removed: list[Connection] = field(default_factory=list)

    def put(self, connection: Connection) -> None:
        """Keep what is given back."""
        self.kept.append(connection)

    def remove(self, connection: Connection) -> None:
        """Keep what is closed."""
        self.removed.append(connection)


class Line:
    """A connection with its wire and its owner."""

    def __init__(self, total_s: float = 60, pace: Pace | None = None) -> None:
        self.wire = Wire()
        self.shelf = Shelf()
        self.connection = Connection(self.shelf, asyncio.get_running_loop(), total_s=total_s, pace=pace)
        self.connection.connection_made(self.wire)

    def ask(self, body: bytes = b"{}") -> HttpAnswer:
        """Send a request."""
        return self.connection.ask(HEAD, body, select=select_type)

    @property
    def is_kept(self) -> bool:
        """Whether the connection was given back, open; if not, it must be closed and removed."""
        assert bool(self.shelf.kept) != bool(self.shelf.removed)
        assert self.wire.is_open == bool(self.shelf.kept)
        return bool(self.shelf.kept)


def select_type(fields: Fields) -> dict[str, str]:
    types = [value.decode() for name, value in fields if name.lower() == b"content-type"]
    return {"type": types[0]} if types else {}
