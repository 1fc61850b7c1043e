"""``jeton ledger export``: the journal for Beancount, a spreadsheet or a program."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jeton.cli.session import open_database
from jeton.db.data_directory import sync_directory
from jeton.errors import InvalidInputError, JetonError
from jeton.insight.exports.beancount import write_beancount
from jeton.insight.exports.journal import Selection, count_entries
from jeton.insight.exports.tables import write_csv, write_jsonl
from jeton.insight.verify import snapshot
from jeton.settings import load_settings

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


def export_command(
    *,
    file_format: Annotated[Format, typer.Option("--format", help="What shall read it.")] = Format.BEANCOUNT,
    organization: Annotated[UUID | None, typer.Option(help="Only this organization.")] = None,
    from_on: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="The first UTC day; before it, opening balances."),
    ] = None,
    until_on: Annotated[
        datetime | None,
        typer.Option("--until", formats=["%Y-%m-%d"], help="The UTC day before which it ends."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A file instead of standard output.")
    ] = None,
) -> None:
    """Write the journal, exactly as it is booked, in one snapshot."""
    from_at = from_on.replace(tzinfo=UTC) if from_on else None
    until_at = until_on.replace(tzinfo=UTC) if until_on else None
    if from_at and until_at and from_at >= until_at:
        raise InvalidInputError(
            f"--from {from_at.date()} is not before --until {until_at.date()}, "
            "which is the day after the last one."
        )
    asyncio.run(_export(file_format, Selection(organization, from_at, until_at), output))


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
        with progress, _open(output) as write:
            task = progress.add_task("export", total=total)
            written = await _WRITERS[file_format](
                connection, selection, write, lambda rows: progress.update(task, completed=rows)
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
