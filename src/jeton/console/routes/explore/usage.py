"""Usage: tokens and amounts by day and model, for a range that is in the address."""

from datetime import date

from jeton import clock
from jeton.console.chart import draw_chart
from jeton.console.errors import InvalidFilterError
from jeton.console.visit import View, Visit
from jeton.insight.usage import DayRange, list_daily_usage, render_usage

DAYS = 30


async def show_usage(visit: Visit) -> View:
    """Usage of the range ``from`` up to ``until`` (exclusive); by default the last 30 days."""
    range_ = _read_range(visit)
    async with visit.deps.pool.connection() as connection:
        report = await list_daily_usage(connection, visit.session.organization_id, range_=range_)
    at = clock.now()
    recent = [(days, DayRange.last(days, at=at)) for days in (7, 30, 90)]
    context = {"report": report, "chart": draw_chart(report), "recent": recent}
    return View("explore/usage.html", context, render_usage(report))


def _read_range(visit: Visit) -> DayRange:
    default = DayRange.last(DAYS, at=clock.now())
    from_on, until_on = _read_day(visit, "from"), _read_day(visit, "until")
    if from_on is None and until_on is None:
        return default
    return DayRange(from_on or default.from_on, until_on or default.until_on)


def _read_day(visit: Visit, name: str) -> date | None:
    text = visit.find_filter(name)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidFilterError(name, f"is {text!r}, not a day such as 2026-11-23") from None
