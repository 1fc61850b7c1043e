"""The values of the prompt-cache account. Positions count the blocks of a prompt from 0.

Order: tools, system, messages. A prefix is named by its length in blocks, so 0 is no prefix at all.
"""

from typing import Literal
from uuid import UUID

import msgspec

FIVE_MINUTES_S = 300
ONE_HOUR_S = 3600
BREAKPOINTS_MAX = 4
# The breakpoint itself is the first of them.
LOOKBACK_POSITIONS = 20

Section = Literal["tools", "system", "messages"]
MissReason = Literal[
    "model_changed",
    "system_changed",
    "tools_changed",
    "messages_changed",
    "previous_message_not_found",
    "unavailable",
]


class Scope(msgspec.Struct, frozen=True):
    """Whose cache: nothing is ever shared between two of these."""

    organization_id: UUID
    workspace_id: str
    model: str


class Breakpoint(msgspec.Struct, frozen=True):
    """A position up to which the prompt is to be cached, and for how long."""

    position: int
    ttl_s: int


class Entry(msgspec.Struct, frozen=True):
    """A cached prefix: its lifetime in seconds, and the second (of the epoch) in which it ends."""

    ttl_s: int
    expires_s: int


class Levels(msgspec.Struct, frozen=True):
    """How far the prompt was read, written for an hour, and written for five minutes: A ≤ B ≤ C.

    Each is the length of a prefix, in blocks.
    """

    read: int
    write_1h: int
    write_5m: int


class Split(msgspec.Struct, frozen=True):
    """The input tokens of one request in disjoint buckets; they sum to what the upstream reported."""

    input_tokens: int
    cache_creation_5m_input_tokens: int
    cache_creation_1h_input_tokens: int
    cache_read_input_tokens: int


class Miss(msgspec.Struct, frozen=True):
    """What broke a hit, and how many tokens were not read because of it; None where nobody knows."""

    type: MissReason
    missed_input_tokens: int | None = None
