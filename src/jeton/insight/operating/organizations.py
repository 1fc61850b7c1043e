"""Organizations as the operator's pages list them: credit, the month so far, trial and margin.

Everything comes from balances, open lots and sums by day, so that a page costs the same whatever was before.
The margin is of those requests whose cost upstream is known; how many these are stands beside it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.errors import UnknownOrganizationError
from jeton.money import render_usd

PAGE_ROWS = 50
# Of an organization's one trial, as it is stored.
TRIAL_REASON = "trial"

OrganizationState = Literal["active", "suspended"]
TrialState = Literal["none", "waiting", "running", "used", "expired"]

# A name is searched for as a part of it, in every organization: a scan of some thousands of short rows.
_LIST = """
    WITH page AS MATERIALIZED (
        SELECT * FROM organizations AS o
        WHERE (%(search)s = '' OR strpos(lower(name), lower(%(search)s)) > 0
               OR organization_id::text = lower(%(search)s)
               OR EXISTS (SELECT FROM members AS m WHERE m.organization_id = o.organization_id
                          AND m.email = lower(%(search)s)))
          AND (%(kind)s = '' OR kind = %(kind)s)
          AND (NOT %(is_suspended)s OR suspended_at IS NOT NULL)
          AND (NOT %(is_overdue)s OR EXISTS (
              SELECT FROM documents AS d
              WHERE d.organization_id = o.organization_id AND d.state IN ('issued', 'overdue')
                AND d.kind <> 'credit_note' AND d.due_on < (%(at)s::timestamptz AT TIME ZONE d.zone)::date
                AND d.total_minor > d.paid_minor + d.credited_minor + d.written_off_minor))
          AND (%(only_id)s::uuid IS NULL OR organization_id = %(only_id)s)
          AND (%(before_id)s::uuid IS NULL OR organization_id < %(before_id)s)
        ORDER BY organization_id DESC LIMIT %(limit)s
    )
    SELECT p.organization_id, p.name, p.kind, p.created_at, p.suspended_at, p.suspended_reason,
           p.outage_cap_nano, b.credit_limit_nano, b.accrued_nano,
           greatest(b.receivable_nano, 0) AS owed_nano, -b.held_nano AS held_nano,
           l.lots_nano, u.requests, u.charged_nano - r.reversed_nano AS net_nano,
           c.cost_requests, c.cost_net_nano, c.cost_nano, c.unknown_requests,
           c.unknown_cost_nano,
           t.state AS trial_state, t.expires_at AS trial_expires_at, t.left_nano AS trial_left_nano
    FROM page AS p JOIN balances AS b USING (organization_id)
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(left_nano), 0)::bigint AS lots_nano FROM lots
        WHERE organization_id = p.organization_id AND is_open AND effective_at <= %(at)s
          AND (expires_at IS NULL OR expires_at > %(at)s)
    ) AS l
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(requests), 0)::bigint AS requests,
               coalesce(sum(net_nano), 0)::bigint AS charged_nano
        FROM usage_rollups WHERE organization_id = p.organization_id AND day_on >= %(since_on)s
    ) AS u
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(reversed_nano), 0)::bigint AS reversed_nano
        FROM reversal_rollups WHERE organization_id = p.organization_id AND day_on >= %(since_on)s
    ) AS r
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(requests), 0)::bigint AS cost_requests,
               coalesce(sum(net_nano), 0)::bigint AS cost_net_nano,
               coalesce(sum(cost_nano), 0)::bigint AS cost_nano,
               coalesce(sum(unknown_cost_nano), 0)::bigint AS unknown_cost_nano,
               coalesce(sum(unknown_requests), 0)::bigint AS unknown_requests
        FROM cost_rollups WHERE organization_id = p.organization_id AND day_on >= %(since_on)s
    ) AS c
    LEFT JOIN LATERAL (
        SELECT expires_at, left_nano,
               CASE WHEN expires_at <= %(at)s OR revoked_at IS NOT NULL THEN 'expired'
                    WHEN left_nano + held_nano = 0 THEN 'used'
                    WHEN expires_at IS NULL AND first_use_days IS NOT NULL THEN 'waiting'
                    ELSE 'running' END AS state
        FROM lots WHERE organization_id = p.organization_id AND reason = %(trial)s LIMIT 1
    ) AS t ON true
    ORDER BY p.organization_id DESC
"""


@dataclass(frozen=True, slots=True)
class OrganizationFilter:
    """Which organizations: ``search`` is a part of a name, an id or a member's e-mail; "" is every one."""

    search: str = ""
    kind: str = ""
    is_suspended: bool = False
    before_id: UUID | None = None
    is_overdue: bool = False


@dataclass(frozen=True, slots=True)
class OrganizationRow:
    """One organization; amounts in nano, ``requests`` and after since the first day of the month (UTC).

    ``cost_requests`` are the requests whose whole cost upstream is known: it is ``cost_nano``, and they were
    charged ``cost_net_nano`` before any reversal. Of ``unknown_requests`` only a part of the cost is known.
    """

    organization_id: UUID
    name: str
    kind: str
    created_at: datetime
    suspended_at: datetime | None
    suspended_reason: str
    outage_cap_nano: int
    credit_limit_nano: int
    accrued_nano: int
    owed_nano: int
    held_nano: int
    lots_nano: int
    requests: int
    net_nano: int
    cost_requests: int
    cost_net_nano: int
    cost_nano: int
    unknown_requests: int
    unknown_cost_nano: int
    trial_state: TrialState | None
    trial_expires_at: datetime | None
    trial_left_nano: int | None

    @property
    def state(self) -> OrganizationState:
        """Whether its requests are let through."""
        return "active" if self.suspended_at is None else "suspended"

    @property
    def available_nano(self) -> int:
        """What it can use now: lots, and what is left of a credit limit."""
        return self.lots_nano + max(0, self.credit_limit_nano - self.accrued_nano - self.owed_nano)

    @property
    def margin_nano(self) -> int | None:
        """What is left of the charges whose cost is known; None where none is."""
        return self.cost_net_nano - self.cost_nano if self.cost_requests else None


@dataclass(frozen=True, slots=True)
class OrganizationPage:
    """A page of organizations, newest first; ``since_on`` begins the month that they are summed over."""

    as_of: datetime
    since_on: date
    rows: tuple[OrganizationRow, ...]
    next_id: UUID | None


async def list_organization_rows(
    connection: Connection, wanted: OrganizationFilter, *, limit: int = PAGE_ROWS
) -> OrganizationPage:
    """A page of those that are wanted, at most PAGE_ROWS."""
    rows_max = min(limit, PAGE_ROWS)
    at, since_on, rows = await _read(connection, wanted, limit=rows_max + 1)
    page = tuple(rows[:rows_max])
    next_id = page[-1].organization_id if len(rows) > rows_max else None
    return OrganizationPage(at, since_on, page, next_id)


async def get_organization_row(connection: Connection, organization_id: UUID) -> OrganizationRow:
    """One organization as the list has it; UnknownOrganizationError."""
    _, _, rows = await _read(connection, OrganizationFilter(), limit=1, only_id=organization_id)
    if not rows:
        raise UnknownOrganizationError(organization_id)
    return rows[0]


async def _read(
    connection: Connection, wanted: OrganizationFilter, *, limit: int, only_id: UUID | None = None
) -> tuple[datetime, date, list[OrganizationRow]]:
    at = clock.now()
    since_on = at.astimezone(UTC).date().replace(day=1)
    async with connection.cursor(row_factory=class_row(OrganizationRow)) as cursor:
        await cursor.execute(
            _LIST,
            {
                "search": wanted.search,
                "kind": wanted.kind,
                "is_suspended": wanted.is_suspended,
                "is_overdue": wanted.is_overdue,
                "before_id": wanted.before_id,
                "only_id": only_id,
                "limit": limit,
                "at": at,
                "since_on": since_on,
                "trial": TRIAL_REASON,
            },
        )
        return at, since_on, await cursor.fetchall()


def render_organization_row(row: OrganizationRow) -> dict[str, object]:
    """The organization as the page's twin has it, amounts in dollars."""
    return {
        "id": str(row.organization_id),
        "type": "organization",
        "name": row.name,
        "kind": row.kind,
        "state": row.state,
        "created_at": row.created_at.isoformat(),
        "suspended_at": None if row.suspended_at is None else row.suspended_at.isoformat(),
        "suspended_reason": row.suspended_reason or None,
        "available": render_usd(row.available_nano),
        "available_in_lots": render_usd(row.lots_nano),
        "held": render_usd(row.held_nano),
        "credit_limit": render_usd(row.credit_limit_nano),
        "accrued": render_usd(row.accrued_nano),
        "owed": render_usd(row.owed_nano),
        "outage_cap": render_usd(row.outage_cap_nano),
        "month": {
            "requests": row.requests,
            "net_amount": render_usd(row.net_nano),
            "upstream_cost_known": render_usd(row.cost_nano + row.unknown_cost_nano),
            "requests_of_known_cost": row.cost_requests,
            "requests_of_unknown_cost": row.unknown_requests,
            "charged_of_known_cost": render_usd(row.cost_net_nano),
            "margin_of_known_cost": None if row.margin_nano is None else render_usd(row.margin_nano),
        },
        "trial": {
            "state": row.trial_state or "none",
            "left": None if row.trial_left_nano is None else render_usd(row.trial_left_nano),
            "expires_at": None if row.trial_expires_at is None else row.trial_expires_at.isoformat(),
        },
    }
