"""``jeton organizations``: who pays, and who of them is invoiced up to which limit."""

import asyncio
import json
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from jeton import clock
from jeton.billing.switching.switching import switch_to_invoiced, switch_to_prepaid
from jeton.billing.switching.words import Switch, SwitchAsk
from jeton.charging.credits.limits import set_outage_cap
from jeton.cli.credits.operator import By, Json, Reason, make_actor
from jeton.cli.options import make_console
from jeton.cli.people.opening import create_command
from jeton.cli.session import choose_organization, open_database
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
app.command("create")(create_command)

Organization = Annotated[UUID | None, typer.Argument(help="The organization's id; without it the only one.")]
Key = Annotated[str, typer.Option("--key", help="An idempotency key: with it the same is done only once.")]


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
    organization_id: Organization = None,
    *,
    limit: Annotated[str, typer.Option(help="The most it may owe, in dollars: 1000.00")],
    net_days: Annotated[int | None, typer.Option(help="Invoices are due after so many days.")] = None,
    reason: Reason = "asked for",
    item: Annotated[str, typer.Option("--inbox", help="The request to sales that this answers.")] = "",
    key: Key = "",
    by: By = "",
) -> None:
    """Invoice an organization from now on: beyond its lots it may use credit up to a limit."""
    ask = SwitchAsk(make_actor(by), clock.now(), reason, key, item)
    chosen_id, switch = asyncio.run(
        _to_invoiced(organization_id, ask, limit_nano=parse_usd(limit), net_days=net_days)
    )
    typer.echo(f"{chosen_id} may owe up to {display_usd(parse_usd(limit))}.")
    if switch is not None:
        typer.echo(
            f"Switched ({switch.switch_id}): {display_usd(switch.lots_nano)} in lots stays and burns first."
        )


@app.command("set-prepaid")
def set_prepaid_command(
    organization_id: Organization = None,
    *,
    is_last_issued: Annotated[
        bool, typer.Option("--issue-last", help="What is not invoiced yet is billed at once, by a job.")
    ] = False,
    reason: Reason = "asked for",
    key: Key = "",
    by: By = "",
) -> None:
    """Serve an organization from its lots alone; what it owes stays owed."""
    ask = SwitchAsk(make_actor(by), clock.now(), reason, key)
    chosen_id, switch = asyncio.run(_to_prepaid(organization_id, ask, may_issue_last=is_last_issued))
    typer.echo(f"{chosen_id} is prepaid.")
    if switch is not None and switch.documented_at is None:
        typer.echo(
            f"{display_usd(switch.accrued_nano)} was used or is held on credit: its last document follows."
        )


@app.command("set-outage")
def set_outage_command(
    organization_id: Organization = None,
    *,
    cap: Annotated[str, typer.Option(help="The most a server may let it use, in dollars; 0 to stop it.")],
    by: By = "",
) -> None:
    """Choose whether an invoiced organization goes on, up to a cap, while the database is away."""
    cap_nano = parse_usd(cap)
    chosen_id = asyncio.run(_set_outage_cap(organization_id, cap_nano, make_actor(by)))
    typer.echo(
        f"{chosen_id} is served up to {display_usd(cap_nano)} a server while the database is away."
        if cap_nano
        else f"{chosen_id} is not served while the database is away."
    )


async def _set_outage_cap(organization_id: UUID | None, cap_nano: int, by: Actor) -> UUID:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        chosen_id = await choose_organization(connection, organization_id)
        await set_outage_cap(connection, chosen_id, cap_nano, by=by)
    return chosen_id


async def _list(limit: int) -> list[OrganizationBalance]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await list_organization_balances(connection, limit=limit)


async def _to_invoiced(
    organization_id: UUID | None, ask: SwitchAsk, *, limit_nano: int, net_days: int | None
) -> tuple[UUID, Switch | None]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        chosen_id = await choose_organization(connection, organization_id)
        switch = await switch_to_invoiced(
            connection, chosen_id, ask, limit_nano=limit_nano, net_days=net_days
        )
    return chosen_id, switch


async def _to_prepaid(
    organization_id: UUID | None, ask: SwitchAsk, *, may_issue_last: bool
) -> tuple[UUID, Switch | None]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        chosen_id = await choose_organization(connection, organization_id)
        switch = await switch_to_prepaid(connection, chosen_id, ask, may_issue_last=may_issue_last)
    return chosen_id, switch
