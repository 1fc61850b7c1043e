"""Looking: days that cost far more than usual, and silence where somebody wants to be told of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from jeton.db.pool import Connection
from jeton.money import render_usd
from jeton.notifications.catalogue.spending import RequestsSilent, UnusualSpending
from jeton.notifications.events import Event

FINDINGS_MAX = 500
DAYS_BEFORE = 14
# With fewer days to compare with, nothing is unusual.
KNOWN_DAYS_MIN = 3
TIMES = 2
LEAST_NANO = 1_000_000_000

# By the primary key, organization by organization: what it costs does not grow with what is stored. The days
# before are read only of those whose day is dear enough.
_UNUSUAL = """
    SELECT o.organization_id, today.net_nano, before.dearest_nano FROM organizations AS o
    LEFT JOIN alert_choices AS c USING (organization_id)
    CROSS JOIN LATERAL (
        SELECT sum(u.net_nano)::bigint AS net_nano FROM usage_rollups AS u
        WHERE u.organization_id = o.organization_id AND u.day_on = %(today)s
        HAVING sum(u.net_nano) >= %(least)s
    ) AS today
    CROSS JOIN LATERAL (
        SELECT max(d.net_nano)::bigint AS dearest_nano FROM (
            SELECT sum(u.net_nano) AS net_nano FROM usage_rollups AS u
            WHERE u.organization_id = o.organization_id AND u.day_on >= %(from_on)s AND u.day_on < %(today)s
            GROUP BY u.day_on
        ) AS d HAVING count(*) >= %(known)s
    ) AS before
    WHERE coalesce(c.tells_anomalies, true) AND today.net_nano > %(times)s * before.dearest_nano
      AND NOT EXISTS (SELECT FROM events AS e WHERE e.dedup_key = %(key)s || o.organization_id)
    ORDER BY o.organization_id LIMIT %(limit)s
"""
_SILENT = """
    SELECT * FROM (
        SELECT c.organization_id, c.silence_hours, max(u.last_used_at) AS last_used_at
        FROM alert_choices AS c JOIN api_keys AS k USING (organization_id) JOIN key_uses AS u USING (key_id)
        WHERE c.silence_hours IS NOT NULL AND k.kind = 'api' GROUP BY c.organization_id, c.silence_hours
    ) AS used
    WHERE last_used_at <= %(at)s::timestamptz - silence_hours * interval '1 hour'
    ORDER BY organization_id LIMIT %(limit)s
"""


async def find_unusual(connection: Connection, at: datetime) -> Sequence[Event]:
    """Organizations whose day so far is more than TIMES the dearest of the DAYS_BEFORE days before."""
    today = at.astimezone(UTC).date()
    key = f"spending_unusual:{today}:"
    found = await connection.execute(
        _UNUSUAL,
        {
            "from_on": today - timedelta(days=DAYS_BEFORE),
            "today": today,
            "known": KNOWN_DAYS_MIN,
            "least": LEAST_NANO,
            "times": TIMES,
            "key": key,
            "limit": FINDINGS_MAX,
        },
    )
    return [
        Event(
            UnusualSpending(day_on=today, spent=render_usd(today_nano), dearest=render_usd(dearest_nano)),
            organization_id,
            f"{key}{organization_id}",
            at,
        )
        for organization_id, today_nano, dearest_nano in await found.fetchall()
    ]


async def find_silent(connection: Connection, at: datetime) -> Sequence[Event]:
    """Organizations that want to be told of silence and were silent for so long; once for each silence."""
    found = await connection.execute(_SILENT, {"at": at, "limit": FINDINGS_MAX})
    return [
        Event(
            RequestsSilent(last_used_at=last_used_at, hours=hours),
            organization_id,
            f"requests_silent:{organization_id}:{last_used_at.isoformat()}",
            at,
        )
        for organization_id, hours, last_used_at in await found.fetchall()
    ]
