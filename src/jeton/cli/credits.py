"""``jeton credits``: grant credit to an organization and list its lots."""

import asyncio
import json
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from jeton import clock
from jeton.charging.credits import Grant, grant
from jeton.cli.options import make_console
from jeton.cli.session import open_database
from jeton.insight.balance import Balance, get_balance, render_balance
from jeton.ledger.chart import LotKind
from jeton.money import display_usd, parse_usd, render_usd
from jeton.settings import load_settings

app = typer.Typer(help="Grant credit and list lots.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Organization = Annotated[UUID, typer.Argument(help="The organization's id.")]


@app.command("grant")
def grant_command(
    organization_id: Organization,
    amount: Annotated[str, typer.Argument(help="Dollars, exactly: 25.00")],
    *,
    reason: Annotated[str, typer.Option(help="Why; kept with the lot for ever.")],
    days: Annotated[int | None, typer.Option(min=1, help="Days until it expires; never without it.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only for this model; repeatable.")] = None,
    as_json: Json = False,
) -> None:
    """Give an organization promotional credit."""
    given = Grant(
        kind=LotKind.PROMOTIONAL,
        amount_nano=parse_usd(amount),
        reason=reason,
        expires_at=None if days is None else clock.now() + timedelta(days=days),
        models=frozenset(model) if model else None,
    )
    lot_id = asyncio.run(_grant(organization_id, given))
    if as_json:
        typer.echo(json.dumps({"lot_id": lot_id, "granted": render_usd(given.amount_nano)}))
    else:
        typer.echo(f"Granted {display_usd(given.amount_nano)} as {lot_id}.")


@app.command("list")
def list_command(organization_id: Organization, *, as_json: Json = False) -> None:
    """List the lots of an organization, in burn-down order."""
    balance = asyncio.run(_balance(organization_id))
    if as_json:
        typer.echo(json.dumps(render_balance(balance), indent=2))
        return
    table = Table("lot", "kind", "state", "granted", "used", "held", "available", "expires")
    for lot in balance.lots:
        table.add_row(
            lot.lot_id,
            lot.kind,
            lot.state,
            display_usd(lot.amounts.granted_nano),
            display_usd(lot.amounts.used_nano),
            display_usd(lot.amounts.held_nano),
            display_usd(lot.amounts.available_nano),
            "never" if lot.expires_at is None else lot.expires_at.isoformat(timespec="seconds"),
        )
    make_console().print(table)


async def _grant(organization_id: UUID, given: Grant) -> str:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await grant(connection, organization_id, given)


async def _balance(organization_id: UUID) -> Balance:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await get_balance(connection, organization_id)
