"""A receiver of webhooks on a real socket, and a clock that stands until it is turned."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from jeton.db.pool import Pool
from jeton.notifications.addresses import AddressRules
from jeton.notifications.alerts import Find
from jeton.notifications.mail import Mailer
from jeton.notifications.notifier import Notifier, NotifierTerms
from jeton.notifications.webhook import WebhookClient

PRIVATE = AddressRules(allows_private=True)


@dataclass(slots=True)
class Received:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Receiver:
    """Answers each request with the next of ``answers``, and the last one ever after."""

    answers: list[bytes]
    requests: list[Received] = field(default_factory=list)
    port: int = 0
    has_received: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hooks?of=jeton"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request and answer it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append(Received(head[0].split(" ")[1], headers, body))
        writer.write(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
        await writer.drain()
        writer.close()
        self.has_received.set()


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    """An HTTP answer."""
    lines = [f"HTTP/1.1 {status} Said", *headers, f"content-length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@asynccontextmanager
async def receive(*answers: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver that answers so; 204 without any."""
    receiver = Receiver(list(answers) or [answer(204)])
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver


@dataclass(slots=True)
class Clock:
    """The time of a test."""

    at: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The instant at which it stands."""
        return self.at

    def turn(self, **by: float) -> None:
        """Turn it forward."""
        self.at += timedelta(**by)


def make_notifier(
    pool: Pool,
    *,
    rules: AddressRules = PRIVATE,
    mailer: Mailer | None = None,
    finders: Sequence[Find] = (),
    operator_emails: tuple[str, ...] = (),
) -> Notifier:
    """A notifier without jitter."""
    return Notifier(
        pool,
        WebhookClient(rules, timeout_s=5),
        mailer=mailer,
        finders=finders,
        terms=NotifierTerms(operator_emails=operator_emails),
        draw=lambda: 0.0,
    )
