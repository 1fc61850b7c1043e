"""Accuracy: the operator's page of how good token counts are, and of the alarms."""

from collections.abc import Mapping

from jeton import clock
from jeton.console.errors import InvalidFilterError
from jeton.console.visit import View, Visit
from jeton.insight.accuracy import get_accuracy, list_alarms, render_accuracy, render_alarm
from jeton.insight.usage import DayRange
from jeton.watch.alarms import acknowledge_alarm
from jeton.watch.errors import AlarmNotFoundError

DAYS = ("1", "7", "30", "90", "365")
DAYS_DEFAULT = "30"


async def show_accuracy(visit: Visit) -> View:
    """Alarms, bounds and errors of the last ``days`` days, for the operator."""
    visit.require_operator()
    days = visit.find_filter("days") or DAYS_DEFAULT
    if days not in DAYS:
        raise InvalidFilterError("days", f"is {days!r}, not one of {', '.join(DAYS)}")
    range_ = DayRange.last(int(days), at=clock.now())
    async with visit.deps.pool.connection() as connection:
        report = await get_accuracy(connection, range_=range_)
        alarms = await list_alarms(connection)
    closed = [alarm for alarm in alarms if alarm.acknowledged_at is not None]
    context = {"report": report, "alarms": alarms, "closed": closed, "days": days, "choices": DAYS}
    return View(
        "operating/accuracy.html",
        context,
        {**render_accuracy(report), "alarms": [render_alarm(alarm) for alarm in alarms]},
    )


async def acknowledge(visit: Visit, form: Mapping[str, str]) -> str:
    """Close an alarm in the operator's name."""
    del form
    visit.require_operator()
    alarm_id = visit.request.path_params["alarm_id"]
    if not alarm_id.isprintable():
        raise AlarmNotFoundError(ascii(alarm_id))
    async with visit.deps.pool.connection() as connection:
        await acknowledge_alarm(connection, alarm_id, by=visit.session.email, at=clock.now())
    return "/console/accuracy"
