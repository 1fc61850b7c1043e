"""``jeton inbox``: what people ask of the operator."""

import asyncio
import json
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from jeton.charging.credits.granting import DAYS_MAX, Grant, check_models
from jeton.charging.credits.inbox import approve_item, decline_item
from jeton.cli.credits.operator import By, Json, Reason, make_actor
from jeton.cli.options import make_console
from jeton.cli.session import open_database
from jeton.identity.audit import Actor
from jeton.ledger.chart import LotKind
from jeton.money import display_usd, parse_usd, render_usd
from jeton.notifications.inbox.items import InboxItem, ItemFilter, list_items, render_item
from jeton.pricing.loading import load_book
from jeton.settings import load_settings

app = typer.Typer(help="What people ask of the operator.", no_args_is_help=True)

ItemId = Annotated[str, typer.Argument(help="The item's id: inbox_…")]


@app.command("list")
def list_command(
    *,
    is_all: Annotated[bool, typer.Option("--all", help="Decided ones too.")] = False,
    as_json: Json = False,
) -> None:
    """List what waits for a word."""
    items = asyncio.run(_list(is_all=is_all))
    if as_json:
        typer.echo(json.dumps([render_item(item) for item in items], indent=2))
        return
    table = Table("item", "kind", "state", "from", "company", "asked", "message")
    for item in items:
        asked_at = item.created_at.isoformat(timespec="seconds")
        who = f"{item.name} <{item.email}>" if item.email else item.name
        table.add_row(item.item_id, item.kind, item.state, who, item.company, asked_at, item.message)
    make_console().print(table)


@app.command("approve")
def approve_command(
    item_id: ItemId,
    amount: Annotated[str, typer.Argument(help="Dollars to grant: 500.00")],
    *,
    reason: Reason,
    days: Annotated[int, typer.Option(min=1, max=DAYS_MAX, help="Days until the credit expires.")],
    is_commit: Annotated[
        bool, typer.Option("--commit", help="The organization will pay for it; given without this.")
    ] = False,
    organization: Annotated[
        UUID | None, typer.Option(help="Whom to grant it; the writer's organization without it.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only for this model; repeatable.")] = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Grant an extended trial."""
    given = Grant(
        kind=LotKind.COMMIT if is_commit else LotKind.PROMOTIONAL,
        amount_nano=parse_usd(amount),
        reason=reason,
        models=frozenset(model) if model else None,
        days=days,
    )
    check_models(model or (), load_book(*load_settings().prices_dir).models())
    lot_id = asyncio.run(_approve(item_id, organization, given, make_actor(by)))
    if as_json:
        typer.echo(json.dumps({"lot_id": lot_id, "granted": render_usd(given.amount_nano)}))
    else:
        typer.echo(f"Granted {display_usd(given.amount_nano)} as {lot_id}.")


@app.command("decline")
def decline_command(item_id: ItemId, *, reason: Reason, by: By = "") -> None:
    """Keep a request as declined."""
    asyncio.run(_decline(item_id, reason, make_actor(by)))
    typer.echo(f"Declined {item_id}.")


async def _list(*, is_all: bool) -> list[InboxItem]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await list_items(connection, ItemFilter(None if is_all else ("open",)))


async def _approve(item_id: str, organization_id: UUID | None, given: Grant, by: Actor) -> str:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await approve_item(connection, item_id, organization_id=organization_id, given=given, by=by)


async def _decline(item_id: str, reason: str, by: Actor) -> None:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        await decline_item(connection, item_id, reason=reason, by=by)
