"""Spending of the UTC month by key and workspace, and of one key since an instant; net of what was reversed.

Every charge counts for the key and the workspace that it names, so a key that was moved counts in both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.errors import InvalidInputError

# Whole days of the rollups, less what was reversed of requests of these days.
_MONTH = """
    SELECT key_id, workspace_id, sum(requests)::bigint, sum(net_nano)::bigint FROM (
        SELECT key_id, workspace_id, requests, net_nano FROM usage_rollups
        WHERE organization_id = %(organization_id)s AND day_on >= %(from_on)s
        UNION ALL
        SELECT c.key_id, c.workspace_id, 0, -r.amount_nano
        FROM reversals AS r JOIN charges AS c USING (request_id)
        WHERE r.organization_id = %(organization_id)s AND r.reversed_at >= %(from_at)s
          AND c.held_at >= %(from_at)s
    ) AS rows GROUP BY key_id, workspace_id
"""
_SINCE = """
    SELECT sum_settled(%(organization_id)s, 'key', %(key_id)s, %(since)s, NULL),
           sum_held(%(organization_id)s, 'key', %(key_id)s, %(since)s, NULL)
"""
FIRST_AT = datetime(2020, 1, 1, tzinfo=UTC)


class InvalidInstantError(InvalidInputError):
    """An instant that is in the future, or before there was anything to count."""

    code = "invalid_instant"

    def __init__(self, at: datetime) -> None:
        """Name the instant."""
        super().__init__(f"{at:%Y-%m-%dT%H:%M:%SZ} is not an instant between 2020 and now.")


@dataclass(frozen=True, slots=True)
class Spending:
    """Settled requests and their net amount (nano)."""

    requests: int = 0
    net_nano: int = 0

    def __add__(self, other: "Spending") -> "Spending":
        """Both together."""
        return Spending(self.requests + other.requests, self.net_nano + other.net_nano)


@dataclass(frozen=True, slots=True)
class MonthSpending:
    """The UTC month that began on ``from_on``, until now."""

    from_on: date
    by_key: Mapping[str, Spending]
    by_workspace: Mapping[str, Spending]


@dataclass(frozen=True, slots=True)
class KeyCost:
    """What a key was charged since an instant, and what is held for requests in flight (nano)."""

    since: datetime
    as_of: datetime
    net_nano: int
    held_nano: int


async def read_month(connection: Connection, organization_id: UUID, *, at: datetime) -> MonthSpending:
    """The month of ``at`` so far; a key or workspace without a request has no entry."""
    from_at = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    cursor = await connection.execute(
        _MONTH, {"organization_id": organization_id, "from_on": from_at.date(), "from_at": from_at}
    )
    by_key: dict[str, Spending] = {}
    by_workspace: dict[str, Spending] = {}
    for key_id, workspace_id, requests, net_nano in await cursor.fetchall():
        one = Spending(requests, net_nano)
        by_key[key_id] = by_key.get(key_id, Spending()) + one
        by_workspace[workspace_id] = by_workspace.get(workspace_id, Spending()) + one
    return MonthSpending(from_at.date(), MappingProxyType(by_key), MappingProxyType(by_workspace))


async def read_key_cost(
    connection: Connection, organization_id: UUID, key_id: str, *, since: datetime
) -> KeyCost:
    """What requests held from ``since`` on cost; InvalidInstantError for an instant that cannot be."""
    as_of = clock.now()
    if not FIRST_AT <= since <= as_of:
        raise InvalidInstantError(since)
    cursor = await connection.execute(
        _SINCE, {"organization_id": organization_id, "key_id": key_id, "since": since}
    )
    row = await cursor.fetchone()
    net_nano, held_nano = row or (0, 0)
    return KeyCost(since, as_of, int(net_nano), int(held_nano))
