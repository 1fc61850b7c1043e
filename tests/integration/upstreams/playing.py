"""A server that plays a script on each connection, on a real socket of this process."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import msgspec

from jeton.upstreams.interface import Ask, MessagesRequest

PATIENCE_S = 5
BODY = b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"Hello"}]}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello"
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def ask(body: bytes = BODY, headers: dict[str, str] | None = None) -> Ask:
    return Ask("req_1", msgspec.json.decode(BODY, type=MessagesRequest), body, headers or {})


@dataclass
class Talk:
    """The server's side of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def take_head(self) -> bytes:
        """The head of a request."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def take(self) -> bytes:
        """A whole request."""
        head = await self.take_head()
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head + await self.reader.readexactly(length)

    async def say(self, data: bytes) -> None:
        """Send."""
        self.writer.write(data)
        await self.writer.drain()

    async def be_left(self) -> None:
        """Wait until the client closes the connection."""
        with suppress(ConnectionError):
            while await self.reader.read(65_536):
                continue

    async def leave(self) -> None:
        """Close the connection."""
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


Script = Callable[[Talk], Awaitable[None]]


@dataclass
class Peer:
    """The server, and the tasks of its connections in the order they came."""

    port: int = 0
    talks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def finish(self, count: int) -> None:
        """Wait for the scripts of ``count`` connections, which must have come by now."""
        assert len(self.talks) == count
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*self.talks)


@asynccontextmanager
async def playing(*scripts: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """Serve; the first connection gets the first script, and the last script all that come later."""
    peer = Peer()

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        script = scripts[min(len(peer.talks), len(scripts) - 1)]
        peer.talks.append(task)
        try:
            await script(Talk(reader, writer))
        finally:
            writer.close()

    server = await asyncio.start_server(play, "127.0.0.1", 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for talk in peer.talks:
            talk.cancel()
        await asyncio.gather(*peer.talks, return_exceptions=True)


async def answer_always(talk: Talk) -> None:
    """Answer each request until the client leaves."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await talk.take()
            await talk.say(ANSWER)
