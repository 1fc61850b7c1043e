"""Minutes: what other limits would have met, and what would have made a burst fit. From sums by minute.

A limit is a bucket that holds one minute's worth, so by the minutes of the clock it lets through its own
number in each: what is more than that is said to exceed it. A bucket itself may let a little more pass, and
what was sent back in a minute is counted there as often as it was tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from jeton.db.pool import Connection
from jeton.limits.words import Kind, Limits

LENGTH = timedelta(days=30)
BURSTS_MAX = 20
_WHOLE_PPM = 1_000_000

_PLACE = """
    organization_id = %(organization_id)s AND minute_at >= %(since_at)s AND minute_at <= %(at)s
    AND model = ANY (%(models)s) AND (%(workspace_id)s::text IS NULL OR workspace_id = %(workspace_id)s)
"""
_SUMS = """
    sum(requests)::bigint AS requests, sum(input_tokens)::bigint AS input_tokens,
    sum(output_tokens)::bigint AS output_tokens, sum(limited)::bigint AS limited
"""
_SIMULATE = f"""
    WITH minutes AS (SELECT minute_at, {_SUMS} FROM minute_rollups WHERE {_PLACE} GROUP BY minute_at)
    SELECT count(*) AS minutes, coalesce(sum(requests), 0)::bigint AS requests,
        coalesce(max(requests), 0) AS requests_peak, coalesce(max(input_tokens), 0) AS input_tokens_peak,
        coalesce(max(output_tokens), 0) AS output_tokens_peak, coalesce(sum(limited), 0)::bigint AS limited,
        count(*) FILTER (WHERE requests > %(requests)s::bigint) AS requests_over,
        count(*) FILTER (WHERE input_tokens > %(input_tokens)s::bigint) AS input_tokens_over,
        count(*) FILTER (WHERE output_tokens > %(output_tokens)s::bigint) AS output_tokens_over,
        count(*) FILTER (WHERE coalesce(requests > %(requests)s::bigint, false)
            OR coalesce(input_tokens > %(input_tokens)s::bigint, false)
            OR coalesce(output_tokens > %(output_tokens)s::bigint, false)) AS over,
        coalesce(sum(greatest(
            CASE WHEN requests > %(requests)s::bigint THEN requests - %(requests)s::bigint ELSE 0 END,
            CASE WHEN input_tokens > %(input_tokens)s::bigint THEN
                (requests * (input_tokens - %(input_tokens)s::bigint) + input_tokens - 1) / input_tokens
                ELSE 0 END,
            CASE WHEN output_tokens > %(output_tokens)s::bigint THEN
                (requests * (output_tokens - %(output_tokens)s::bigint) + output_tokens - 1) / output_tokens
                ELSE 0 END
        )), 0)::bigint AS waiting
    FROM minutes
"""  # noqa: S608 - our own text
_BURSTS = """
    WITH bursts AS (
        SELECT minute_at, sum(limited) AS limited FROM minute_rollups
        WHERE organization_id = %(organization_id)s AND minute_at >= %(since_at)s AND limited > 0
        GROUP BY minute_at ORDER BY sum(limited) DESC, minute_at DESC LIMIT %(bursts_max)s
    )
    SELECT r.minute_at, r.workspace_id, r.model, r.requests, r.input_tokens, r.output_tokens, r.limited
    FROM bursts AS b JOIN minute_rollups AS r USING (minute_at)
    WHERE r.organization_id = %(organization_id)s
    ORDER BY b.limited DESC, b.minute_at DESC
"""


@dataclass(frozen=True, slots=True)
class LimitPlace:
    """A group's models in an organization, or in one of its workspaces alone."""

    organization_id: UUID
    models: tuple[str, ...]
    workspace_id: str | None = None


@dataclass(frozen=True, slots=True)
class Simulation:
    """What limits would have met since ``LENGTH`` ago: minutes that exceed them, and the most in a minute.

    ``waiting`` is how many requests would have had to wait, by the share of each minute that exceeds;
    ``limited`` is how many were really sent back, whose size nobody knows.
    """

    minutes: int
    requests: int
    requests_peak: int
    input_tokens_peak: int
    output_tokens_peak: int
    limited: int
    requests_over: int
    input_tokens_over: int
    output_tokens_over: int
    over: int
    waiting: int

    def find_peak(self, kind: Kind) -> int:
        """The most of a kind in one minute."""
        peaks: dict[Kind, int] = {
            "requests": self.requests_peak,
            "input_tokens": self.input_tokens_peak,
            "output_tokens": self.output_tokens_peak,
        }
        return peaks[kind]

    def find_over(self, kind: Kind) -> int:
        """How many minutes exceed the limit of a kind."""
        over: dict[Kind, int] = {
            "requests": self.requests_over,
            "input_tokens": self.input_tokens_over,
            "output_tokens": self.output_tokens_over,
        }
        return over[kind]


@dataclass(frozen=True, slots=True)
class Counted:
    """One minute of a model in a workspace, or of a place: what passed, and how many were sent back."""

    minute_at: datetime
    workspace_id: str
    model: str
    requests: int
    input_tokens: int
    output_tokens: int
    limited: int


@dataclass(frozen=True, slots=True)
class Burst:
    """A minute with refusals, and what would have made all of it fit under the limits in force.

    What was sent back is supposed to be like what was let through. ``batched``: so many requests as a batch,
    which limits do not count. ``cached_ppm``: that part of the input read from the cache instead, None where
    input was not short; it is enough where ``is_input_alone``.
    """

    counted: Counted
    asked: int
    batched: int
    cached_ppm: int | None
    is_input_alone: bool

    @property
    def is_close(self) -> bool:
        """Whether the whole minute would have fitted: it came too soon after the one before."""
        return not self.batched


async def simulate(connection: Connection, place: LimitPlace, limits: Limits, *, at: datetime) -> Simulation:
    """What these limits would have met in the last 30 days; a kind without one meets nothing."""
    parameters: dict[str, Any] = {
        "organization_id": place.organization_id,
        "since_at": at - LENGTH,
        "at": at,
        "models": list(place.models),
        "workspace_id": place.workspace_id,
        "requests": limits.requests,
        "input_tokens": limits.input_tokens,
        "output_tokens": limits.output_tokens,
    }
    async with connection.cursor(row_factory=class_row(Simulation)) as cursor:
        found = await (await cursor.execute(_SIMULATE, parameters)).fetchone()
    return found or Simulation(*(0,) * 11)


async def list_minutes_of_bursts(
    connection: Connection, organization_id: UUID, *, at: datetime
) -> list[Counted]:
    """Everything of the minutes of the last 30 days in which most was sent back, the most first."""
    parameters = {"organization_id": organization_id, "since_at": at - LENGTH, "bursts_max": BURSTS_MAX}
    async with connection.cursor(row_factory=class_row(Counted)) as cursor:
        return await (await cursor.execute(_BURSTS, parameters)).fetchall()


def find_bursts(counted: Sequence[Counted], place: LimitPlace, limits: Limits) -> list[Burst]:
    """Of these minutes the bursts of a place, and what would have made each fit under its limits."""
    minutes: dict[datetime, Counted] = {}
    for one in counted:
        if one.model in place.models and place.workspace_id in {None, one.workspace_id}:
            before = minutes.get(one.minute_at)
            minutes[one.minute_at] = one if before is None else _add(before, one)
    return [fit_burst(minute, limits) for minute in minutes.values() if minute.limited]


def fit_burst(counted: Counted, limits: Limits) -> Burst:
    """What would have made a minute fit: 30 let through and 10 sent back under a limit of 30 need 10 batched.

    With 60,000 input tokens counted for those 30, the 40 come to 80,000; under a limit of 60,000 a quarter of
    that would have had to be read from the cache.
    """
    asked = counted.requests + counted.limited
    wanted: dict[Kind, int] = {
        "requests": asked,
        "input_tokens": _scale(counted.input_tokens, asked, counted.requests),
        "output_tokens": _scale(counted.output_tokens, asked, counted.requests),
    }
    excess = {
        kind: wanted[kind] - limit
        for kind, limit in limits.by_kind
        if limit is not None and wanted[kind] > limit
    }
    batched = max((-(-asked * over // wanted[kind]) for kind, over in excess.items()), default=0)
    input_excess = excess.get("input_tokens")
    cached_ppm = None if input_excess is None else -(-input_excess * _WHOLE_PPM // wanted["input_tokens"])
    return Burst(counted, asked, batched, cached_ppm, is_input_alone=set(excess) == {"input_tokens"})


def _add(one: Counted, other: Counted) -> Counted:
    return replace(
        one,
        requests=one.requests + other.requests,
        input_tokens=one.input_tokens + other.input_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        limited=one.limited + other.limited,
    )


def _scale(count: int, asked: int, let_through: int) -> int:
    return -(-count * asked // let_through) if let_through else 0
