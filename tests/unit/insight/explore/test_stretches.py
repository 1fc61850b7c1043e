"""Stretches and their buckets: days of every zone, over every change of clocks."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from jeton.insight.explore.errors import InvalidStepError, InvalidStretchError
from jeton.insight.explore.stretches import LONGEST, QUARTER, Step, Stretch, cut, of_days, snap

BERLIN = ZoneInfo("Europe/Berlin")


def hours(stretch: Stretch, step: Step) -> list[float]:
    cuts = cut(stretch, step).cuts
    return [(ends - starts) / timedelta(hours=1) for starts, ends in pairwise(cuts)]


def test_days_are_as_long_as_the_clocks_make_them() -> None:
    assert hours(of_days(date(2026, 3, 28), date(2026, 3, 31), zone=BERLIN), "1d") == [24, 23, 24]
    assert hours(of_days(date(2026, 10, 24), date(2026, 10, 27), zone=BERLIN), "1d") == [24, 25, 24]
    # Half an hour is put forward on Lord Howe.
    lord_howe = ZoneInfo("Australia/Lord_Howe")
    assert hours(of_days(date(2026, 10, 3), date(2026, 10, 6), zone=lord_howe), "1d") == [24, 23.5, 24]


def test_hours_begin_where_the_local_clock_strikes() -> None:
    kathmandu = ZoneInfo("Asia/Kathmandu")
    buckets = cut(of_days(date(2026, 11, 23), date(2026, 11, 24), zone=kathmandu), "1h")
    assert buckets.count == 24
    assert buckets.cuts[:2] == (
        datetime(2026, 11, 22, 18, 15, tzinfo=UTC),
        datetime(2026, 11, 22, 19, 15, tzinfo=UTC),
    )


def test_months_are_those_of_the_calendar() -> None:
    cuts = cut(of_days(date(2026, 1, 15), date(2026, 4, 2), zone=BERLIN), "1mo").cuts
    assert [f"{at.astimezone(BERLIN):%m-%d %H:%M}" for at in cuts] == [
        "01-15 00:00",
        "02-01 00:00",
        "03-01 00:00",
        "04-01 00:00",
        "04-02 00:00",
    ]


def test_what_came_before_has_as_many_local_days() -> None:
    november = of_days(date(2026, 10, 20), date(2026, 10, 30), zone=BERLIN)
    assert november.previous == of_days(date(2026, 10, 10), date(2026, 10, 20), zone=BERLIN)
    hour = Stretch(datetime(2026, 1, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 2, tzinfo=UTC))
    assert hour.previous.starts_at == datetime(2026, 1, 1, 0, tzinfo=UTC)


def test_an_instant_is_widened_to_quarters_of_an_hour() -> None:
    ragged = Stretch(datetime(2026, 1, 1, 1, 14, 59, tzinfo=UTC), datetime(2026, 1, 1, 1, 15, 1, tzinfo=UTC))
    snapped = snap(ragged)
    assert (snapped.starts_at.minute, snapped.ends_at.minute) == (0, 30)
    assert snap(snapped) == snapped


@pytest.mark.parametrize("step", ["1m", "1h", "1d", "1mo"])
def test_too_many_buckets_are_refused_with_what_would_do(step: Step) -> None:
    starts_at = datetime(2026, 1, 1, tzinfo=UTC)
    assert cut(Stretch(starts_at, starts_at + LONGEST[step]), step).count <= 1440
    with pytest.raises(InvalidStepError, match="shorter range"):
        cut(Stretch(starts_at, starts_at + LONGEST[step] + QUARTER), step)


@pytest.mark.parametrize(
    ("from_on", "until_on"),
    [
        (date(2026, 1, 2), date(2026, 1, 2)),
        (date(2026, 1, 2), date(2026, 1, 1)),
        (date(1969, 1, 1), date(2026, 1, 1)),
        (date(2026, 1, 1), date(9999, 12, 31)),
    ],
)
def test_an_absurd_stretch_is_refused(from_on: date, until_on: date) -> None:
    with pytest.raises(InvalidStretchError):
        of_days(from_on, until_on)
