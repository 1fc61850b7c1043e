"""Months of the house: read from text, in any zone, with the months before and after."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jeton.billing.closing.errors import InvalidMonthError
from jeton.billing.closing.words import find_month, parse_month


def test_a_month_begins_and_ends_in_its_zone() -> None:
    month = parse_month(" 2026-11 ", ZoneInfo("Asia/Tokyo"))
    assert month.starts_at == datetime(2026, 10, 31, 15, tzinfo=UTC)
    assert month.ends_at == datetime(2026, 11, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize("name", ["1970-01", "9998-12"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_every_month_has_one_before_and_one_after(name: str, zone: str) -> None:
    month = parse_month(name, ZoneInfo(zone))
    before = find_month(month.starts_at - timedelta(seconds=1), ZoneInfo(zone))
    assert before.ends_at == month.starts_at
    assert find_month(month.ends_at, ZoneInfo(zone)).starts_at == month.ends_at


@pytest.mark.parametrize("text", ["", "May", "2026-13", "2026-1", "0000-01", "0001-01", "1969-12", "9999-11"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(InvalidMonthError, match="is no month"):
        parse_month(text, ZoneInfo("UTC"))
