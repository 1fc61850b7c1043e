"""``jeton focus``: charges in the FinOps Open Cost and Usage Specification, as CSV or Parquet."""

import asyncio
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated
from uuid import UUID

import typer

from jeton.billing.focus.columns import FOCUS_VERSION
from jeton.billing.focus.words import FocusAsk
from jeton.billing.focus.writing import FORMS, save_export
from jeton.cli.ledger.export import NotWrittenError
from jeton.cli.session import open_database
from jeton.db.data_directory import sync_directory
from jeton.errors import InvalidInputError
from jeton.identity.organizations import get_organization
from jeton.insight.explore.question import DIMENSIONS
from jeton.insight.explore.stretches import of_days
from jeton.insight.explore.sums import TOKEN_CLASSES
from jeton.insight.verify import snapshot
from jeton.ledger.budgets.zones import parse_zone
from jeton.settings import invoicing_rules, load_settings

CLASS = "token_class"
NARROWED = (*DIMENSIONS, CLASS)
app = typer.Typer()
_DAY = "%Y-%m-%d"


class Shape(StrEnum):
    """What the file is."""

    CSV = "csv"
    PARQUET = "parquet"


@app.command()
def focus(
    *,
    from_on: Annotated[datetime, typer.Option("--from", formats=[_DAY], help="The first day.")],
    to_on: Annotated[
        datetime | None, typer.Option("--to", formats=[_DAY], help="The last day, which is included.")
    ] = None,
    zone: Annotated[str, typer.Option(help="The zone whose days these are: Europe/Berlin")] = "UTC",
    organization: Annotated[UUID | None, typer.Option(help="Only this organization.")] = None,
    shape: Annotated[Shape, typer.Option("--format", help="What to write.")] = Shape.CSV,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help=f"Of this alone; may be repeated: {', '.join(NARROWED)}"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A file instead of standard output.")
    ] = None,
) -> None:
    """Write what was used, bought, taxed and corrected as FOCUS 1.2, of every organization or of one."""
    if output is None and shape is Shape.PARQUET and sys.stdout.isatty():
        raise InvalidInputError("Parquet is no text for a terminal: give a file with --output.")
    last_on = (to_on or datetime.now(UTC)).date()
    stretch = of_days(from_on.date(), last_on + timedelta(days=1), zone=parse_zone(zone))
    with tempfile.TemporaryFile() as draft:
        written = asyncio.run(_save(_narrow(FocusAsk(organization, stretch), only or []), shape, draft))
        draft.seek(0)
        if output is None:
            shutil.copyfileobj(draft, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        _place(draft, output)
    typer.echo(f"{written:,} rows of FOCUS {FOCUS_VERSION} written to {output}.", err=True)


def _narrow(ask: FocusAsk, only: list[str]) -> FocusAsk:
    """The ask with what ``--only`` says; InvalidInputError."""
    where: dict[str, tuple[str, ...]] = {}
    for text in only:
        name, equals, value = text.partition("=")
        if not equals or name not in NARROWED or (name == CLASS and value not in TOKEN_CLASSES):
            raise InvalidInputError(
                f"--only {text} is not one of {', '.join(f'{known}=…' for known in NARROWED)};"
                f" a {CLASS} is one of {', '.join(TOKEN_CLASSES)}."
            )
        where[name] = (*where.get(name, ()), value)
    classes = where.pop(CLASS, ("",))
    if len(classes) > 1:
        raise InvalidInputError(f"--only {CLASS}=… can be said once.")
    return replace(ask, where=where, token_class=classes[0])


async def _save(ask: FocusAsk, shape: Shape, file: IO[bytes]) -> int:
    settings = load_settings()
    async with open_database(settings) as pool, pool.connection() as connection:
        if ask.organization_id is not None:
            async with connection.transaction():
                await get_organization(connection, ask.organization_id)
        async with snapshot(connection):
            rules = invoicing_rules(settings)
            return await save_export(connection, ask, file, form=FORMS[shape.value], rules=rules)


def _place(draft: IO[bytes], output: Path) -> None:
    """The file appears whole, readable by its owner only, or not at all."""
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(draft, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(output)
        sync_directory(output.absolute().parent)
    except OSError as error:
        raise NotWrittenError(output, error.strerror or str(error)) from None
    finally:
        part.unlink(missing_ok=True)
