"""``jeton budgets``: make, try, list, change and end budgets; choose and snooze the alerts about them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, TypeVar
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
from jeton.cli.budgets.alerts import alerts_command, snooze_command
from jeton.cli.credits.operator import By, Json, make_actor
from jeton.cli.options import make_console
from jeton.cli.session import choose_organization, open_database
from jeton.db.pool import Connection
from jeton.insight.budgets.dry_run import DryRun, render_dry_run, run_dry
from jeton.insight.budgets.standing import BudgetStanding, get_budget, list_budgets, render_budget
from jeton.ledger.budgets.errors import name_budget
from jeton.ledger.budgets.scopes import SCOPE_FIELDS, pick_scope
from jeton.ledger.budgets.windows import Period
from jeton.money import display_usd, parse_usd
from jeton.settings import load_settings

app = typer.Typer(
    help="Limit what an organization, a workspace, a key, a member, a model, an end user or a tag may spend.",
    no_args_is_help=True,
)
app.command("alerts")(alerts_command)
app.command("snooze")(snooze_command)

_Result = TypeVar("_Result")

Organization = Annotated[
    UUID | None, typer.Option("--organization", help="The organization's id; needed when there are several.")
]
Workspace = Annotated[str, typer.Option(help="Only this workspace: wrkspc_…")]
KeyId = Annotated[str, typer.Option("--key", help="Only this key: apikey_…")]
MemberId = Annotated[str, typer.Option("--member", help="Only keys of this member: user_…")]
Model = Annotated[str, typer.Option(help="Only this model, by its id or an alias.")]
EndUser = Annotated[
    str,
    typer.Option(help="Only requests for this end user; '*': for each, with a count of its own."),
]
Tag = Annotated[str, typer.Option(help="Only requests with this tag.")]
Zone = Annotated[str, typer.Option(help="The IANA time zone of its days.")]
AnchorDay = Annotated[
    int, typer.Option(help="The day a month begins on (1 to 31), or the weekday of a week (1 Monday).")
]
IsSoft = Annotated[bool, typer.Option("--soft", help="Refuse nothing, only tell.")]
BudgetId = Annotated[str, typer.Argument(help="The budget's id: bdgt_…")]


Command = Callable[..., None]


@dataclass(frozen=True, slots=True)
class _Options:
    """What a budget is made or tried with, as it is typed."""

    limit: Annotated[str, typer.Argument(help="Dollars in each window, exactly: 100.00")]
    period: Annotated[Period, typer.Argument(help="How long a window is.")]
    workspace: Workspace = ""
    key: KeyId = ""
    member: MemberId = ""
    model: Model = ""
    end_user: EndUser = ""
    tag: Tag = ""
    zone: Zone = "UTC"
    anchor_day: AnchorDay = 1
    is_soft: IsSoft = False

    def want(self) -> WantedBudget:
        """The budget that they describe."""
        scope, scope_id = pick_scope({one: getattr(self, one) for one in SCOPE_FIELDS})
        return WantedBudget(
            parse_usd(self.limit),
            self.period,
            scope=scope,
            scope_id=scope_id,
            zone=self.zone,
            anchor_day=self.anchor_day,
            is_hard=not self.is_soft,
        )


def _of_wanted(command: Command) -> Command:
    """``command`` with the options of a budget before its own; its first argument is that budget."""
    of_budget = signature(_Options, eval_str=True).parameters
    own = list(signature(command, eval_str=True).parameters.values())[1:]

    @wraps(command)
    def run(**given: Any) -> None:  # noqa: ANN401 - as many types as there are options
        options = _Options(**{name: given.pop(name) for name in of_budget})
        command(options.want(), **given)

    # What typer reads.
    parameters = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in (*of_budget.values(), *own)]
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]  # inspect looks for it
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


@app.command("create")
@_of_wanted
def create_command(
    wanted: WantedBudget, *, organization: Organization = None, by: By = "", as_json: Json = False
) -> None:
    """Make a budget; what its running window has seen already is counted."""

    async def create(connection: Connection, organization_id: UUID) -> BudgetStanding:
        budget_id = await create_budget(connection, organization_id, wanted, by=make_actor(by))
        return await get_budget(connection, organization_id, budget_id)

    _print([asyncio.run(_work(create, organization))], as_json=as_json)


@app.command("try")
@_of_wanted
def try_command(wanted: WantedBudget, *, organization: Organization = None, as_json: Json = False) -> None:
    """Play the requests of the last 30 days under a budget that is not in force; nothing is written."""

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


@app.command("show")
def show_command(budget_id: BudgetId, *, organization: Organization = None, as_json: Json = False) -> None:
    """Show one budget; of a budget of each end user, those whose use is highest."""

    async def show(connection: Connection, organization_id: UUID) -> BudgetStanding:
        return await get_budget(connection, organization_id, budget_id)

    standing = asyncio.run(_work(show, organization))
    _print([standing], as_json=as_json)
    if standing.is_each and not as_json:
        table = Table("end user", "settled", "held", "left")
        for one in standing.highest:
            settled = f"{display_usd(one.settled_nano)} ({one.percent} %)"
            table.add_row(one.end_user, settled, display_usd(one.held_nano), display_usd(one.left_nano))
        make_console().print(table)


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
            name_budget(one.scope, one.scope_id),
            f"{one.period} ({one.zone})",
            display_usd(one.limit_nano),
            display_usd(one.settled_nano) + ("" if one.is_each else f" ({one.percent} %)"),
            display_usd(one.held_nano),
            "" if one.is_each else display_usd(one.left_nano),
            kind if one.ended_at is None else "ended",
            "for ever" if one.ends_at is None else one.ends_at.isoformat(timespec="seconds"),
        )
    make_console().print(table)
