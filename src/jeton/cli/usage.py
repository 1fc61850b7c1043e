"""``jeton usage``: tokens and money by day and model."""

import asyncio
import json
import re
from typing import Annotated

import typer
from rich.table import Table

from jeton import clock
from jeton.cli.keys import Json, OrganizationOption
from jeton.cli.options import make_console
from jeton.cli.session import choose_organization, open_database
from jeton.errors import InvalidInputError
from jeton.insight.usage import DAYS_MAX, DayRange, Sums, UsageReport, list_daily_usage, render_usage
from jeton.money import display_usd
from jeton.settings import load_settings

_COUNTS = ("requests", "input", "cache write", "cache read", "output")
_SINCE = re.compile(r"([1-9][0-9]{0,2})d")


class InvalidSinceError(InvalidInputError):
    """A ``--since`` that is no number of days."""

    code = "invalid_since"

    def __init__(self, text: str) -> None:
        """Show the text and the form."""
        super().__init__(f"--since {text!r} is not a number of days from 1d to {DAYS_MAX}d.")


def usage(
    *,
    since: Annotated[str, typer.Option(help="How many UTC days back, today included: 7d")] = "7d",
    organization: OrganizationOption = None,
    as_json: Json = False,
) -> None:
    """Show usage and net amounts by UTC day and model."""
    found = _SINCE.fullmatch(since)
    if found is None:
        raise InvalidSinceError(since)
    range_ = DayRange.last(int(found[1]), at=clock.now())

    async def read() -> UsageReport:
        async with open_database(load_settings()) as pool, pool.connection() as connection:
            organization_id = await choose_organization(connection, organization)
            return await list_daily_usage(connection, organization_id, range_=range_)

    report = asyncio.run(read())
    if as_json:
        typer.echo(json.dumps(render_usage(report), indent=2))
    else:
        _print(report)


def _print(report: UsageReport) -> None:
    table = Table("day (UTC)", "model", show_footer=True)
    totals = report.totals
    # Where nothing was reversed, what was charged is the net amount; without free credit all of it is due.
    has_reversed, has_free = totals.reversed_nano > 0, totals.free_credit_nano != 0
    gross = ("charged", "reversed") if has_reversed else ()
    paid = ("free credit", "due") if has_free else ()
    for name in (*_COUNTS, "list amount", *gross, "net amount", *paid):
        table.add_column(name, justify="right")
    for row in report.rows:
        cells = _cells(row.sums, has_reversed=has_reversed, has_free=has_free)
        table.add_row(row.day_on.isoformat(), row.model, *cells)
    table.columns[0].footer = "total"
    footers = _cells(totals, has_reversed=has_reversed, has_free=has_free)
    for column, cell in zip(table.columns[2:], footers, strict=True):
        column.footer = cell
    console = make_console()
    console.print(table)
    console.print(f"As of {report.as_of:%Y-%m-%d %H:%M:%S} UTC.")


def _cells(sums: Sums, *, has_reversed: bool, has_free: bool) -> list[str]:
    gross = [display_usd(sums.charged_nano), display_usd(-sums.reversed_nano)] if has_reversed else []
    paid = [display_usd(-sums.free_credit_nano), display_usd(sums.due_nano)] if has_free else []
    writes = sums.cache_creation_5m_input_tokens + sums.cache_creation_1h_input_tokens
    return [
        f"{sums.requests:,}",
        f"{sums.input_tokens:,}",
        f"{writes:,}",
        f"{sums.cache_read_input_tokens:,}",
        f"{sums.output_tokens:,}",
        display_usd(sums.list_nano),
        *gross,
        display_usd(sums.net_nano),
        *paid,
    ]
