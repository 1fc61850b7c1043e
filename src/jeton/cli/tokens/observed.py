"""Observed: what ``jeton tokens accuracy`` reads from the database, and how it is printed."""

import asyncio
import json

import typer
from rich.table import Table

from jeton import clock
from jeton.cli.options import make_console
from jeton.cli.session import open_database
from jeton.insight.accuracy import (
    AccuracyReport,
    ListedAlarm,
    get_accuracy,
    list_alarms,
    render_accuracy,
    render_alarm,
)
from jeton.insight.usage import DayRange
from jeton.insight.words import ALARM_SENTENCES
from jeton.settings import load_settings

_PPM_PER_PERCENT = 10_000


def show_accuracy(days: int, *, as_json: bool) -> None:
    """Print the last ``days`` UTC days, today included; InvalidRangeError beyond a year."""
    range_ = DayRange.last(days, at=clock.now())

    async def read() -> tuple[AccuracyReport, tuple[ListedAlarm, ...]]:
        async with open_database(load_settings()) as pool, pool.connection() as connection:
            return await get_accuracy(connection, range_=range_), await list_alarms(connection)

    report, alarms = asyncio.run(read())
    if as_json:
        data = {**render_accuracy(report), "alarms": [render_alarm(alarm) for alarm in alarms]}
        typer.echo(json.dumps(data, indent=2))
    else:
        _print(report, alarms)


def _print(report: AccuracyReport, alarms: tuple[ListedAlarm, ...]) -> None:
    console = make_console()
    for alarm in alarms:
        if alarm.acknowledged_at is None:
            console.print(
                f"ALARM {alarm.code}, {alarm.subject}, {alarm.times} ×"
                f" since {alarm.occurred_at:%Y-%m-%d %H:%M} UTC: {ALARM_SENTENCES[alarm.code]}"
            )
    table = Table("model", "content", "method")
    for name in ("prompts", "mean abs. error", "mean error", "worst under", "worst over", "outside"):
        table.add_column(name, justify="right")
    for row in report.counts:
        errors = (row.mean_error_ppm, row.worst_under_ppm, row.worst_over_ppm)
        table.add_row(
            row.model,
            row.kind,
            row.method,
            f"{row.observations:,}",
            f"{row.mean_absolute_error_ppm / _PPM_PER_PERCENT:.2f} %",
            *(f"{error / _PPM_PER_PERCENT:+.2f} %" for error in errors),
            f"{row.outside_ppm / _PPM_PER_PERCENT:.2f} %",
        )
    console.print(table)
    for row in report.bounds:
        console.print(f"Bounds of {row.model}: {row.outside:,} of {row.observations:,} exceeded.")
    console.print(f"As of {report.as_of:%Y-%m-%d %H:%M:%S} UTC.")
