"""Usage events and their sums by the quarter of an hour: how the counts of a request are stored.

An event is written once, in the transaction that settles its charge; its request id is its
identity for ever (P3). Rollups are derived from settled events in the same transaction, so a
report never looks at single events.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

import msgspec

from jeton.usage import Bucket, Usage


class UsageEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """The stored record of one request's token counts; ``reported`` is the upstream's own JSON.

    A quarantined event has no counts (None): unknown is a state, never a zero (P8). Labels and
    ``thinking_tokens`` (of the output, those that were thought) came later than the others.
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
    end_user: str = ""
    tag: str = ""
    thinking_tokens: int | None = None


LONG_PROMPT_TOKENS = 200_000
QUARTER_MINUTES = 15


class Rollup(msgspec.Struct):
    """Sums of what is alike, of one quarter of an hour; amounts in nano.

    After the net amount comes that of each bucket, what lots that nobody paid for have paid of it, and what
    no lot has paid: what was drawn on the credit limit or is owed; and how much of the output was thought.
    Those of labels are summed once more, by themselves: only they have an end user or a tag.

    The database adds them to the quarter's row and to that of its UTC day.
    """

    organization_id: UUID
    quarter_at: datetime
    workspace_id: str
    key_id: str
    model: str
    service_tier: str
    inference_geo: str
    speed: str
    context_window: str
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
    input_nano: int = 0
    cache_creation_5m_nano: int = 0
    cache_creation_1h_nano: int = 0
    cache_read_nano: int = 0
    output_nano: int = 0
    web_search_nano: int = 0
    free_credit_nano: int = 0
    on_credit_nano: int = 0
    thinking_tokens: int = 0
    end_user: str | msgspec.UnsetType = msgspec.UNSET
    tag: str | msgspec.UnsetType = msgspec.UNSET


RollupKey = tuple[UUID, datetime, str, str, str, str, str, str, str]
LABEL_DIMENSIONS = ("end_user", "tag")

# What sums are kept by beside the organization and the time, and the sums.
ROLLUP_DIMENSIONS = (
    "workspace_id",
    "key_id",
    "model",
    "service_tier",
    "inference_geo",
    "speed",
    "context_window",
)
ROLLUP_SUMS = tuple(
    name
    for name in Rollup.__struct_fields__
    if name not in {"organization_id", "quarter_at", *ROLLUP_DIMENSIONS, *LABEL_DIMENSIONS}
)
# The sum of a bucket's net amounts.
BUCKET_SUMS: Mapping[Bucket, str] = MappingProxyType(
    {
        Bucket.INPUT: "input_nano",
        Bucket.CACHE_WRITE_5M: "cache_creation_5m_nano",
        Bucket.CACHE_WRITE_1H: "cache_creation_1h_nano",
        Bucket.CACHE_READ: "cache_read_nano",
        Bucket.OUTPUT: "output_nano",
        Bucket.WEB_SEARCH: "web_search_nano",
    }
)


def rollup_key(event: UsageEvent, usage: Usage) -> RollupKey:
    """What an event is summed under: the quarter of an hour (UTC) in which it occurred, and what it was."""
    at = event.occurred_at
    return (
        event.organization_id,
        at.replace(minute=at.minute // QUARTER_MINUTES * QUARTER_MINUTES, second=0, microsecond=0),
        event.workspace_id,
        event.key_id,
        event.model,
        event.service_tier,
        event.inference_geo,
        event.speed,
        find_context_window(usage),
    )


def find_context_window(usage: Usage) -> str:
    """How the Messages API's reports name the length of a prompt, cached or not."""
    return "200k-1M" if usage.prompt_tokens > LONG_PROMPT_TOKENS else "0-200k"


def add_usage(rollup: Rollup, usage: Usage) -> None:
    """Count one request; its amounts are the charge's affair."""
    rollup.requests += 1
    rollup.input_tokens += usage.input_tokens
    rollup.cache_creation_5m_input_tokens += usage.cache_creation_5m_input_tokens
    rollup.cache_creation_1h_input_tokens += usage.cache_creation_1h_input_tokens
    rollup.cache_read_input_tokens += usage.cache_read_input_tokens
    rollup.output_tokens += usage.output_tokens
    rollup.web_search_requests += usage.web_search_requests
    rollup.thinking_tokens += usage.thinking_tokens
