"""Peaks: of each hour the busiest minute, as rate limits count: cache reads do not count, batches neither.

Minutes are those of the clock, so what a limit saw may have been a little more: a bucket knows no minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from jeton.db.pool import Connection

LENGTH = timedelta(hours=24)
HOUR = timedelta(hours=1)
# So many requests are looked at, the newest; a busy organization has peaks of fewer hours.
SCANNED_MAX = 10_000

_READ = """
    WITH scanned AS (
        SELECT request_id, workspace_id, model, held_at FROM charges
        WHERE organization_id = %(organization_id)s AND held_at >= %(since_at)s
        ORDER BY held_at DESC LIMIT %(scanned_max)s
    ), counted AS (
        SELECT s.workspace_id, s.model, date_trunc('minute', s.held_at) AS minute_at, count(*) AS requests,
            coalesce(sum(u.input_tokens + u.cache_creation_5m_input_tokens
                         + u.cache_creation_1h_input_tokens), 0) AS input_tokens,
            coalesce(sum(u.output_tokens), 0) AS output_tokens
        FROM scanned AS s LEFT JOIN usage_events AS u USING (request_id)
        WHERE u.service_tier IS DISTINCT FROM 'batch'
        GROUP BY 1, 2, 3
    )
    SELECT n.scanned_count, n.oldest_at, c.* FROM (
        SELECT count(*) AS scanned_count, min(held_at) AS oldest_at FROM scanned
    ) AS n LEFT JOIN counted AS c ON true
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

    def add(self, other: "Peak") -> "Peak":
        """Both in the same minute."""
        return Peak(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
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
    parameters = {
        "organization_id": organization_id,
        "since_at": at - LENGTH,
        "scanned_max": SCANNED_MAX,
    }
    rows = await (await connection.execute(_READ, parameters)).fetchall()
    scanned_count, oldest_at = rows[0][:2]
    since_at = oldest_at if scanned_count == SCANNED_MAX else at - LENGTH
    minutes: dict[tuple[Place, datetime], Peak] = {}
    for workspace_id, model, minute_at, *counts in (row[2:] for row in rows):
        if minute_at is None:
            continue
        counted = Peak(*map(int, counts))
        group = groups.get(model, model)
        for place in ((None, group), (workspace_id, group)):
            key = (place, minute_at)
            minutes[key] = minutes.get(key, NO_PEAK).add(counted)
    return Peaks(since_at, _find_hours(minutes))


def _find_hours(minutes: Mapping[tuple[Place, datetime], Peak]) -> dict[Place, dict[datetime, Peak]]:
    hours: dict[Place, dict[datetime, Peak]] = {}
    for (place, minute_at), peak in sorted(minutes.items(), key=lambda pair: pair[0][1]):
        hour_at = minute_at.replace(minute=0)
        of_place = hours.setdefault(place, {})
        of_place[hour_at] = of_place.get(hour_at, NO_PEAK).reach(peak)
    return hours
