"""Periods: the months of an organization, from its anchor day in its zone; half-open, in UTC.

Each boundary is derived from the anchor day, never from the boundary before: anchored on the 31st, a period
begins on 31 January, 28 February and 31 March. Where anchor or zone were changed, the period of the change
begins where the last closed one ended and ends at the next boundary, so that no instant is billed twice or
never. Boundaries are the first instants of local days, which lie at quarters of an hour.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from jeton.insight.explore.stretches import QUARTER
from jeton.ledger.budgets.windows import Calendar, Window, find_window

PERIODS_MAX = 1_200

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """From ``period_from`` until just before ``period_to``, UTC."""

    period_from: datetime
    period_to: datetime

    def holds(self, at: datetime) -> bool:
        """Whether the instant lies in it."""
        return self.period_from <= at < self.period_to


def find_period(zone: ZoneInfo, anchor_day: int, at: datetime) -> Period:
    """The period that holds an instant.

    Anchored on the 31st in Berlin, 1 March 2026 12:00 UTC lies in 2026-02-27 23:00 to 2026-03-30 22:00 UTC.
    """
    window = find_window(Calendar("month", zone, anchor_day), at)
    return _snap(window)


def find_next(zone: ZoneInfo, anchor_day: int, *, follows: datetime | None, since: datetime) -> Period:
    """The first period that is not closed: it follows the last closed one, or holds ``since``."""
    if follows is None:
        return find_period(zone, anchor_day, since)
    return Period(follows, find_period(zone, anchor_day, follows).period_to)


def list_due(
    zone: ZoneInfo, anchor_day: int, *, follows: datetime | None, since: datetime, until: datetime
) -> tuple[Period, ...]:
    """The periods not yet closed that end at ``until`` or before, the oldest first; PERIODS_MAX at most."""
    due: list[Period] = []
    following = find_next(zone, anchor_day, follows=follows, since=since)
    while following.period_to <= until and len(due) < PERIODS_MAX:
        due.append(following)
        following = find_next(zone, anchor_day, follows=following.period_to, since=since)
    return tuple(due)


def _snap(window: Window) -> Period:
    """On whole quarters, as sums are kept: offsets had odd seconds before 1972, when there was no usage."""
    ends_at = window.ends_at or window.starts_at
    return Period(_floor(window.starts_at), _floor(ends_at))


def _floor(at: datetime) -> datetime:
    late: timedelta = (at - _EPOCH) % QUARTER
    return at - late
