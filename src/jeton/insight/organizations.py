"""Organizations as the operator sees them: how each one pays, what it has left and what it owes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.money import render_usd

ORGANIZATIONS_LISTED_MAX = 1_000

_LIST = """
    SELECT o.organization_id, o.name, o.kind, o.created_at, b.credit_limit_nano, b.accrued_nano,
           greatest(b.receivable_nano, 0) AS owed_nano, -b.held_nano AS held_nano,
           (SELECT coalesce(sum(left_nano), 0)::bigint FROM lots
            WHERE organization_id = o.organization_id AND is_open AND effective_at <= %(at)s
              AND (expires_at IS NULL OR expires_at > %(at)s)) AS lots_nano
    FROM organizations AS o JOIN balances AS b USING (organization_id)
    ORDER BY o.organization_id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class OrganizationBalance:
    """One organization; amounts in nano. ``accrued`` counts what is held on the credit limit, too."""

    organization_id: UUID
    name: str
    kind: str
    created_at: datetime
    credit_limit_nano: int
    accrued_nano: int
    owed_nano: int
    held_nano: int
    lots_nano: int


async def list_organization_balances(
    connection: Connection, *, limit: int = ORGANIZATIONS_LISTED_MAX
) -> list[OrganizationBalance]:
    """The first organizations, oldest first."""
    async with connection.cursor(row_factory=class_row(OrganizationBalance)) as cursor:
        await cursor.execute(_LIST, {"at": clock.now(), "limit": min(limit, ORGANIZATIONS_LISTED_MAX)})
        return await cursor.fetchall()


def render_organization(entry: OrganizationBalance) -> dict[str, object]:
    """The organization as JSON, amounts in dollars."""
    return {
        "id": str(entry.organization_id),
        "type": "organization",
        "name": entry.name,
        "kind": entry.kind,
        "created_at": entry.created_at.isoformat(),
        "available_in_lots": render_usd(entry.lots_nano),
        "held": render_usd(entry.held_nano),
        "credit_limit": render_usd(entry.credit_limit_nano),
        "accrued": render_usd(entry.accrued_nano),
        "owed": render_usd(entry.owed_nano),
    }
