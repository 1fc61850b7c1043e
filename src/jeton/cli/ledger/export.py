"""``jeton ledger export``: the journal for Beancount, a spreadsheet or a program, and statements of it."""

import asyncio
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jeton import clock
from jeton.billing.closing.exports import Delivery, record_export
from jeton.cli.credits.operator import make_actor
from jeton.cli.ledger.statements import Kind, Shape, read_statement, write
from jeton.cli.options import make_console
from jeton.cli.session import open_database
from jeton.db.data_directory import sync_directory
from jeton.errors import InvalidInputError, JetonError
from jeton.insight.accounts.words import Stretch
from jeton.insight.exports.beancount import write_beancount
from jeton.insight.exports.journal import Selection, count_entries
from jeton.insight.exports.tables import write_csv, write_jsonl
from jeton.insight.verify import snapshot
from jeton.ledger.budgets.windows import find_first_instant
from jeton.ledger.budgets.zones import parse_zone
from jeton.settings import load_settings

_DAY = "%Y-%m-%d"
_JOURNALS = frozenset({Kind.JOURNAL, Kind.BEANCOUNT})
EXIT_UNTIED = 1

Write = Callable[[str], object]


class Format(StrEnum):
    """What reads the export."""

    BEANCOUNT = "beancount"
    CSV = "csv"
    JSONL = "jsonl"


_WRITERS = {Format.BEANCOUNT: write_beancount, Format.CSV: write_csv, Format.JSONL: write_jsonl}


class NotWrittenError(JetonError):
    """A file that could not be written."""

    code = "not_written"

    def __init__(self, path: Path, problem: str) -> None:
        """Name the file and what the system said."""
        super().__init__(f"{path} cannot be written ({problem}); nothing was left there.")


app = typer.Typer()


@app.command("export")
def export_command(
    *,
    kind: Annotated[
        Kind | None, typer.Option("--as", help="The journal, or a statement of accounts.")
    ] = None,
    file_format: Annotated[
        Format, typer.Option("--format", help="What shall read the journal.")
    ] = Format.BEANCOUNT,
    organization: Annotated[UUID | None, typer.Option(help="Only this organization.")] = None,
    by_organization: Annotated[
        bool, typer.Option("--by-organization", help="Tell organizations apart, where a statement can.")
    ] = False,
    from_on: Annotated[
        datetime | None,
        typer.Option("--from", formats=[_DAY], help="The first day; before it, opening balances."),
    ] = None,
    to_on: Annotated[
        datetime | None, typer.Option("--to", formats=[_DAY], help="The last day, which is included.")
    ] = None,
    until_on: Annotated[
        datetime | None, typer.Option("--until", formats=[_DAY], help="The day before which it ends.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A file instead of standard output.")
    ] = None,
) -> None:
    """Write the journal, exactly as it is booked, or a statement made of it, in one snapshot."""
    settings = load_settings()
    zone = parse_zone(settings.books_zone)
    from_at = find_first_instant(from_on.date(), zone) if from_on else None
    if to_on and until_on:
        raise InvalidInputError("--to (the last day) and --until (the day after it) say the same: give one.")
    end_on = to_on.date() + timedelta(days=1) if to_on else until_on.date() if until_on else None
    until_at = find_first_instant(end_on, zone) if end_on else None
    if from_on and end_on and from_on.date() >= end_on:
        raise InvalidInputError(
            f"--from {from_on.date()} is not before --until {end_on}, which is the day after the last one."
        )
    if as_csv and as_json:
        raise InvalidInputError("--csv and --json cannot both be written: give one.")
    selection = Selection(organization, from_at, until_at, zone)
    if kind is None or kind in _JOURNALS:
        if kind is Kind.BEANCOUNT:
            file_format = Format.BEANCOUNT
        elif kind is Kind.JOURNAL or as_csv or as_json:
            file_format = Format.JSONL if as_json else Format.CSV
        asyncio.run(_export(file_format, selection, output))
    else:
        shape = Shape.JSON if as_json else Shape.CSV if as_csv or output else Shape.TABLE
        asyncio.run(_state(kind, shape, selection, output, by_organization=by_organization))
    if output is not None and organization is None and from_at and until_at:
        delivery = Delivery(
            "journal" if kind is None or kind in _JOURNALS else kind,
            from_at,
            until_at,
            hashlib.sha256(output.read_bytes()).digest(),
        )
        asyncio.run(_record(delivery))


async def _record(delivery: Delivery) -> None:
    """Note what was delivered, for the checklist of a month."""
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        await record_export(connection, delivery, by=make_actor(""), at=clock.now())


async def _state(
    kind: Kind, shape: Shape, selection: Selection, output: Path | None, *, by_organization: bool
) -> None:
    stretch = Stretch(
        selection.until_at or clock.now(), selection.from_at, selection.organization_id, by_organization
    )
    async with open_database(load_settings()) as pool, pool.connection() as connection, snapshot(connection):
        statement = await read_statement(connection, kind, stretch, load_settings().books_zone)
    with _open(output) as out:
        write(statement, shape, out=out, console=make_console())
    if not statement.is_tied:
        raise typer.Exit(EXIT_UNTIED)


async def _export(file_format: Format, selection: Selection, output: Path | None) -> None:
    errors = Console(stderr=True)
    progress = Progress(
        TextColumn("transactions"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
    async with open_database(load_settings()) as pool, pool.connection() as connection, snapshot(connection):
        total = await count_entries(connection, selection)
        if selection.organization_id and not total:
            raise InvalidInputError(
                f"There is nothing booked for an organization {selection.organization_id}."
            )
        with progress, _open(output) as write_text:
            task = progress.add_task("export", total=total)
            written = await _WRITERS[file_format](
                connection, selection, write_text, lambda rows: progress.update(task, completed=rows)
            )
    if output is not None:
        typer.echo(f"{written:,} transactions written to {output}.", err=True)


@contextmanager
def _open(output: Path | None) -> Iterator[Write]:
    """Standard output, or a file that appears whole, readable by its owner only, or not at all."""
    if output is None:
        yield sys.stdout.write
        sys.stdout.flush()
        return
    draft = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            yield file.write
            file.flush()
            os.fsync(file.fileno())
        draft.replace(output)
        sync_directory(output.absolute().parent)
    except OSError as error:
        raise NotWrittenError(output, error.strerror or str(error)) from None
    finally:
        draft.unlink(missing_ok=True)
