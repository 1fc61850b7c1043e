"""Usage events and their sums by day: how the counts of a request are stored.

An event is written once, in the transaction that settles its charge; its request id is its
identity for ever (P3). Rollups are derived from settled events in the same transaction, so a
report never looks at single events.
"""

from datetime import date, datetime
from uuid import UUID

import msgspec

from jeton.usage import Usage


class UsageEvent(msgspec.Struct, frozen=True):
    """The stored record of one request's token counts; ``reported`` is the upstream's own JSON.

    A quarantined event has no counts (None): unknown is a state, never a zero (P8).
    """

    request_id: str
    organization_id: UUID
    workspace_id: str
    key_id: str
    model: str
    upstream: str
    occurred_at: datetime
    input_tokens: int | None
    cache_creation_5m_input_tokens: int | None
    cache_creation_1h_input_tokens: int | None
    cache_read_input_tokens: int | None
    output_tokens: int | None
    web_search_requests: int | None
    service_tier: str
    inference_geo: str
    speed: str
    source: str
    state: str
    reported: msgspec.Raw


class Rollup(msgspec.Struct):
    """Sums of one organization, day, workspace, key, model and tier; amounts in nano."""

    organization_id: UUID
    day_on: date
    workspace_id: str
    key_id: str
    model: str
    service_tier: str
    requests: int = 0
    input_tokens: int = 0
    cache_creation_5m_input_tokens: int = 0
    cache_creation_1h_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    output_tokens: int = 0
    web_search_requests: int = 0
    list_nano: int = 0
    saved_batch_nano: int = 0
    saved_cache_nano: int = 0
    saved_tier_nano: int = 0
    saved_negotiated_nano: int = 0
    saved_promotion_nano: int = 0
    net_nano: int = 0


ROLLUP_KEY = ("organization_id", "day_on", "workspace_id", "key_id", "model", "service_tier")
ROLLUP_SUMS = tuple(name for name in Rollup.__struct_fields__ if name not in ROLLUP_KEY)


def rollup_key(event: UsageEvent) -> tuple[UUID, date, str, str, str, str]:
    """What an event is summed under; the day is the UTC day on which it occurred."""
    return (
        event.organization_id,
        event.occurred_at.date(),
        event.workspace_id,
        event.key_id,
        event.model,
        event.service_tier,
    )


def add_usage(rollup: Rollup, usage: Usage) -> None:
    """Count one request; its amounts are the charge's affair."""
    rollup.requests += 1
    rollup.input_tokens += usage.input_tokens
    rollup.cache_creation_5m_input_tokens += usage.cache_creation_5m_input_tokens
    rollup.cache_creation_1h_input_tokens += usage.cache_creation_1h_input_tokens
    rollup.cache_read_input_tokens += usage.cache_read_input_tokens
    rollup.output_tokens += usage.output_tokens
    rollup.web_search_requests += usage.web_search_requests
