"""Accuracy: how far counts made here were from the provider's, by model and kind of content; and alarms.

Errors are relative to the provider's count, in parts per million, positive where ours was higher.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jeton import clock
from jeton.db.pool import Connection
from jeton.insight.usage import DayRange

ALARMS_MAX = 100
# Models times kinds of content times methods: the price book and closed sets bound it, and this does.
ROWS_MAX = 5_000

_READ = """
    SELECT model, kind, method, sum(observations), sum(counted_tokens), sum(reported_tokens),
           sum(error_ppm), sum(absolute_error_ppm), min(worst_under_ppm), max(worst_over_ppm), sum(outside)
    FROM accuracy_rollups WHERE day_on >= %s AND day_on < %s
    GROUP BY model, kind, method ORDER BY model, kind, method LIMIT %s
"""
_READ_ALARMS = """
    SELECT alarm_id, code, subject, details, times, occurred_at, last_occurred_at,
           acknowledged_at, acknowledged_by
    FROM alarms ORDER BY acknowledged_at IS NOT NULL, occurred_at DESC, alarm_id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class AccuracyRow:
    """Counts of one model and kind of content made in one way; at least one observation."""

    model: str
    kind: str
    method: str
    observations: int
    counted_tokens: int
    reported_tokens: int
    error_ppm: int
    absolute_error_ppm: int
    worst_under_ppm: int
    worst_over_ppm: int
    outside: int

    @property
    def mean_error_ppm(self) -> int:
        """The mean signed error: below zero where we count too few."""
        return _divide(self.error_ppm, self.observations)

    @property
    def mean_absolute_error_ppm(self) -> int:
        """The mean absolute error."""
        return _divide(self.absolute_error_ppm, self.observations)

    @property
    def outside_ppm(self) -> int:
        """The share of provider's counts outside the interval that was given."""
        return _divide(self.outside * 1_000_000, self.observations)


@dataclass(frozen=True, slots=True)
class AccuracyReport:
    """Counts of a range of days; ``bounds`` has one row a model, for every settled request."""

    as_of: datetime
    range: DayRange
    counts: tuple[AccuracyRow, ...]
    bounds: tuple[AccuracyRow, ...]


@dataclass(frozen=True, slots=True)
class ListedAlarm:
    """An alarm, open until it is acknowledged; ``details`` are of its first time."""

    alarm_id: str
    code: str
    subject: str
    details: Mapping[str, str | int]
    times: int
    occurred_at: datetime
    last_occurred_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None


def _divide(total: int, count: int) -> int:
    """The quotient, rounded to the nearest whole, half away from zero."""
    size = (abs(total) * 2 + count) // (count * 2)
    return size if total >= 0 else -size


async def get_accuracy(connection: Connection, *, range_: DayRange) -> AccuracyReport:
    """The errors of every model in a range of days, summed over days and nodes."""
    as_of = clock.now()
    cursor = await connection.execute(_READ, (range_.from_on, range_.until_on, ROWS_MAX))
    rows = [_parse_row(row) for row in await cursor.fetchall()]
    return AccuracyReport(
        as_of,
        range_,
        tuple(row for row in rows if row.method != "bounded"),
        tuple(row for row in rows if row.method == "bounded"),
    )


def _parse_row(row: tuple[Any, ...]) -> AccuracyRow:
    return AccuracyRow(*row[:3], *(int(column) for column in row[3:]))


async def list_alarms(connection: Connection) -> tuple[ListedAlarm, ...]:
    """Alarms, open ones first, then the newest first; at most ALARMS_MAX."""
    cursor = await connection.execute(_READ_ALARMS, (ALARMS_MAX,))
    return tuple(ListedAlarm(*row) for row in await cursor.fetchall())


def render_accuracy(report: AccuracyReport) -> dict[str, object]:
    """The report as the Console's twin and the command line give it."""
    return {
        "type": "token_accuracy",
        "time_zone": "UTC",
        "as_of": report.as_of.isoformat(),
        "from_on": report.range.from_on.isoformat(),
        "until_on": report.range.until_on.isoformat(),
        "counts": [{"kind": row.kind, **_render_row(row)} for row in report.counts],
        "bounds": [_render_row(row) for row in report.bounds],
    }


def _render_row(row: AccuracyRow) -> dict[str, object]:
    return {
        "model": row.model,
        "method": row.method,
        "observations": row.observations,
        "counted_tokens": row.counted_tokens,
        "reported_tokens": row.reported_tokens,
        "mean_absolute_error_ppm": row.mean_absolute_error_ppm,
        "mean_error_ppm": row.mean_error_ppm,
        "worst_under_ppm": row.worst_under_ppm,
        "worst_over_ppm": row.worst_over_ppm,
        "outside": row.outside,
    }


def render_alarm(alarm: ListedAlarm) -> dict[str, object]:
    """An alarm as the Console's twin and the command line give it."""
    return {
        "id": alarm.alarm_id,
        "type": "alarm",
        "code": alarm.code,
        "subject": alarm.subject,
        "details": dict(alarm.details),
        "times": alarm.times,
        "occurred_at": alarm.occurred_at.isoformat(),
        "last_occurred_at": alarm.last_occurred_at.isoformat(),
        "acknowledged_at": None if alarm.acknowledged_at is None else alarm.acknowledged_at.isoformat(),
        "acknowledged_by": alarm.acknowledged_by,
    }
