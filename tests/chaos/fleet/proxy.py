"""Proxy: a TCP connection that can be cut in every way in which networks are.

- ``pass``: everything goes through.
- ``silent``: connections stand, new ones are accepted, and no byte arrives any more, either way.
- ``half``: what the client sends arrives, what is answered does not.
- ``delay``: every byte arrives, each piece of them late.
- ``reset``: connections are reset, and new ones, too.
"""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["pass", "silent", "half", "delay", "reset"]
CUTS: tuple[Mode, ...] = ("silent", "half", "delay", "reset")
DELAY_S = 0.25
PIECE_BYTES = 65_536
# Whoever sends more than this into silence is slowed down, as by a full window.
SWALLOWED_BYTES_MAX = 1_000_000

_RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Proxy:
    """Listens on ``port`` in front of ``target_port``; ``mode`` counts from now on for every connection."""

    target_port: int
    port: int = 0
    mode: Mode = "pass"
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self) -> None:
        """Listen on some free port of 127.0.0.1."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Cut everything and stop listening."""
        self.set_mode("reset")
        if self._server is not None:
            self._server.close()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def set_mode(self, mode: Mode) -> None:
        """Cut, or mend. What was swallowed in between is lost: those connections are reset when mended."""
        was_lossy = self.mode in {"silent", "half"}
        self.mode = mode
        if mode == "reset" or (was_lossy and mode == "pass"):
            for writer in tuple(self._writers):
                _reset(writer)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        try:
            if self.mode == "reset":
                _reset(writer)
                return
            while self.mode == "silent":
                await self._changed.wait()
            away, into = await asyncio.open_connection("127.0.0.1", self.target_port)
            self._writers.add(into)
            try:
                there = asyncio.create_task(self._carry(reader, into, is_answer=False))
                back = asyncio.create_task(self._carry(away, writer, is_answer=True))
                await asyncio.wait([there, back], return_when=asyncio.ALL_COMPLETED)
            finally:
                self._writers.discard(into)
                into.close()
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        swallowed = 0
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE_BYTES):
                if self.mode == "delay":
                    await asyncio.sleep(DELAY_S)
                if self.mode == "silent" or (self.mode == "half" and is_answer):
                    swallowed += len(piece)
                    while swallowed > SWALLOWED_BYTES_MAX and self.mode in {"silent", "half"}:
                        await self._changed.wait()
                    continue
                writer.write(piece)
                await writer.drain()
        while self.mode in {"silent", "half"}:
            # The end of a connection is a packet, too.
            await self._changed.wait()
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport = writer.transport
    transport.abort()
