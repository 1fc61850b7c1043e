"""Wire: what the relay needs of a connection, so that the server under it can be changed.

A request's head comes in as raw header pairs; bytes go out through a ``Wire``. ``interruptible``
is the one place where a client's leaving, or the end of the hold's validity, stops the wait for
an upstream.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from jeton.errors import JetonError
from jeton.gateway.envelope import Headers
from jeton.gateway.errors import ClientLeftError, ExchangeTimeoutError

BEARER = b"bearer "


class Wire(Protocol):
    """The way back to one client. A client that left takes bytes silently."""

    @property
    def has_started(self) -> bool:
        """Whether a status went out."""
        ...

    @property
    def has_left(self) -> bool:
        """Whether the client is known to be gone."""
        ...

    def on_leave(self, callback: Callable[[], None] | None) -> None:
        """Have ``callback`` called when the client leaves; None takes that back."""
        ...

    async def start(self, status: int, headers: Headers) -> None:
        """Begin the answer."""
        ...

    async def send(self, data: bytes) -> None:
        """Send a part of the body; waits while the client is slow."""
        ...

    async def finish(self, data: bytes) -> None:
        """Send the last part and end the answer."""
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """What the gateway reads of a request's headers; absent ones are empty."""

    secret: str
    api_version: str
    beta: str
    workspace_id: str
    content_length: int


def read_head(pairs: Collection[tuple[bytes, bytes]]) -> Head:
    """Read the headers (names in lower case); ``x-api-key`` goes before ``authorization``."""
    found = dict(pairs)
    secret = found.get(b"x-api-key", b"")
    if not secret:
        bearer = found.get(b"authorization", b"")
        if bearer[: len(BEARER)].lower() == BEARER:
            secret = bearer[len(BEARER) :].strip()
    beta = b""
    if b"anthropic-beta" in found:
        # The one header that may be repeated.
        beta = b",".join(value for name, value in pairs if name == b"anthropic-beta")
    length = found.get(b"content-length", b"")
    return Head(
        secret=secret.decode("latin-1"),
        api_version=found.get(b"anthropic-version", b"").decode("latin-1"),
        beta=beta.decode("latin-1"),
        workspace_id=found.get(b"anthropic-workspace-id", b"").decode("latin-1"),
        content_length=int(length) if length.isdigit() else 0,
    )


@contextmanager
def interruptible(wire: Wire, *, deadline: float, follows_client: bool) -> Iterator[None]:
    """Stop what the body awaits at ``deadline`` (the loop's clock), or when the client leaves.

    Raises ExchangeTimeoutError or ClientLeftError in its place. Only the wait for an upstream
    stands inside; a hold or a settlement never does.
    """
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError
    reasons: list[JetonError] = []

    def interrupt(reason: JetonError) -> None:
        if not reasons:
            reasons.append(reason)
            task.cancel()

    if follows_client:
        if wire.has_left:
            raise ClientLeftError
        wire.on_leave(lambda: interrupt(ClientLeftError()))
    timer = asyncio.get_running_loop().call_at(deadline, lambda: interrupt(ExchangeTimeoutError()))
    try:
        yield
    except (asyncio.CancelledError, JetonError) as error:
        # Our own interruption is taken back; one from outside (shutdown) goes on.
        if not reasons or task.uncancel() > 0:
            raise
        raise reasons[0] from error
    finally:
        timer.cancel()
        wire.on_leave(None)
