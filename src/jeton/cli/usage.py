"""``jeton usage``: tokens and money by day, and by model or what else is asked for."""

import asyncio
import json
import re
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from jeton import clock
from jeton.cli.keys import Json, OrganizationOption
from jeton.cli.options import make_console
from jeton.cli.session import choose_organization, open_database
from jeton.errors import InvalidInputError
from jeton.insight.explore.question import Question, Report
from jeton.insight.explore.reading import explore
from jeton.insight.explore.rendering import render_report
from jeton.insight.explore.stretches import of_days
from jeton.insight.explore.sums import Sums as ExploredSums
from jeton.insight.usage import DAYS_MAX, DayRange, Sums, UsageReport, list_daily_usage, render_usage
from jeton.money import display_usd
from jeton.settings import load_settings

_COUNTS = ("requests", "input", "cache write", "cache read", "output")
# Of more the rest of a grouping is summed as other.
GROUPS_TOLD = 50
Row = tuple[str, str, Sums | ExploredSums]
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
    by: Annotated[str, typer.Option(help="By what: model, end_user, tag, key_id, workspace_id …")] = "model",
    end_user: Annotated[str | None, typer.Option(help="Of this end user only.")] = None,
    tag: Annotated[str | None, typer.Option(help="Of requests with this tag only.")] = None,
    organization: OrganizationOption = None,
    as_json: Json = False,
) -> None:
    """Show usage and net amounts by UTC day and model, or by an end user's or a tag's."""
    found = _SINCE.fullmatch(since)
    if found is None:
        raise InvalidSinceError(since)
    range_ = DayRange.last(int(found[1]), at=clock.now())

    where = {name: (value,) for name, value in (("end_user", end_user), ("tag", tag)) if value is not None}

    async def read() -> UsageReport | Report:
        async with open_database(load_settings()) as pool, pool.connection() as connection:
            organization_id = await choose_organization(connection, organization)
            if by == "model" and not where:
                return await list_daily_usage(connection, organization_id, range_=range_)
            days = of_days(range_.from_on, range_.until_on)
            question = Question(organization_id, days, "1d", (by,), where, limit=GROUPS_TOLD)
            return await explore(connection, question)

    report = asyncio.run(read())
    if isinstance(report, UsageReport):
        told = render_usage(report)
        rows: list[Row] = [(row.day_on.isoformat(), row.model, row.sums) for row in report.rows]
    else:
        told = render_report(report)
        cells = [(report.buckets.stretch(cell.bucket)[0], cell) for cell in report.cells][::-1]
        rows = [(f"{at:%Y-%m-%d}", _name(cell.group[0], by), cell.sums) for at, cell in cells]
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        _print(rows, report.totals, by=by)
        make_console().print(f"As of {report.as_of:%Y-%m-%d %H:%M:%S} UTC.")


def _name(value: str | None, by: str) -> str:
    return "other" if value is None else value or f"no {by.replace('_', ' ')}"


def _print(rows: list[Row], totals: Sums | ExploredSums, *, by: str) -> None:
    table = Table("day (UTC)", by.replace("_", " "), show_footer=True)
    # Where nothing was reversed, what was charged is the net amount; without free credit all of it is due.
    has_reversed, has_free = totals.reversed_nano > 0, totals.free_credit_nano != 0
    gross = ("charged", "reversed") if has_reversed else ()
    paid = ("free credit", "due") if has_free else ()
    for name in (*_COUNTS, "list amount", *gross, "net amount", *paid):
        table.add_column(name, justify="right")
    for day, name, sums in rows:
        table.add_row(day, escape(name), *_cells(sums, has_reversed=has_reversed, has_free=has_free))
    table.columns[0].footer = "total"
    footers = _cells(totals, has_reversed=has_reversed, has_free=has_free)
    for column, cell in zip(table.columns[2:], footers, strict=True):
        column.footer = cell
    make_console().print(table)


def _cells(sums: Sums | ExploredSums, *, has_reversed: bool, has_free: bool) -> list[str]:
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
