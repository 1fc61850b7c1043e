"""Attempts: what was tried for one request, upstream by upstream, in the order of trying."""

from datetime import datetime
from typing import Literal

import msgspec

# Stored: chosen as if for ever. ``open`` is an attempt nobody has seen the end of.
AttemptOutcome = Literal[
    "open",
    "answered",
    "refused",
    "failed",
    "unreachable",
    "timed_out",
    "abandoned",
]


class Attempt(msgspec.Struct):
    """One try at one upstream; ``status`` is its HTTP status, 0 if it gave none.

    ``abandoned``: whoever asked was gone before an answer began. ``first_byte_ms`` is from the asking
    to the first byte of an answer, or to the moment at which none was expected any more.
    """

    upstream: str
    started_at: datetime
    outcome: AttemptOutcome = "open"
    status: int = 0
    first_byte_ms: int = 0
