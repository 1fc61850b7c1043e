"""Alerts: what has to be looked for, because nobody does anything at the moment it becomes true.

Each finding is an event whose dedup key names it, so that looking again, on any node, adds nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jeton.db.pool import Connection
from jeton.money import render_usd
from jeton.notifications.catalogue import AlarmRaised, LotExpiring, LowBalance
from jeton.notifications.events import Event
from jeton.notifications.quiet.looking import find_silent, find_unusual

# For each kind of finding and round; what is left over is found in the next one.
FINDINGS_MAX = 500
UNUSUAL_EVERY = timedelta(minutes=10)

Find = Callable[[Connection, datetime], Awaitable[Sequence[Event]]]

# A lot that was granted with less time than a warning is ahead gets no such warning.
_EXPIRING_LOTS = """
    SELECT l.lot_id, l.organization_id, l.kind, l.left_nano + l.held_nano, l.expires_at
    FROM lots AS l
    WHERE l.is_open AND l.expires_at > %(at)s AND l.expires_at <= %(until)s
      AND l.granted_at <= l.expires_at - %(ahead)s AND l.effective_at <= %(at)s
      AND NOT EXISTS (SELECT FROM events AS e WHERE e.dedup_key = %(key)s || l.lot_id)
    ORDER BY l.expires_at, l.lot_id LIMIT %(limit)s
"""
# Held credit counts, or a rush of requests would be taken for an empty account. The newest lot is in the
# key: whoever adds credit is told again when that is used up, too. A credit limit has no lot, but months.
_LOW_BALANCES = """
    WITH remaining AS (
        SELECT organization_id, credit_limit_nano,
               -(credit_paid_nano + credit_free_nano + held_nano)
                   + greatest(0, credit_limit_nano - greatest(accrued_nano, 0) - greatest(receivable_nano, 0))
                   AS remaining_nano
        FROM balances
    ), low AS (
        SELECT r.organization_id, r.remaining_nano,
               CASE WHEN r.credit_limit_nano > 0
                    THEN r.organization_id || ':' || r.credit_limit_nano || ':' || %(month)s
                    ELSE (SELECT max(l.lot_id) FROM lots AS l WHERE l.organization_id = r.organization_id)
               END AS episode
        FROM remaining AS r WHERE r.remaining_nano < %(threshold)s
    )
    SELECT organization_id, remaining_nano, episode FROM low
    WHERE episode IS NOT NULL AND NOT EXISTS (SELECT FROM events AS e WHERE e.dedup_key = %(key)s || episode)
    ORDER BY organization_id LIMIT %(limit)s
"""
_ALARMS = """
    SELECT alarm_id, code, subject, details, occurred_at FROM alarms AS a
    WHERE acknowledged_at IS NULL
      AND NOT EXISTS (SELECT FROM events AS e WHERE e.dedup_key = %(key)s || a.alarm_id)
    ORDER BY alarm_id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When to warn: days before a lot expires, and below which credit (nano; 0 for never)."""

    expiry_days: tuple[int, ...] = (7, 1)
    low_balance_nano: int = 0


def seldom(find: Find, every: timedelta) -> Find:
    """The same, but looking only once in so much time of this process: for what costs more to look for."""
    looked_at = [datetime.min.replace(tzinfo=UTC)]

    async def look(connection: Connection, at: datetime) -> Sequence[Event]:
        if at - looked_at[0] < every:
            return ()
        looked_at[0] = at
        return await find(connection, at)

    return look


def make_finders(thresholds: Thresholds) -> tuple[Find, ...]:
    """Everything that is looked for here."""

    async def find_lots(connection: Connection, at: datetime) -> Sequence[Event]:
        return await find_expiring_lots(connection, thresholds.expiry_days, at=at)

    async def find_balances(connection: Connection, at: datetime) -> Sequence[Event]:
        return await find_low_balances(connection, thresholds.low_balance_nano, at=at)

    return (find_lots, find_balances, find_alarms, find_silent, seldom(find_unusual, UNUSUAL_EVERY))


async def find_expiring_lots(
    connection: Connection, expiry_days: Sequence[int], *, at: datetime
) -> list[Event]:
    """Lots with credit left that expire within so many days; the nearest warning of each only."""
    events: list[Event] = []
    told: set[str] = set()
    for days in sorted(expiry_days):
        key = f"lot_expiring:{days}:"
        ahead = timedelta(days=days)
        # A later warning has nothing to say about a lot that an earlier one, of fewer days, is about.
        found = await connection.execute(
            _EXPIRING_LOTS,
            {"at": at, "until": at + ahead, "ahead": ahead, "key": key, "limit": FINDINGS_MAX},
        )
        for lot_id, organization_id, kind, left_nano, expires_at in await found.fetchall():
            if lot_id in told or any(at >= expires_at - timedelta(days=d) for d in expiry_days if d < days):
                continue
            told.add(lot_id)
            data = LotExpiring(
                lot_id=lot_id, kind=kind, left=render_usd(left_nano), days=days, expires_at=expires_at
            )
            events.append(Event(data, organization_id, key + lot_id, at))
    return events


async def find_low_balances(connection: Connection, threshold_nano: int, *, at: datetime) -> list[Event]:
    """Organizations that ever had credit, or have a limit, and less than the threshold is left of it."""
    if threshold_nano <= 0:
        return []
    key = "low_balance:"
    found = await connection.execute(
        _LOW_BALANCES,
        {"threshold": threshold_nano, "key": key, "month": f"{at:%Y-%m}", "limit": FINDINGS_MAX},
    )
    threshold = render_usd(threshold_nano)
    return [
        Event(
            LowBalance(remaining=render_usd(remaining_nano), threshold=threshold),
            organization_id,
            key + episode,
            at,
        )
        for organization_id, remaining_nano, episode in await found.fetchall()
    ]


async def find_alarms(connection: Connection, at: datetime) -> list[Event]:
    """Alarms of the watch that are open."""
    del at
    key = "alarm:"
    found = await connection.execute(_ALARMS, {"key": key, "limit": FINDINGS_MAX})
    return [
        Event(
            AlarmRaised(alarm_id=alarm_id, code=code, about=about, details=details),
            None,
            key + alarm_id,
            occurred_at,
        )
        for alarm_id, code, about, details, occurred_at in await found.fetchall()
    ]
