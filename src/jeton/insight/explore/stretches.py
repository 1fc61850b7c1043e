"""Stretches: time from one instant until just before another, and its buckets in the days of a zone.

Sums are kept by the quarter of an hour, which is where the days of every zone begin and end (offsets have
been whole quarters since 1972), so a stretch is made of whole quarters.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, assert_never
from zoneinfo import ZoneInfo

from jeton.insight.explore.errors import InvalidStepError, InvalidStretchError
from jeton.ledger.budgets.windows import find_first_instant

Step = Literal["1m", "1h", "1d", "1mo"]

STEPS: tuple[Step, ...] = ("1m", "1h", "1d", "1mo")
STEP_NAMES = {"1m": "minute", "1h": "hour", "1d": "day", "1mo": "month"}
# The longest stretch for each step: what a chart can show, and what a query should read.
LONGEST = {
    "1m": timedelta(hours=24),
    "1h": timedelta(days=32),
    "1d": timedelta(days=367),
    "1mo": timedelta(days=5 * 366),
}
MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FIRST_ON = date(2000, 1, 1)
LAST_ON = date(2200, 1, 1)
UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Stretch:
    """From ``starts_at`` until just before ``ends_at`` (UTC), in the days of ``zone``."""

    starts_at: datetime
    ends_at: datetime
    zone: ZoneInfo = UTC_ZONE

    def __post_init__(self) -> None:
        """Refuse what is empty, reversed or absurd."""
        if self.starts_at >= self.ends_at:
            raise InvalidStretchError(
                f"it begins at {self.starts_at:%Y-%m-%d %H:%M} UTC and ends at {self.ends_at:%Y-%m-%d %H:%M}"
                " UTC, which is not later"
            )
        if self.starts_at.date() < FIRST_ON or self.ends_at.date() > LAST_ON:
            raise InvalidStretchError(f"it has to be between {FIRST_ON} and {LAST_ON}")

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.ends_at - self.starts_at

    @property
    def first_on(self) -> date:
        """The local day of its first instant."""
        return self.starts_at.astimezone(self.zone).date()

    @property
    def last_on(self) -> date:
        """The local day of its last instant."""
        return (self.ends_at - timedelta(microseconds=1)).astimezone(self.zone).date()

    @property
    def is_of_days(self) -> bool:
        """Whether it is made of whole local days."""
        return self == of_days(self.first_on, self.last_on + DAY, zone=self.zone)

    @property
    def previous(self) -> "Stretch":
        """The one of the same length just before: as many local days, or as much time."""
        if self.is_of_days:
            days = self.last_on + DAY - self.first_on
            if self.first_on - days < FIRST_ON:
                raise InvalidStretchError(f"what came before it began before {FIRST_ON}")
            return of_days(self.first_on - days, self.first_on, zone=self.zone)
        return Stretch(self.starts_at - self.length, self.starts_at, self.zone)

    def holds(self, at: datetime) -> bool:
        """Whether the instant lies in it."""
        return self.starts_at <= at < self.ends_at


@dataclass(frozen=True, slots=True)
class Buckets:
    """A stretch in steps: ``cuts`` are where its buckets begin, and the end of the last; UTC."""

    step: Step | None
    cuts: tuple[datetime, ...]

    @property
    def count(self) -> int:
        """How many buckets."""
        return len(self.cuts) - 1

    def stretch(self, number: int) -> tuple[datetime, datetime]:
        """Where bucket ``number`` begins and ends."""
        return self.cuts[number], self.cuts[number + 1]

    def find(self, at: datetime) -> int:
        """The bucket that holds an instant; -1 before the first, ``count`` after the last."""
        return bisect_right(self.cuts, at) - 1


def of_days(from_on: date, until_on: date, *, zone: ZoneInfo = UTC_ZONE) -> Stretch:
    """The local days from ``from_on`` up to, not including, ``until_on``; else InvalidStretchError."""
    if not FIRST_ON <= from_on <= LAST_ON or not FIRST_ON <= until_on <= LAST_ON:
        raise InvalidStretchError(f"it has to be between {FIRST_ON} and {LAST_ON}")
    if from_on >= until_on:
        raise InvalidStretchError(f"it begins on {from_on} and ends before {until_on}, which is not later")
    return Stretch(find_first_instant(from_on, zone), find_first_instant(until_on, zone), zone)


def snap(stretch: Stretch, to: timedelta = QUARTER) -> Stretch:
    """The shortest stretch of whole quarters (or ``to``) that holds this one."""
    starts_at = stretch.starts_at - (stretch.starts_at - datetime(2000, 1, 1, tzinfo=UTC)) % to
    late = (stretch.ends_at - datetime(2000, 1, 1, tzinfo=UTC)) % to
    return Stretch(starts_at, stretch.ends_at + (to - late if late else timedelta()), stretch.zone)


def cut(stretch: Stretch, step: Step | None) -> Buckets:
    """The buckets of a stretch, a single one without a step; InvalidStepError where they are too many."""
    if step is None:
        return Buckets(None, (stretch.starts_at, stretch.ends_at))
    if stretch.length > LONGEST[step]:
        longer = next((other for other in STEPS if stretch.length <= LONGEST[other]), None)
        advice = f"use buckets of a {STEP_NAMES[longer]}, or" if longer else "use"
        raise InvalidStepError(
            f"by the {STEP_NAMES[step]}, a range has at most {_say(LONGEST[step])}; {advice} a shorter range"
        )
    cuts = [stretch.starts_at]
    while (following := _next(cuts[-1], step, stretch.zone)) < stretch.ends_at:
        cuts.append(following)
    return Buckets(step, (*cuts, stretch.ends_at))


def _next(at: datetime, step: Step, zone: ZoneInfo) -> datetime:
    """The first instant after ``at`` at which the zone's clocks show a new minute, hour, day or month."""
    local = at.astimezone(zone)
    match step:
        case "1m":
            return at.replace(second=0, microsecond=0) + MINUTE
        case "1h":
            return at + HOUR - timedelta(minutes=local.minute, seconds=local.second)
        case "1d" | "1mo":
            day = local.date()
        case _:
            assert_never(step)
    # Where clocks are put back over midnight, a day has begun before its date is shown for good.
    begins_at = at
    while begins_at <= at:
        day = day + DAY if step == "1d" else (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        begins_at = find_first_instant(day, zone)
    return begins_at


def _say(length: timedelta) -> str:
    return f"{length.days} days" if length.days > 1 else f"{length // HOUR} hours"
