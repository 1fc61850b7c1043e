"""``jeton payments import | lines | assign | returned | ignore``: statements of the bank."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from jeton import clock
from jeton.billing.currencies import display_minor, render_minor
from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.statements.assigning import (
    LINES_MAX,
    BankLine,
    assign_line,
    get_line,
    ignore_line,
    list_lines,
    list_returned,
    propose,
    return_line,
)
from jeton.billing.receivables.statements.importing import Imported, StatementFile, import_statement
from jeton.billing.receivables.statements.words import STATEMENT_BYTES_MAX
from jeton.cli.credits.operator import By, Json, Reason, make_actor
from jeton.cli.options import make_console
from jeton.cli.payments.group import app
from jeton.cli.payments.reading import read_shares
from jeton.cli.session import open_database
from jeton.errors import InvalidInputError
from jeton.identity.audit import Actor
from jeton.settings import csv_terms, load_settings

LineId = Annotated[str, typer.Argument(help="The line's id: bkln_…")]
LineState = Literal["open", "applied", "assigned", "ignored"]


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="A statement: CSV, or CAMT.053 as XML.")],
    *,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Import a statement: what leaves no doubt pays its documents, the rest waits in jeton payments lines."""
    imported = asyncio.run(_import(StatementFile(file.name, _read(file)), make_actor(by)))
    if as_json:
        typer.echo(json.dumps(asdict(imported), indent=2))
        return
    typer.echo(
        f"{imported.lines} lines: {imported.applied} applied, {imported.waiting} wait for you, "
        f"{imported.outgoing} went out, {imported.known} were there before."
    )


@app.command("lines")
def lines_command(
    *,
    state: Annotated[LineState, typer.Option(help="open: those that wait.")] = "open",
    limit: Annotated[int, typer.Option(min=1, max=LINES_MAX)] = 50,
    as_json: Json = False,
) -> None:
    """List lines of statements, with what speaks for whom."""
    lines = asyncio.run(_lines(state, limit))
    if as_json:
        typer.echo(json.dumps([_render(line, why, numbers) for line, why, numbers in lines], indent=2))
        return
    table = Table("line", "on", "amount", "payer", "text", "why", "proposed")
    for line, why, numbers in lines:
        table.add_row(
            line.line_id,
            line.booked_on.isoformat(),
            display_minor(line.amount_minor, line.currency),
            escape(line.payer),
            escape(line.remittance),
            escape(why),
            escape(", ".join(numbers)),
        )
    make_console().print(table)


@app.command("assign")
def assign_command(
    line_id: LineId,
    documents: Annotated[
        list[str], typer.Argument(help="Documents by number or id, each with =AMOUNT or not.")
    ],
    *,
    reason: Reason,
    by: By = "",
) -> None:
    """Put the money of a line on documents."""
    payment_id = asyncio.run(_assign(line_id, documents, Act(make_actor(by), clock.now(), reason)))
    typer.echo(f"{line_id} is {payment_id}.")


@app.command("returned")
def returned_command(
    line_id: LineId,
    payment_id: Annotated[str, typer.Argument(help="The payment that came back: rcvd_…")],
    *,
    reason: Reason,
    by: By = "",
) -> None:
    """Void the payment that a line which went out has returned; what it paid is due again."""
    asyncio.run(_return(line_id, payment_id, Act(make_actor(by), clock.now(), reason)))
    typer.echo(f"{line_id} returned {payment_id}.")


@app.command("ignore")
def ignore_command(line_id: LineId, *, reason: Reason, by: By = "") -> None:
    """Say that a line is no payment on a document, or was dealt with otherwise."""
    asyncio.run(_ignore(line_id, Act(make_actor(by), clock.now(), reason)))
    typer.echo(f"{line_id} is ignored.")


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(STATEMENT_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidInputError(f"{file} cannot be read: {error.strerror}.") from None


def _render(line: BankLine, why: str, numbers: list[str]) -> dict[str, object]:
    return {
        "id": line.line_id,
        "type": "bank_line",
        "state": line.state,
        "booked_on": line.booked_on.isoformat(),
        "amount": render_minor(line.amount_minor, line.currency),
        "currency": line.currency,
        "payer": line.payer,
        "text": line.remittance,
        "end_to_end_id": line.end_to_end_id,
        "bank_reference": line.bank_reference,
        "why": why,
        "proposed": numbers,
        "payment_id": line.payment_id,
    }


async def _import(file: StatementFile, by: Actor) -> Imported:
    settings = load_settings()
    async with open_database(settings) as pool:
        return await import_statement(pool, file, csv_terms(settings), by=by, at=clock.now())


async def _lines(state: LineState, limit: int) -> list[tuple[BankLine, str, list[str]]]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        shown = []
        for line in await list_lines(connection, state=state, limit=limit):
            if line.state == "open":
                found, documents = await propose(connection, line)
                names = [document.number for document in documents]
                if line.amount_minor < 0:
                    names = [one.payment_id for one in (await list_returned(connection, line)).proposed]
                shown.append((line, found.why, names))
            else:
                shown.append((line, line.why, []))
        return shown


async def _assign(line_id: str, documents: list[str], act: Act) -> str:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        line = await get_line(connection, line_id)
        shares = await read_shares(connection, documents, left_minor=line.amount_minor)
        return await assign_line(connection, line_id, shares, act)


async def _return(line_id: str, payment_id: str, act: Act) -> None:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        await return_line(connection, line_id, payment_id=payment_id, act=act)


async def _ignore(line_id: str, act: Act) -> None:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        await ignore_line(connection, line_id, act)
