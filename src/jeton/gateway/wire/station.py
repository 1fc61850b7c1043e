"""Station: what all connections of a server share, and the second hand that moves them on."""

import asyncio
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any, Protocol

from jeton.gateway.asgi import answer_count, answer_messages
from jeton.gateway.deps import GatewayDeps
from jeton.gateway.openai.answering import answer_chat
from jeton.gateway.wire.turn import Answer

ANSWERS: Mapping[bytes, Answer] = {
    b"/v1/messages": answer_messages,
    b"/v1/messages/count_tokens": answer_count,
    b"/v1/chat/completions": answer_chat,
}


class Roster(Protocol):
    """Who is connected and what runs, for the server that has to stop some day."""

    @property
    def connections(self) -> set[Any]:
        """Each has ``shutdown()``, and takes itself out when it is closed."""
        ...

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """Calls that are being answered."""
        ...


class Timed(Protocol):
    """A connection, as the second hand knows it."""

    def expire(self, now: float) -> None:
        """Close if what was due by ``now`` (the loop's clock, seconds) has not come."""
        ...


class Station:
    """One for each server; ``tick`` is to be called about once a second."""

    __slots__ = ("date", "deps", "lines", "loop", "make_foreign", "roster")

    def __init__(
        self,
        deps: GatewayDeps,
        roster: Roster,
        *,
        loop: asyncio.AbstractEventLoop,
        make_foreign: Callable[[], asyncio.Protocol],
    ) -> None:
        """``make_foreign`` makes the protocol that serves every other path."""
        self.deps = deps
        self.roster = roster
        self.loop = loop
        self.make_foreign = make_foreign
        self.lines: set[Timed] = set()
        self.date = b""
        self.tick()

    def tick(self) -> None:
        """Set the date, and close what has been silent for too long."""
        self.date = formatdate(time.time(), usegmt=True).encode()
        now = self.loop.time()
        for line in tuple(self.lines):
            line.expire(now)
