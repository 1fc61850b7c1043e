"""``jeton budgets alerts`` and ``snooze``: which alerts an organization gets, and when it wants quiet."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer

from jeton import clock
from jeton.cli.credits.operator import By, Json, make_actor
from jeton.cli.session import choose_organization, open_database
from jeton.db.pool import Connection
from jeton.insight.budgets.alerts import render_choices
from jeton.insight.budgets.standing import get_budget
from jeton.notifications.quiet.choices import AlertChoices, get_choices, set_choices
from jeton.notifications.quiet.snoozes import EVERYTHING, SNOOZE_MAX, list_snoozes, snooze
from jeton.settings import load_settings

Organization = Annotated[
    UUID | None, typer.Option("--organization", help="The organization's id; needed when there are several.")
]
Task = Callable[[Connection, UUID], Awaitable[None]]


def alerts_command(
    *,
    anomalies: Annotated[bool | None, typer.Option(help="Tell of unusual days.")] = None,
    price_changes: Annotated[bool | None, typer.Option(help="Tell of price changes.")] = None,
    silence_hours: Annotated[
        int | None, typer.Option(min=0, help="Tell when no key was used for so long; 0: never.")
    ] = None,
    organization: Organization = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Choose which alerts are given beside those of budgets and credit; without an option, show it."""

    async def choose(connection: Connection, organization_id: UUID) -> None:
        if anomalies is None and price_changes is None and silence_hours is None:
            return
        now = await get_choices(connection, organization_id)
        choices = AlertChoices(
            tells_anomalies=now.tells_anomalies if anomalies is None else anomalies,
            tells_price_changes=now.tells_price_changes if price_changes is None else price_changes,
            silence_hours=now.silence_hours if silence_hours is None else silence_hours or None,
        )
        await set_choices(connection, organization_id, choices, by=make_actor(by))

    _print(asyncio.run(_work(choose, organization)), as_json=as_json)


def snooze_command(
    budget_id: Annotated[str, typer.Argument(help="Only alerts of this budget: bdgt_…")] = "",
    *,
    hours: Annotated[
        int, typer.Option(min=0, max=SNOOZE_MAX // timedelta(hours=1), help="For how long; 0 ends it.")
    ] = 24,
    organization: Organization = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Send alerts to nobody for a while: all of them, or those of one budget."""

    async def quiet(connection: Connection, organization_id: UUID) -> None:
        at, about = clock.now(), EVERYTHING
        if budget_id:
            about = (await get_budget(connection, organization_id, budget_id)).budget_id
        until = at + timedelta(hours=hours)
        await snooze(connection, organization_id, about, until=until, by=make_actor(by), at=at)

    _print(asyncio.run(_work(quiet, organization)), as_json=as_json)


async def _work(task: Task, organization_id: UUID | None) -> dict[str, object]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        chosen_id = await choose_organization(connection, organization_id)
        await task(connection, chosen_id)
        choices = await get_choices(connection, chosen_id)
        return render_choices(choices, await list_snoozes(connection, chosen_id, at=clock.now()))


def _print(shown: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(shown, indent=2))
        return
    for name, value in shown.items():
        typer.echo(f"{name}: {json.dumps(value)}")
