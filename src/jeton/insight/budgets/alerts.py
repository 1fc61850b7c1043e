"""Alerts: what an organization was told of its budgets and credit, newest first, and whether it arrived."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.deliveries import Page, list_events
from jeton.notifications.catalogue import TYPES, UnknownEventDataError, read_data
from jeton.notifications.quiet.choices import AlertChoices
from jeton.notifications.quiet.snoozes import Snooze

ALERTS_MAX = 20
# So many events are looked through for them.
EVENTS_READ_MAX = 200


@dataclass(frozen=True, slots=True)
class FiredAlert:
    """One alert: of ``deliveries`` mails and webhooks ``delivered`` arrived, ``given_up`` never will."""

    event_id: str
    type: str
    subject: str
    sentence: str
    occurred_at: datetime
    deliveries: int
    delivered: int
    given_up: int


async def list_alerts(connection: Connection, organization_id: UUID) -> list[FiredAlert]:
    """The newest alerts; letters and tests of webhooks are none."""
    found = []
    for event in await list_events(connection, organization_id, Page(limit=EVENTS_READ_MAX)):
        kind = TYPES.get(event.type)
        if kind is None or not kind.is_mailed or kind.is_letter or kind.audience != "organization":
            continue
        try:
            data = read_data(event.type, event.data)
        except UnknownEventDataError:
            # Another version wrote it; its own pages show it.
            continue
        found.append(
            FiredAlert(
                event.event_id,
                event.type,
                data.subject,
                data.sentence,
                event.occurred_at,
                event.deliveries,
                event.delivered,
                event.given_up,
            )
        )
    return found[:ALERTS_MAX]


def render_alert(alert: FiredAlert) -> dict[str, object]:
    """An alert as the Console's twin gives it."""
    return {
        "id": alert.event_id,
        "type": alert.type,
        "subject": alert.subject,
        "sentence": alert.sentence,
        "occurred_at": alert.occurred_at.isoformat(),
        "deliveries": alert.deliveries,
        "delivered": alert.delivered,
        "given_up": alert.given_up,
    }


def render_choices(chosen: AlertChoices, snoozes: Iterable[Snooze]) -> dict[str, object]:
    """What an organization wants to be told, and until when not, as JSON."""
    return {
        "alert_choices": {
            "tells_anomalies": chosen.tells_anomalies,
            "tells_price_changes": chosen.tells_price_changes,
            "silence_hours": chosen.silence_hours,
        },
        "snoozed": [
            {"budget_id": one.about or None, "until": one.snoozed_until.isoformat(), "by": one.snoozed_by}
            for one in snoozes
        ],
    }
