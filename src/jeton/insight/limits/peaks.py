"""Peaks: of each hour the busiest minute, as rate limits count: cache reads do not count, batches neither.

Minutes are those of the clock, so what a limit saw may have been a little more: a bucket knows no minutes.
They are read from what is written minute by minute, and the latest from the requests themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from jeton.db.pool import Connection

LENGTH = timedelta(hours=24)
HOUR = timedelta(hours=1)
# Minutes are written when they are over; until then, and some more for that, their requests are counted.
UNWRITTEN = timedelta(minutes=2)
# So many of those requests, the newest.
SCANNED_MAX = 10_000

_READ = """
    WITH scanned AS (
        SELECT request_id, workspace_id, model, held_at FROM charges
        WHERE organization_id = %(organization_id)s AND held_at >= %(written_until)s
        ORDER BY held_at DESC LIMIT %(scanned_max)s
    ), counted AS (
        SELECT workspace_id, model, minute_at, requests, input_tokens, output_tokens FROM minute_rollups
        WHERE organization_id = %(organization_id)s
            AND minute_at >= %(since_at)s AND minute_at < %(written_until)s
        UNION ALL
        SELECT s.workspace_id, s.model, date_trunc('minute', s.held_at, 'UTC'), count(*),
            coalesce(sum(u.input_tokens + u.cache_creation_5m_input_tokens
                         + u.cache_creation_1h_input_tokens), 0),
            coalesce(sum(u.output_tokens), 0)
        FROM scanned AS s LEFT JOIN usage_events AS u USING (request_id)
        WHERE u.service_tier IS DISTINCT FROM 'batch'
        GROUP BY 1, 2, 3
    ), minutes AS (
        SELECT c.workspace_id, coalesce(g.name, c.model) AS name, c.minute_at, sum(c.requests) AS requests,
            sum(c.input_tokens) AS input_tokens, sum(c.output_tokens) AS output_tokens
        FROM counted AS c
        LEFT JOIN unnest(%(models)s::text[], %(names)s::text[]) AS g (model, name) ON g.model = c.model
        GROUP BY GROUPING SETS ((2, 3), (1, 2, 3))
    )
    SELECT workspace_id, name, date_trunc('hour', minute_at, 'UTC'), max(requests)::bigint,
        max(input_tokens)::bigint, max(output_tokens)::bigint
    FROM minutes GROUP BY 1, 2, 3 HAVING max(requests) > 0 ORDER BY 3
"""


@dataclass(frozen=True, slots=True)
class Peak:
    """The most in one minute, of each kind by itself."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def reach(self, other: "Peak") -> "Peak":
        """The higher of each kind."""
        return Peak(
            max(self.requests, other.requests),
            max(self.input_tokens, other.input_tokens),
            max(self.output_tokens, other.output_tokens),
        )


NO_PEAK = Peak()
# Workspace id, or None for the organization, and group.
Place = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class Peaks:
    """By place the peak of each hour that had one, from ``since_at`` on."""

    since_at: datetime
    hours: Mapping[Place, Mapping[datetime, Peak]]

    def find_highest(self, workspace_id: str | None, group: str) -> Peak:
        """The highest of all hours."""
        highest = NO_PEAK
        for peak in self.hours.get((workspace_id, group), {}).values():
            highest = highest.reach(peak)
        return highest


async def find_peaks(
    connection: Connection, organization_id: UUID, groups: Mapping[str, str], *, at: datetime
) -> Peaks:
    """Peaks of the last 24 hours; ``groups`` has the group of each model."""
    since_at = at - LENGTH
    parameters = {
        "organization_id": organization_id,
        "since_at": since_at,
        "written_until": at.replace(second=0, microsecond=0) - UNWRITTEN,
        "scanned_max": SCANNED_MAX,
        "models": list(groups),
        "names": list(groups.values()),
    }
    hours: dict[Place, dict[datetime, Peak]] = {}
    for workspace_id, group, hour_at, *counts in await (
        await connection.execute(_READ, parameters)
    ).fetchall():
        hours.setdefault((workspace_id, group), {})[hour_at] = Peak(*counts)
    return Peaks(since_at, hours)
