"""Windows: the stretches of time that a budget counts, half-open, in the calendar of a named zone.

A window begins at the first instant of a local day and ends where the next one begins, so windows tile:
no instant lies in two of them and none in between. Each boundary is derived from the anchor day, never
from the boundary before, so a month anchored on the 31st begins on 28 February and on 31 March.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple, assert_never
from zoneinfo import ZoneInfo

Period = Literal["day", "week", "month", "total"]

ANCHOR_MAX = {"day": 1, "week": 7, "month": 31, "total": 1}
# The one window of a total: nothing was ever held before it, and it has no end.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class Window(NamedTuple):
    """From ``starts_at`` until just before ``ends_at`` (None: for ever), both UTC."""

    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Calendar:
    """How a budget's windows follow each other.

    ``anchor_day`` is the day on which a month begins (1 to 31; a shorter month begins on its last day)
    or the weekday on which a week does (1 Monday to 7 Sunday); else 1.
    """

    period: Period
    zone: ZoneInfo
    anchor_day: int = 1


def find_window(calendar: Calendar, at: datetime) -> Window:
    """The window that holds the instant ``at``."""
    if calendar.period == "total":
        return Window(EPOCH, None)
    zone = calendar.zone
    start = _find_start(calendar, at.astimezone(zone).date())
    # Where clocks are put back over midnight, the local day of an instant is not yet, or not any more,
    # the day that has begun.
    while (starts_at := find_first_instant(start, zone)) > at:
        start = _find_start(calendar, start - _DAY)
    following = _find_next(calendar, start)
    while (ends_at := find_first_instant(following, zone)) <= at:
        starts_at, following = ends_at, _find_next(calendar, following)
    return Window(starts_at, ends_at)


def find_first_instant(day: date, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) at which the clocks of ``zone`` show this day or a later one.

    Midnight, as a rule; the first of two midnights; and where clocks are put forward over midnight,
    the instant of the change. A day that a zone left out begins and ends at once.
    """
    midnight = datetime.combine(day, time(), zone)
    instant = midnight.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return instant
    # Midnight was skipped. With the offset of before the change it lies after it, with that of
    # afterwards before it; the change is on a whole second.
    before = midnight.replace(fold=1).astimezone(UTC)
    low, high = 0, (instant - before) // _SECOND
    while low < high:
        middle = (low + high) // 2
        shown = (before + middle * _SECOND).astimezone(zone).date()
        low, high = (low, middle) if shown >= day else (middle + 1, high)
    return before + low * _SECOND


def _find_start(calendar: Calendar, day: date) -> date:
    """The day on which the window begins that ``day`` belongs to."""
    match calendar.period:
        case "day" | "total":
            return day
        case "week":
            return day - timedelta(days=(day.isoweekday() - calendar.anchor_day) % 7)
        case "month":
            start = _anchor(day.year, day.month, calendar.anchor_day)
            if start <= day:
                return start
            last_month = day.replace(day=1) - _DAY
            return _anchor(last_month.year, last_month.month, calendar.anchor_day)
        case _:
            assert_never(calendar.period)


def _find_next(calendar: Calendar, start: date) -> date:
    """The day on which the window after that of ``start`` begins."""
    match calendar.period:
        case "day" | "total":
            return start + _DAY
        case "week":
            return start + timedelta(days=7)
        case "month":
            next_month = start.replace(day=1) + timedelta(days=32)
            return _anchor(next_month.year, next_month.month, calendar.anchor_day)
        case _:
            assert_never(calendar.period)


def _anchor(year: int, month: int, anchor_day: int) -> date:
    return date(year, month, min(anchor_day, monthrange(year, month)[1]))
