"""Choices: which alerts an organization gets beside those of budgets and credit; else the defaults."""

from dataclasses import dataclass
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.notifications.quiet.errors import AlertChoiceError

SILENCE_HOURS_MAX = 720

_READ = """
    SELECT tells_anomalies, tells_price_changes, silence_hours FROM alert_choices WHERE organization_id = %s
"""
_WRITE = """
    INSERT INTO alert_choices
        (organization_id, tells_anomalies, tells_price_changes, silence_hours, changed_at, changed_by)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (organization_id) DO UPDATE SET tells_anomalies = excluded.tells_anomalies,
        tells_price_changes = excluded.tells_price_changes, silence_hours = excluded.silence_hours,
        changed_at = excluded.changed_at, changed_by = excluded.changed_by
"""


@dataclass(frozen=True, slots=True)
class AlertChoices:
    """What is told; ``silence_hours`` without any request are told of, None: never."""

    tells_anomalies: bool = True
    tells_price_changes: bool = True
    silence_hours: int | None = None


async def get_choices(connection: Connection, organization_id: UUID) -> AlertChoices:
    """What the organization chose, or the defaults."""
    row = await (await connection.execute(_READ, (organization_id,))).fetchone()
    return AlertChoices(*row) if row else AlertChoices()


async def set_choices(
    connection: Connection, organization_id: UUID, choices: AlertChoices, *, by: Actor
) -> None:
    """Choose what is told from now on; AlertChoiceError for hours that are none."""
    hours = choices.silence_hours
    if hours is not None and not 1 <= hours <= SILENCE_HOURS_MAX:
        raise AlertChoiceError(f"Silence is told of after 1 to {SILENCE_HOURS_MAX} hours, not after {hours}.")
    chosen = (choices.tells_anomalies, choices.tells_price_changes, hours)
    await connection.execute(_WRITE, (organization_id, *chosen, clock.now(), by.name))
    await record_audit(
        connection,
        by,
        "alerts.chosen",
        subject=str(organization_id),
        organization_id=organization_id,
        details={
            "tells_anomalies": choices.tells_anomalies,
            "tells_price_changes": choices.tells_price_changes,
            "silence_hours": hours,
        },
    )
