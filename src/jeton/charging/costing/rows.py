"""Rows: how what was tried for a request is stored."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from jeton.db.channel import Channel

# Stored: chosen as if for ever.
Outcome = Literal["answered", "refused", "failed", "broken_off", "unreachable", "timed_out", "abandoned"]


class CostLine(msgspec.Struct, frozen=True):
    """One bucket at the upstream's own price; amounts in nano."""

    bucket: str
    quantity: int
    list_nano: int
    net_nano: int


class AttemptRow(msgspec.Struct, frozen=True):
    """One try as it is stored; amounts in nano."""

    request_id: str
    attempt: int
    organization_id: UUID
    model: str
    upstream: str
    outcome: Outcome
    status: int
    started_at: datetime
    first_byte_ms: int
    usage: dict[str, int] | None
    price_version_id: str | None
    price_digest: str | None
    lines: list[CostLine]
    cost_nano: int | None


def queue_attempts(channel: Channel, rows: Sequence[AttemptRow]) -> None:
    """Have rows written with the transaction that ends their requests' holds; nothing for none."""
    if rows:
        channel.queue("SELECT write_upstream_attempts($1)", msgspec.json.encode(rows).decode())
