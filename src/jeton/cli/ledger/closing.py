"""``jeton ledger close``, ``reopen`` and ``status``: months of the books."""

import asyncio
import json
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from jeton import clock
from jeton.app.proving.child import prove_next
from jeton.billing.books_lock import find_locked_until
from jeton.billing.closing.checklist import read_checklist
from jeton.billing.closing.closing import close_month, list_closings, reopen_month
from jeton.billing.closing.words import Closing, Item, Month, find_month, parse_month
from jeton.cli.credits.operator import By, Json, Reason, make_actor
from jeton.cli.options import make_console
from jeton.cli.session import open_database
from jeton.db.pool import Pool
from jeton.identity.audit import Actor
from jeton.ledger.budgets.zones import parse_zone
from jeton.money import display_usd
from jeton.settings import load_settings
from jeton.watch.proofs import request_proof

app = typer.Typer()

MonthName = Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2026-11.")]
_SIGNS = {"done": "[green]done[/green]", "open": "[red]open[/red]", "attention": "[yellow]look[/yellow]"}


@app.command("status")
def status_command(
    month: Annotated[str, typer.Argument(metavar="[MONTH]", help="The next one to close without it.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """Say which months are closed, and what is to be done before a month can be."""
    asyncio.run(_status(month, as_json=as_json))


@app.command("close")
def close_command(
    month: MonthName,
    *,
    reason: Annotated[str, typer.Option(help="A note, kept with it.")] = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Close a month, and all before it: nothing is posted into it any more."""
    asyncio.run(_close(month, reason, make_actor(by), as_json=as_json))


@app.command("reopen")
def reopen_command(month: MonthName, *, reason: Reason, by: By = "", as_json: Json = False) -> None:
    """Open the newest closed month again."""
    asyncio.run(_reopen(month, reason, make_actor(by), as_json=as_json))


def _parse(name: str) -> Month:
    return parse_month(name, parse_zone(load_settings().books_zone))


async def _status(name: str, *, as_json: bool) -> None:
    zone = parse_zone(load_settings().books_zone)
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        at = clock.now()
        locked_until = await find_locked_until(connection)
        before = find_month(find_month(at, zone).starts_at - timedelta(seconds=1), zone)
        month = _parse(name) if name else find_month(locked_until, zone) if locked_until else before
        items = await read_checklist(connection, month, at)
        closings = await list_closings(connection)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "closed_until": locked_until.isoformat() if locked_until else None,
                    "month": month.name,
                    "checklist": [asdict(item) for item in items],
                    "closings": [_render(one) for one in closings],
                },
                indent=2,
            )
        )
        return
    console = make_console()
    until = f"{locked_until:%Y-%m-%d %H:%M} UTC" if locked_until else "never: no month is closed"
    console.print(f"Closed until {until}.")
    for one in closings:
        opened = f", opened again by {one.reopened_by}: {one.reopen_reason}" if one.reopened_at else ""
        deferred = "" if one.deferred_nano is None else f", {display_usd(one.deferred_nano)} deferred"
        console.print(
            f"  until {one.period_to:%Y-%m-%d %H:%M} UTC by {one.closed_by}"
            f" at {one.closed_at:%Y-%m-%d}{deferred}{opened}"
        )
    _print_items(console, month, items)


async def _close(name: str, reason: str, by: Actor, *, as_json: bool) -> None:
    month = _parse(name)
    async with open_database(load_settings()) as pool:
        await _prove(pool, month, by)
        async with pool.connection() as connection:
            closing = await close_month(connection, month, by=by, at=clock.now(), reason=reason)
    until = f"{closing.period_to:%Y-%m-%d %H:%M} UTC"
    _show(closing, f"{month.name} is closed: nothing is posted before {until}.", as_json=as_json)


async def _prove(pool: Pool, month: Month, by: Actor) -> None:
    """Prove the books, unless they were since the month ended or something else is in the way."""
    async with pool.connection() as connection:
        items = await read_checklist(connection, month, clock.now())
        if [item.key for item in items if item.state == "open"] != ["proof"]:
            return
        await request_proof(connection, by=by.name, at=clock.now())
    errors = Console(stderr=True)
    progress = Progress(
        SpinnerColumn(),
        TextColumn("proving the books"),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
    with progress:
        progress.add_task("prove", total=None)
        await prove_next(pool)


async def _reopen(name: str, reason: str, by: Actor, *, as_json: bool) -> None:
    month = _parse(name)
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        closing = await reopen_month(connection, month, by=by, at=clock.now(), reason=reason)
    _show(closing, f"{month.name} is open again.", as_json=as_json)


def _show(closing: Closing, sentence: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(_render(closing), indent=2) if as_json else sentence)


def _render(closing: Closing) -> dict[str, object]:
    values = asdict(closing)
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values.items()
    }


def _print_items(console: Console, month: Month, items: tuple[Item, ...]) -> None:
    table = Table(box=None, pad_edge=False, title=f"{month.name} ({month.zone})", title_justify="left")
    for head in ("", "", "what to do"):
        table.add_column(head)
    for item in items:
        table.add_row(_SIGNS[item.state], item.sentence, item.remedy)
    console.print(table)
