"""The table in time: what fits a page, the latest first, and where the rest is."""

from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from jeton.console.filters import Filters
from jeton.console.routes.explore.asking import Asked, list_buckets
from jeton.insight.explore.question import Cell, Question, Report
from jeton.insight.explore.stretches import Step, cut, of_days
from jeton.insight.explore.sums import Sums

UTC = ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("days", "step", "shown", "hidden", "latest", "earliest"),
    [
        pytest.param(3, "1h", 48, 24, "2026-10-03 23:00", "2026-10-02 00:00", id="two days of hours"),
        pytest.param(2, "1h", 48, 0, "2026-10-02 23:00", "2026-10-01 00:00", id="all hours fit"),
        pytest.param(70, "1d", 62, 8, "2026-12-09", "2026-10-09", id="two months of days"),
    ],
)
def test_a_table_has_what_fits(
    days: int, step: Step, shown: int, hidden: int, latest: str, earliest: str
) -> None:
    stretch = of_days(date(2026, 10, 1), date(2026, 10, 1) + timedelta(days=days))
    question = Question(UUID(int=1), stretch, step)
    buckets = cut(stretch, step)
    cells = tuple(Cell(number, (), Sums(requests=number + 1)) for number in range(buckets.count))
    report = Report(question, datetime(2026, 12, 31, tzinfo=UTC), buckets, cells)
    rows, more = list_buckets(Asked(Filters(stretch, named=""), question, {}), report, page="cost")
    assert (len(rows), more) == (shown, hidden)
    assert (rows[0][0], rows[-1][0]) == (latest, earliest)
    assert [sums.requests for _, _, sums in rows] == list(range(buckets.count, hidden, -1))
