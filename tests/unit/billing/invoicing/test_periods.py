"""Periods: they tile, in every zone, and each boundary follows from the anchor alone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.billing.invoicing.periods import Period, find_next, find_period, list_due

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
BERLIN = ZoneInfo("Europe/Berlin")
FIRST = datetime(2001, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 59 * 365 * 86_400).map(lambda seconds: FIRST + timedelta(seconds=seconds))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "starts", "ends"),
    [
        ("2026-01-31 12:00", "2026-01-30 23:00", "2026-02-27 23:00"),
        ("2026-03-01 12:00", "2026-02-27 23:00", "2026-03-30 22:00"),
        ("2026-03-31 12:00", "2026-03-30 22:00", "2026-04-29 22:00"),
        ("2028-02-29 12:00", "2028-02-28 23:00", "2028-03-30 22:00"),
    ],
    ids=["January", "short February", "after summer time began", "leap day"],
)
def test_anchored_on_the_31st_a_short_month_begins_on_its_last_day(day: str, starts: str, ends: str) -> None:
    assert find_period(BERLIN, 31, at(day)) == Period(at(starts), at(ends))


@given(name=st.sampled_from(ZONES), anchor_day=st.integers(1, 31), instant=INSTANTS)
def test_periods_tile_in_every_zone(name: str, anchor_day: int, instant: datetime) -> None:
    zone = ZoneInfo(name)
    period = find_period(zone, anchor_day, instant)
    following = find_next(zone, anchor_day, follows=period.period_to, since=instant)

    assert period.holds(instant)
    assert timedelta(days=26) < period.period_to - period.period_from < timedelta(days=33)
    assert following == find_period(zone, anchor_day, period.period_to)
    assert following.period_from == period.period_to
    assert find_period(zone, anchor_day, period.period_to - timedelta(microseconds=1)) == period


@given(
    name=st.sampled_from(ZONES),
    other=st.sampled_from(ZONES),
    anchors=st.tuples(st.integers(1, 31), st.integers(1, 31)),
    instant=INSTANTS,
)
def test_a_changed_anchor_or_zone_leaves_no_gap_and_no_overlap(
    name: str, other: str, anchors: tuple[int, int], instant: datetime
) -> None:
    before = find_period(ZoneInfo(name), anchors[0], instant)
    after = find_next(ZoneInfo(other), anchors[1], follows=before.period_to, since=instant)

    assert after.period_from == before.period_to < after.period_to
    # From the next boundary on it is as if it had always been so.
    assert find_period(ZoneInfo(other), anchors[1], after.period_to).period_from == after.period_to


def test_what_is_due_is_every_period_that_has_ended() -> None:
    since = at("2026-01-15 00:00")
    due = list_due(ZoneInfo("UTC"), 1, follows=None, since=since, until=at("2026-04-01 00:00"))

    assert [one.period_from.date() for one in due] == [
        date(2026, 1, 1),
        date(2026, 2, 1),
        date(2026, 3, 1),
    ]
    follows = due[-1].period_to
    assert not list_due(ZoneInfo("UTC"), 1, follows=follows, since=since, until=at("2026-04-30 23:59"))
