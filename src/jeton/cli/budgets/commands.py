"""``jeton budgets``: make, list, change and end budgets."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from rich.table import Table

from jeton import clock
from jeton.charging.budgets.opening import (
    WantedBudget,
    change_budget,
    create_budget,
    draft_budget,
    end_budget,
)
from jeton.cli.credits.operator import By, Json, make_actor
from jeton.cli.options import make_console
from jeton.cli.session import choose_organization, open_database
from jeton.db.pool import Connection
from jeton.insight.budgets.dry_run import DryRun, render_dry_run, run_dry
from jeton.insight.budgets.standing import BudgetStanding, get_budget, list_budgets, render_budget
from jeton.ledger.budgets.errors import InvalidBudgetError, Scope
from jeton.ledger.budgets.windows import Period
from jeton.money import display_usd, parse_usd
from jeton.settings import load_settings

app = typer.Typer(help="Limit what an organization, a workspace or a key may spend.", no_args_is_help=True)

_Result = TypeVar("_Result")

Organization = Annotated[
    UUID | None, typer.Option("--organization", help="The organization's id; needed when there are several.")
]
BudgetId = Annotated[str, typer.Argument(help="The budget's id: bdgt_…")]


@app.command("create")
def create_command(
    limit: Annotated[str, typer.Argument(help="Dollars in each window, exactly: 100.00")],
    period: Annotated[Period, typer.Argument(help="How long a window is.")],
    *,
    workspace: Annotated[str, typer.Option(help="Only this workspace: wrkspc_…")] = "",
    key: Annotated[str, typer.Option(help="Only this key: apikey_…")] = "",
    zone: Annotated[str, typer.Option(help="The IANA time zone of its days.")] = "UTC",
    anchor_day: Annotated[
        int, typer.Option(help="The day a month begins on (1 to 31), or the weekday of a week (1 Monday).")
    ] = 1,
    is_soft: Annotated[bool, typer.Option("--soft", help="Refuse nothing, only tell.")] = False,
    organization: Organization = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Make a budget; what its running window has seen already is counted."""
    if workspace and key:
        raise InvalidBudgetError("A budget is of a workspace or of a key, not of both.")
    scope: Scope = "workspace" if workspace else "key" if key else "organization"
    wanted = WantedBudget(
        parse_usd(limit),
        period,
        scope=scope,
        scope_id=workspace or key,
        zone=zone,
        anchor_day=anchor_day,
        is_hard=not is_soft,
    )

    async def create(connection: Connection, organization_id: UUID) -> BudgetStanding:
        budget_id = await create_budget(connection, organization_id, wanted, by=make_actor(by))
        return await get_budget(connection, organization_id, budget_id)

    _print([asyncio.run(_work(create, organization))], as_json=as_json)


@app.command("try")
def try_command(
    limit: Annotated[str, typer.Argument(help="Dollars in each window, exactly: 100.00")],
    period: Annotated[Period, typer.Argument(help="How long a window is.")],
    *,
    workspace: Annotated[str, typer.Option(help="Only this workspace: wrkspc_…")] = "",
    key: Annotated[str, typer.Option(help="Only this key: apikey_…")] = "",
    zone: Annotated[str, typer.Option(help="The IANA time zone of its days.")] = "UTC",
    organization: Organization = None,
    as_json: Json = False,
) -> None:
    """Play the requests of the last 30 days under a hard budget that is not in force; nothing is written."""
    scope: Scope = "workspace" if workspace else "key" if key else "organization"
    wanted = WantedBudget(parse_usd(limit), period, scope=scope, scope_id=workspace or key, zone=zone)

    async def play(connection: Connection, organization_id: UUID) -> DryRun:
        at = clock.now()
        budget = await draft_budget(connection, organization_id, wanted, by=make_actor(""), at=at)
        return await run_dry(connection, budget, at=at)

    run = asyncio.run(_work(play, organization))
    if as_json:
        typer.echo(json.dumps(render_dry_run(run), indent=2))
        return
    typer.echo(
        f"Of {run.requests:,} requests since {run.played_from:%Y-%m-%d %H:%M:%S} UTC it would have refused"
        f" {run.refused:,}, which cost {display_usd(run.refused_net_nano)}."
    )


@app.command("list")
def list_command(*, organization: Organization = None, as_json: Json = False) -> None:
    """List the budgets in force with what each has counted in its running window."""
    standings = asyncio.run(_work(list_budgets, organization))
    if as_json:
        typer.echo(json.dumps([render_budget(standing) for standing in standings], indent=2))
    else:
        _print(standings, as_json=False)


@app.command("change")
def change_command(
    budget_id: BudgetId,
    *,
    limit: Annotated[str | None, typer.Option(help="Dollars in each window, from now on.")] = None,
    is_hard: Annotated[bool | None, typer.Option("--hard/--soft", help="Refuse, or only tell.")] = None,
    organization: Organization = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Give a budget another limit, or make it hard or soft; its running window goes on."""
    limit_nano = None if limit is None else parse_usd(limit)

    async def change(connection: Connection, organization_id: UUID) -> BudgetStanding:
        await change_budget(
            connection,
            organization_id,
            budget_id,
            by=make_actor(by),
            limit_nano=limit_nano,
            is_hard=is_hard,
        )
        return await get_budget(connection, organization_id, budget_id)

    _print([asyncio.run(_work(change, organization))], as_json=as_json)


@app.command("end")
def end_command(
    budget_id: BudgetId, *, organization: Organization = None, by: By = "", as_json: Json = False
) -> None:
    """End a budget for good."""

    async def end(connection: Connection, organization_id: UUID) -> BudgetStanding:
        await end_budget(connection, organization_id, budget_id, by=make_actor(by))
        return await get_budget(connection, organization_id, budget_id)

    _print([asyncio.run(_work(end, organization))], as_json=as_json)


async def _work(
    task: Callable[[Connection, UUID], Awaitable[_Result]], organization_id: UUID | None
) -> _Result:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await task(connection, await choose_organization(connection, organization_id))


def _print(standings: list[BudgetStanding], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(render_budget(standings[0]), indent=2))
        return
    table = Table("budget", "of", "period", "limit", "settled", "held", "left", "kind", "window until")
    for one in standings:
        kind = "hard" if one.is_hard else "soft"
        table.add_row(
            one.budget_id,
            one.scope if one.scope == "organization" else one.scope_id,
            f"{one.period} ({one.zone})",
            display_usd(one.limit_nano),
            f"{display_usd(one.settled_nano)} ({one.percent} %)",
            display_usd(one.held_nano),
            display_usd(one.left_nano),
            kind if one.ended_at is None else "ended",
            "for ever" if one.ends_at is None else one.ends_at.isoformat(timespec="seconds"),
        )
    make_console().print(table)
