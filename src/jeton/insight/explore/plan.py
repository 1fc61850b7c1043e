"""Plan: which sums make up the buckets of a stretch: UTC days, corrected by quarters of an hour.

A bucket of local days seldom ends where a UTC day does. A day with one cut is read as one row, which counts
in the bucket of its longer part; its shorter part is read by the quarter, added where it belongs and taken
off where it does not. So a year of days in Berlin reads an hour or two a day by the quarter, and a month only
its ends. A day with more cuts is read by the quarter alone. All are whole numbers, so nothing is lost.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from jeton.insight.explore.stretches import Buckets

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Days:
    """Rows of UTC days from ``from_on`` up to, not including, ``until_on``, and the bucket they count in."""

    from_on: date
    until_on: date
    bucket: int


@dataclass(frozen=True, slots=True)
class Quarters:
    """Rows of quarters, the bucket they count in, and the one whose day has them and should not."""

    from_at: datetime
    until_at: datetime
    bucket: int | None
    off_bucket: int | None = None


@dataclass(slots=True)
class Plan:
    """What has to be read."""

    days: list[Days] = field(default_factory=list)
    quarters: list[Quarters] = field(default_factory=list)

    def add_day(self, day: date, bucket: int) -> None:
        """Count one UTC day; days in a row are one range."""
        last = self.days[-1] if self.days else None
        if last is not None and last.until_on == day and last.bucket == bucket:
            self.days[-1] = Days(last.from_on, day + _DAY, bucket)
        else:
            self.days.append(Days(day, day + _DAY, bucket))


def draw_up(buckets: Buckets) -> Plan:
    """What makes up these buckets; their cuts must be at quarters of an hour."""
    plan = Plan()
    starts_at, ends_at = buckets.cuts[0], buckets.cuts[-1]
    number, day = 0, starts_at.date()
    while (begins_at := _midnight(day)) < ends_at:
        over_at = begins_at + _DAY
        inner = []
        while number < len(buckets.cuts) and buckets.cuts[number] < over_at:
            if buckets.cuts[number] > begins_at:
                inner.append(buckets.cuts[number])
            number += 1
        _add(plan, buckets, [begins_at, *inner, over_at])
        day += _DAY
    return plan


def _add(plan: Plan, buckets: Buckets, edges: list[datetime]) -> None:
    """Add one UTC day, which these edges divide."""
    parts = [(buckets.find(from_at), from_at, until_at) for from_at, until_at in pairwise(edges)]
    inside = range(buckets.count)
    if len(parts) == 1:
        plan.add_day(edges[0].date(), parts[0][0])
        return
    if len(parts) == 2:  # noqa: PLR2004 - one cut makes two parts
        shorter, longer = sorted(parts, key=lambda part: part[2] - part[1])
        if longer[0] in inside:
            plan.add_day(edges[0].date(), longer[0])
            bucket = shorter[0] if shorter[0] in inside else None
            plan.quarters.append(Quarters(shorter[1], shorter[2], bucket, longer[0]))
            return
    plan.quarters += [Quarters(part[1], part[2], part[0]) for part in parts if part[0] in inside]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
