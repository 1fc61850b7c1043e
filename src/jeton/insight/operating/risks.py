"""Risks: what the operator should look at before more is sold to an organization, each with its numbers.

They are read off what is on record: documents that are late, disputes, a limit that is nearly used up, credit
that will not last, and usage sold below its cost. Nothing here is a guess about anybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from jeton.db.pool import Connection
from jeton.insight.operating.organizations import OrganizationRow

# Of a credit limit, in percent, from which it is nearly used up.
LIMIT_PERCENT = 90
# Credit that lasts for less at the month's average will not last.
LASTING_DAYS = 3

# What a document left open is its total less what was paid, credited and written off, as dollars at its rate.
_READ = """
    SELECT o.organization_id, o.arrears, coalesce(late.documents, 0) AS overdue_documents,
           late.due_on AS overdue_since_on, coalesce(late.nano, 0)::bigint AS overdue_nano,
           (SELECT count(*) FROM disputes AS q
            WHERE q.organization_id = o.organization_id AND q.state = 'open') AS open_disputes
    FROM organizations AS o
    LEFT JOIN LATERAL (
        SELECT count(*) AS documents, min(d.due_on) AS due_on,
               sum(d.total_nano * (d.total_minor - d.paid_minor - d.credited_minor - d.written_off_minor)
                   / d.total_minor) AS nano
        FROM documents AS d
        WHERE d.organization_id = o.organization_id AND d.state IN ('issued', 'overdue')
          AND d.kind <> 'credit_note' AND d.due_on < (%(at)s::timestamptz AT TIME ZONE d.zone)::date
          AND d.total_minor > d.paid_minor + d.credited_minor + d.written_off_minor
    ) AS late ON true
    WHERE o.organization_id = ANY (%(organization_ids)s)
"""

RiskCode = Literal["stopped", "limited", "overdue", "disputed", "limit_used", "runs_out", "below_cost"]


@dataclass(frozen=True, slots=True)
class Arrears:
    """What is late; ``overdue_nano`` is the open part of late documents, at the rate of their issue."""

    organization_id: UUID
    arrears: str
    overdue_documents: int
    overdue_since_on: date | None
    overdue_nano: int
    open_disputes: int


@dataclass(frozen=True, slots=True)
class Risk:
    """One of them; ``is_bad``: something is already wrong, and not only near."""

    code: RiskCode
    name: str
    is_bad: bool


async def read_arrears(
    connection: Connection, organization_ids: Sequence[UUID], at: datetime
) -> dict[UUID, Arrears]:
    """What is late of each of these organizations."""
    async with connection.cursor(row_factory=class_row(Arrears)) as cursor:
        await cursor.execute(_READ, {"organization_ids": list(organization_ids), "at": at})
        return {one.organization_id: one for one in await cursor.fetchall()}


def list_risks(row: OrganizationRow, arrears: Arrears, at: datetime) -> tuple[Risk, ...]:
    """The risks of one organization, the worst first."""
    found: list[Risk] = []
    if arrears.arrears == "stopped":
        found.append(Risk("stopped", "stopped: unpaid", is_bad=True))
    elif arrears.arrears:
        found.append(Risk("limited", "limited: unpaid", is_bad=True))
    if arrears.overdue_since_on is not None:
        days = (at.astimezone(UTC).date() - arrears.overdue_since_on).days
        found.append(Risk("overdue", f"overdue for {_count(days, 'day')}", is_bad=True))
    if arrears.open_disputes:
        found.append(Risk("disputed", _count(arrears.open_disputes, "open dispute"), is_bad=True))
    if row.margin_nano is not None and row.margin_nano < 0:
        found.append(Risk("below_cost", "sold below cost", is_bad=True))
    used_nano = row.accrued_nano + row.owed_nano
    if row.credit_limit_nano and used_nano * 100 >= row.credit_limit_nano * LIMIT_PERCENT:
        found.append(
            Risk("limit_used", f"{used_nano * 100 // row.credit_limit_nano} % of its limit", is_bad=False)
        )
    if _runs_out(row, at):
        found.append(Risk("runs_out", f"credit for less than {LASTING_DAYS} days", is_bad=False))
    return tuple(found)


def render_risks(risks: Sequence[Risk]) -> list[dict[str, object]]:
    """The risks as the page's twin has them."""
    return [{"code": risk.code, "name": risk.name, "is_bad": risk.is_bad} for risk in risks]


def _runs_out(row: OrganizationRow, at: datetime) -> bool:
    """Whether what is available would be gone in LASTING_DAYS at the average of the month so far."""
    days = at.astimezone(UTC).day
    return row.net_nano > 0 and row.available_nano * days < row.net_nano * LASTING_DAYS


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
