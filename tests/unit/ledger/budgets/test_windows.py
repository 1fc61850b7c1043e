"""Windows: half-open, in named zones; they tile whatever the clocks do."""

import io
import struct
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.ledger.budgets.windows import ANCHOR_MAX, Calendar, Period, Window, find_first_instant, find_window

HOUR = timedelta(hours=1)
ZONES = sorted(available_timezones())
PERIODS: list[Period] = ["day", "week", "month"]
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - zone beside it


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(period: Period, zone: str, at: str, anchor_day: int = 1) -> tuple[datetime, datetime | None]:
    return find_window(Calendar(period, ZoneInfo(zone), anchor_day), utc(at))


@pytest.mark.parametrize(
    ("zone", "at", "starts", "ends"),
    [
        ("UTC", "2026-11-23T12:00", "2026-11-23T00:00", "2026-11-24T00:00"),
        ("UTC", "2026-11-23T00:00", "2026-11-23T00:00", "2026-11-24T00:00"),
        ("UTC", "2026-11-22T23:59:59.999999", "2026-11-22T00:00", "2026-11-23T00:00"),
        # Clocks go forward: 23 hours; and back: 25.
        ("Europe/Berlin", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("Europe/Berlin", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        # Both 02:30 of that night are the same day.
        ("Europe/Berlin", "2026-10-25T00:30", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("Europe/Berlin", "2026-10-25T01:30", "2026-10-24T22:00", "2026-10-25T23:00"),
        # Half an hour of summer time.
        ("Australia/Lord_Howe", "2026-10-03T18:00", "2026-10-03T13:30", "2026-10-04T13:00"),
        # No midnight: the day begins at 01:00 local.
        ("America/Sao_Paulo", "2018-11-04T12:00", "2018-11-04T03:00", "2018-11-05T02:00"),
        # Two midnights: the day begins with the first and has 25 hours.
        ("America/Havana", "2026-11-01T12:00", "2026-11-01T04:00", "2026-11-02T05:00"),
        # Clocks go back from 00:01 to 23:01: what is repeated belongs to the day that had begun.
        ("America/St_Johns", "2006-10-29T02:45", "2006-10-29T02:30", "2006-10-30T03:30"),
        # Samoa went from the 29th to the 31st of December 2011.
        ("Pacific/Apia", "2011-12-30T09:59", "2011-12-29T10:00", "2011-12-30T10:00"),
        ("Pacific/Apia", "2011-12-30T10:00", "2011-12-30T10:00", "2011-12-31T10:00"),
    ],
)
def test_a_day_lasts_as_long_as_its_clocks_say(zone: str, at: str, starts: str, ends: str) -> None:
    assert window("day", zone, at) == (utc(starts), utc(ends))


@pytest.mark.parametrize(
    ("anchor_day", "at", "starts", "ends"),
    [
        (1, "2026-11-23T00:00", "2026-11-01", "2026-12-01"),
        (31, "2026-02-10T00:00", "2026-01-31", "2026-02-28"),
        (31, "2026-02-28T00:00", "2026-02-28", "2026-03-31"),
        (31, "2026-04-15T00:00", "2026-03-31", "2026-04-30"),
        (31, "2028-02-29T00:00", "2028-02-29", "2028-03-31"),
        (30, "2026-03-01T00:00", "2026-02-28", "2026-03-30"),
        (29, "2028-02-29T00:00", "2028-02-29", "2028-03-29"),
        (15, "2027-01-03T00:00", "2026-12-15", "2027-01-15"),
    ],
)
def test_a_month_is_derived_from_its_anchor(anchor_day: int, at: str, starts: str, ends: str) -> None:
    """Stripe's rule: the last day of a short month, and the 31st again after it."""
    assert window("month", "UTC", at, anchor_day) == (utc(starts), utc(ends))


def test_a_month_begins_at_local_midnight() -> None:
    assert window("month", "America/New_York", "2026-11-01T03:59", 1) == (
        utc("2026-10-01T04:00"),
        utc("2026-11-01T04:00"),
    )


def test_a_week_begins_on_its_weekday() -> None:
    """23 November 2026 is a Monday."""
    assert window("week", "UTC", "2026-11-23T00:00") == (utc("2026-11-23"), utc("2026-11-30"))
    assert window("week", "UTC", "2026-11-23T00:00", 7) == (utc("2026-11-22"), utc("2026-11-29"))


def test_a_total_has_one_window_without_end() -> None:
    assert window("total", "UTC", "2026-11-23T00:00") == Window(utc("1970-01-01"), None)


def test_a_day_that_was_left_out_begins_and_ends_at_once() -> None:
    zone = ZoneInfo("Pacific/Apia")
    assert find_first_instant(date(2011, 12, 30), zone) == find_first_instant(date(2011, 12, 31), zone)


def make_zone(changes_at: datetime, before_s: int, after_s: int) -> ZoneInfo:
    """A zone with one change of its offset, as a file of the database (RFC 9636, version 1) has it."""
    counts = struct.pack(">6l", 0, 0, 0, 1, 2, 4)
    change = struct.pack(">lB", int(changes_at.timestamp()), 1)
    kinds = struct.pack(">lBBlBB", before_s, 0, 0, after_s, 0, 0)
    content = b"TZif" + bytes(16) + counts + change + kinds + b"TST\0"
    return ZoneInfo.from_file(io.BytesIO(content), key="Test/Change")


def test_a_change_from_before_midnight_to_after_it_begins_the_day() -> None:
    """At 23:30 clocks are put forward to 00:30: no zone did so since 2000, and some day one may."""
    change = utc("2030-06-01T23:30")
    zone = make_zone(change, 0, 3600)
    assert find_first_instant(date(2030, 6, 2), zone) == change
    assert find_window(Calendar("day", zone), change) == (change, utc("2030-06-02T23:00"))
    assert find_window(Calendar("day", zone), change - timedelta(microseconds=1)).ends_at == change


@given(period=st.sampled_from(PERIODS), zone=st.sampled_from(ZONES), anchor=st.integers(1, 31), at=INSTANTS)
def test_windows_tile(period: Period, zone: str, anchor: int, at: datetime) -> None:
    """An instant lies in its window; the instant before it and its end lie in the neighbours."""
    calendar = Calendar(period, ZoneInfo(zone), min(anchor, ANCHOR_MAX[period]))
    starts_at, ends_at = find_window(calendar, at)
    assert ends_at is not None
    assert starts_at <= at < ends_at
    tick = timedelta(microseconds=1)
    assert find_window(calendar, starts_at - tick).ends_at == starts_at
    assert find_window(calendar, ends_at).starts_at == ends_at
    for inside in (starts_at, ends_at - tick):
        assert find_window(calendar, inside) == (starts_at, ends_at)
    longest = {"day": 49, "week": 8 * 24 + 1, "month": 32 * 24 + 1}[period]
    assert 22 * HOUR <= ends_at - starts_at <= longest * HOUR


@given(zone=st.sampled_from(ZONES), at=INSTANTS)
def test_a_window_begins_where_the_local_day_changes(zone: str, at: datetime) -> None:
    """Against the clock itself: at the first instant it shows the day, just before it an earlier one."""
    starts_at = find_window(Calendar("day", ZoneInfo(zone)), at).starts_at
    shown = starts_at.astimezone(ZoneInfo(zone)).date()
    before = (starts_at - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date()
    assert before < shown
