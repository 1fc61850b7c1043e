"""``jeton organizations``: who pays, and who of them is invoiced up to which limit."""

import asyncio
import json
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from jeton.charging.credits.limits import set_credit_limit, set_outage_cap
from jeton.cli.credits.operator import By, Json, make_actor
from jeton.cli.options import make_console
from jeton.cli.session import open_database
from jeton.identity.audit import Actor
from jeton.insight.organizations import (
    ORGANIZATIONS_LISTED_MAX,
    OrganizationBalance,
    list_organization_balances,
    render_organization,
)
from jeton.money import display_usd, parse_usd
from jeton.settings import load_settings

app = typer.Typer(help="Who pays, and how.", no_args_is_help=True)

Organization = Annotated[UUID, typer.Argument(help="The organization's id.")]


@app.command("list")
def list_command(
    *,
    limit: Annotated[int, typer.Option(min=1, max=ORGANIZATIONS_LISTED_MAX)] = ORGANIZATIONS_LISTED_MAX,
    as_json: Json = False,
) -> None:
    """List organizations with what they have left and what they owe."""
    found = asyncio.run(_list(limit))
    if as_json:
        typer.echo(json.dumps([render_organization(entry) for entry in found], indent=2))
        return
    table = Table("organization", "name", "kind", "in lots", "limit", "accrued", "owed", "held")
    for entry in found:
        amounts = (
            entry.lots_nano,
            entry.credit_limit_nano,
            entry.accrued_nano,
            entry.owed_nano,
            entry.held_nano,
        )
        table.add_row(str(entry.organization_id), entry.name, entry.kind, *map(display_usd, amounts))
    make_console().print(table)


@app.command("set-invoiced")
def set_invoiced_command(
    organization_id: Organization,
    *,
    limit: Annotated[str, typer.Option(help="The most it may owe, in dollars: 1000.00")],
    by: By = "",
) -> None:
    """Invoice an organization from now on: beyond its lots it may use credit up to a limit."""
    asyncio.run(_set_limit(organization_id, parse_usd(limit), make_actor(by)))
    typer.echo(f"{organization_id} may owe up to {display_usd(parse_usd(limit))}.")


@app.command("set-prepaid")
def set_prepaid_command(organization_id: Organization, *, by: By = "") -> None:
    """Serve an organization from its lots alone; what it owes stays owed."""
    asyncio.run(_set_limit(organization_id, 0, make_actor(by)))
    typer.echo(f"{organization_id} is prepaid.")


@app.command("set-outage")
def set_outage_command(
    organization_id: Organization,
    *,
    cap: Annotated[str, typer.Option(help="The most a server may let it use, in dollars; 0 to stop it.")],
    by: By = "",
) -> None:
    """Choose whether an invoiced organization goes on, up to a cap, while the database is away."""
    cap_nano = parse_usd(cap)
    asyncio.run(_set_outage_cap(organization_id, cap_nano, make_actor(by)))
    typer.echo(
        f"{organization_id} is served up to {display_usd(cap_nano)} a server while the database is away."
        if cap_nano
        else f"{organization_id} is not served while the database is away."
    )


async def _set_outage_cap(organization_id: UUID, cap_nano: int, by: Actor) -> None:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        await set_outage_cap(connection, organization_id, cap_nano, by=by)


async def _list(limit: int) -> list[OrganizationBalance]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await list_organization_balances(connection, limit=limit)


async def _set_limit(organization_id: UUID, limit_nano: int, by: Actor) -> None:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        await set_credit_limit(connection, organization_id, limit_nano, by=by)
