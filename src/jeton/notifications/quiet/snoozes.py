"""Snoozes: until when alerts are only shown, and sent to nobody: all of them, or those of a budget."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row

from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.notifications.quiet.errors import AlertChoiceError

SNOOZE_MAX = timedelta(days=31)
# Every alert.
EVERYTHING = ""
ABOUT_CHARS_MAX = 100

_LIST = """
    SELECT about, snoozed_until, snoozed_at, snoozed_by FROM alert_snoozes
    WHERE organization_id = %s AND snoozed_until > %s ORDER BY about
"""
_WRITE = """
    INSERT INTO alert_snoozes (organization_id, about, snoozed_until, snoozed_at, snoozed_by)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (organization_id, about) DO UPDATE SET snoozed_until = excluded.snoozed_until,
        snoozed_at = excluded.snoozed_at, snoozed_by = excluded.snoozed_by
"""
_IS_SNOOZED = """
    SELECT EXISTS (SELECT FROM alert_snoozes
        WHERE organization_id = %s AND about = ANY (%s) AND snoozed_until > %s)
"""


@dataclass(frozen=True, slots=True)
class Snooze:
    """Alerts that are not sent: ``about`` a budget, by its id, or EVERYTHING."""

    about: str
    snoozed_until: datetime
    snoozed_at: datetime
    snoozed_by: str


async def list_snoozes(connection: Connection, organization_id: UUID, *, at: datetime) -> list[Snooze]:
    """Those that are not over at ``at``."""
    async with connection.cursor(row_factory=class_row(Snooze)) as cursor:
        await cursor.execute(_LIST, (organization_id, at))
        return await cursor.fetchall()


async def snooze(
    connection: Connection, organization_id: UUID, about: str, *, until: datetime, by: Actor, at: datetime
) -> None:
    """Have alerts sent to nobody until then; ``at`` ends a snooze. AlertChoiceError beyond SNOOZE_MAX."""
    if until - at > SNOOZE_MAX:
        raise AlertChoiceError(f"Alerts are snoozed for {SNOOZE_MAX.days} days at most.")
    if len(about) > ABOUT_CHARS_MAX or not about.isprintable():
        raise AlertChoiceError("Alerts are snoozed of a budget, by its id, or all of them.")
    await connection.execute(_WRITE, (organization_id, about, until, at, by.name))
    await record_audit(
        connection,
        by,
        "alerts.snoozed",
        subject=about or str(organization_id),
        organization_id=organization_id,
        details={"until": until.isoformat(timespec="seconds")},
    )


async def is_snoozed(
    connection: Connection, organization_id: UUID | None, data: object, *, at: datetime
) -> bool:
    """Whether an alert with these stored data is to be sent to nobody."""
    if organization_id is None:
        return False
    budget_id = data.get("budget_id") if isinstance(data, dict) else None
    abouts = [EVERYTHING, *([str(budget_id)] if budget_id else [])]
    row = await (await connection.execute(_IS_SNOOZED, (organization_id, abouts, at))).fetchone()
    return bool(row and row[0])
