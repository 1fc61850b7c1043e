"""Counting: how many requests were sent back before anything was held, by hour, place, model and reason.

Not money: what a node that died had counted within its last seconds is missing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.explore.question import Question

LENGTH = timedelta(hours=24)
HOUR = timedelta(hours=1)
RATE_LIMITED = "rate_limited"

_READ = """
    SELECT hour_at, workspace_id, model, error_code, requests FROM refusal_rollups
    WHERE organization_id = %s AND hour_at > %s ORDER BY hour_at, workspace_id, model, error_code
"""
_COUNT = """
    SELECT coalesce(sum(requests), 0)::bigint FROM refusal_rollups
    WHERE organization_id = %(organization_id)s AND hour_at > %(after_at)s AND hour_at < %(ends_at)s
      AND error_code = %(code)s AND (%(models)s::text[] IS NULL OR model = ANY (%(models)s))
      AND (%(workspaces)s::text[] IS NULL OR workspace_id = ANY (%(workspaces)s))
"""


@dataclass(frozen=True, slots=True)
class RefusedHour:
    """Requests of one hour (UTC) that were sent back for one reason."""

    hour_at: datetime
    workspace_id: str
    model: str
    error_code: str
    requests: int


@dataclass(frozen=True, slots=True)
class Refusals:
    """What was sent back since ``since_at``."""

    since_at: datetime
    hours: tuple[RefusedHour, ...]

    @property
    def count(self) -> int:
        """How many requests, whatever the reason."""
        return sum(hour.requests for hour in self.hours)

    @property
    def by_code(self) -> Mapping[str, int]:
        """How many for each reason, the most frequent first."""
        counted: Counter[str] = Counter()
        for hour in self.hours:
            counted[hour.error_code] += hour.requests
        return dict(counted.most_common())


async def count_refusals(connection: Connection, organization_id: UUID, *, at: datetime) -> Refusals:
    """What was sent back in the hours of the last LENGTH before ``at``."""
    since_at = (at - LENGTH).replace(minute=0, second=0, microsecond=0)
    cursor = await connection.execute(_READ, (organization_id, since_at))
    return Refusals(since_at, tuple([RefusedHour(*row) for row in await cursor.fetchall()]))


async def count_rate_limited(connection: Connection, question: Question) -> int | None:
    """Requests that a rate limit sent back in the hours (UTC) that a question's stretch touches.

    None where it asks for a key or a tier, which nobody has noted of them.
    """
    if question.where.keys() - {"model", "workspace_id"}:
        return None
    cursor = await connection.execute(
        _COUNT,
        {
            "organization_id": question.organization_id,
            "after_at": question.stretch.starts_at - HOUR,
            "ends_at": question.stretch.ends_at,
            "code": RATE_LIMITED,
            "models": [*question.where["model"]] if "model" in question.where else None,
            "workspaces": [*question.where["workspace_id"]] if "workspace_id" in question.where else None,
        },
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0
