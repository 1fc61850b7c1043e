"""Sending: a request through this installation's own gateway, as the Console is given it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that was sent and answered; its receipt is that of ``request_id``."""

    request_id: str
    status: int
    body: bytes


# A key's secret and a body of the Messages API.
SendMessage = Callable[[str, bytes], Awaitable[Sent]]
