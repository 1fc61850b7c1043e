"""``jeton webhooks``: where webhooks go, what was to be told, and sending it again."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from rich.table import Table

from jeton import clock
from jeton.cli.options import chosen_settings, make_console
from jeton.cli.session import choose_organization, open_database
from jeton.db.pool import Connection
from jeton.insight.deliveries import (
    Page,
    list_deliveries,
    list_events,
    render_delivery,
    render_endpoint,
    render_event,
)
from jeton.notifications.addresses import AddressRules
from jeton.notifications.endpoints import (
    WantedEndpoint,
    create_endpoint,
    delete_endpoint,
    get_endpoint,
    list_endpoints,
    set_enabled,
)
from jeton.notifications.outbox import MISSED_MAX, replay, replay_missed, send_test

CREATED_BY = "command line"

app = typer.Typer(help="Say where webhooks go, see what was told, tell it again.", no_args_is_help=True)

_Result = TypeVar("_Result")
_Task = Callable[[Connection, UUID | None], Awaitable[_Result]]

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Organization = Annotated[
    UUID | None, typer.Option("--organization", help="The organization's id; needed when there are several.")
]
Operator = Annotated[
    bool, typer.Option("--operator", help="The operator's webhooks, which get everybody's events.")
]
Webhook = Annotated[str, typer.Argument(help="The webhook's id: whep_…")]
Limit = Annotated[int, typer.Option(min=1, max=999, help="How many, newest first.")]


@app.command("create")
def create_command(
    url: Annotated[str, typer.Argument(help="An https address.")],
    *,
    event: Annotated[list[str] | None, typer.Option(help="Only this type; repeatable.")] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    organization: Organization = None,
    is_operators: Operator = False,
    as_json: Json = False,
) -> None:
    """Send webhooks to an address, and print the secret that they are signed with, once."""
    rules = AddressRules(allows_private=chosen_settings().webhook_private_networks)
    types = tuple(event) if event else None

    async def create() -> tuple[dict[str, object], str]:
        wanted = WantedEndpoint(await rules.check(url.strip()), description, types, CREATED_BY)

        async def insert(connection: Connection, organization_id: UUID | None) -> tuple[str, str]:
            endpoint, secret = await create_endpoint(connection, organization_id, wanted, at=clock.now())
            return json.dumps(render_endpoint(endpoint)), secret

        shown, secret = await _work(insert, organization, is_operators=is_operators)
        return json.loads(shown), secret

    shown, secret = asyncio.run(create())
    if as_json:
        typer.echo(json.dumps({**shown, "secret": secret}, indent=2))
        return
    typer.echo(secret)
    typer.echo(f"{shown['id']}: the secret is shown once, keep it now.", err=True)


@app.command("list")
def list_command(
    *, organization: Organization = None, is_operators: Operator = False, as_json: Json = False
) -> None:
    """List where webhooks go."""
    endpoints = _run(list_endpoints, organization, is_operators=is_operators)
    if as_json:
        typer.echo(json.dumps([render_endpoint(endpoint) for endpoint in endpoints], indent=2))
        return
    table = Table("webhook", "url", "types", "status", "failing since", "description")
    for endpoint in endpoints:
        table.add_row(
            endpoint.endpoint_id,
            endpoint.url,
            ", ".join(endpoint.event_types or ("every",)),
            "enabled" if endpoint.disabled_at is None else f"disabled ({endpoint.disabled_reason})",
            "" if endpoint.failing_since is None else endpoint.failing_since.isoformat(timespec="seconds"),
            endpoint.description,
        )
    make_console().print(table)


@app.command("enable")
def enable_command(
    webhook_id: Webhook, *, organization: Organization = None, is_operators: Operator = False
) -> None:
    """Enable a webhook; what it missed is not sent by itself: replay it."""
    _switch(webhook_id, organization, is_enabled=True, is_operators=is_operators)
    typer.echo(f"Enabled {webhook_id}.")


@app.command("disable")
def disable_command(
    webhook_id: Webhook, *, organization: Organization = None, is_operators: Operator = False
) -> None:
    """Send nothing to a webhook until it is enabled."""
    _switch(webhook_id, organization, is_enabled=False, is_operators=is_operators)
    typer.echo(f"Disabled {webhook_id}.")


@app.command("delete")
def delete_command(
    webhook_id: Webhook, *, organization: Organization = None, is_operators: Operator = False
) -> None:
    """Delete a webhook and its secret; what was delivered stays to be seen."""

    async def delete(connection: Connection, organization_id: UUID | None) -> None:
        await delete_endpoint(connection, organization_id, webhook_id, at=clock.now())

    _run(delete, organization, is_operators=is_operators)
    typer.echo(f"Deleted {webhook_id}.")


@app.command("test")
def send_test_command(
    webhook_id: Webhook, *, organization: Organization = None, is_operators: Operator = False
) -> None:
    """Have a running server send a test to a webhook."""

    async def test(connection: Connection, organization_id: UUID | None) -> str:
        endpoint = await get_endpoint(connection, organization_id, webhook_id)
        return await send_test(connection, endpoint, at=clock.now())

    event_id = _run(test, organization, is_operators=is_operators)
    typer.echo(f"{event_id} is on its way: see jeton webhooks deliveries {webhook_id}.")


@app.command("events")
def events_command(
    *,
    type_: Annotated[str, typer.Option("--type", help="Only events of this type.")] = "",
    limit: Limit = 20,
    organization: Organization = None,
    is_operators: Operator = False,
    as_json: Json = False,
) -> None:
    """List what happened and to how many it was told."""

    async def read(connection: Connection, organization_id: UUID | None) -> list[dict[str, object]]:
        found = await list_events(connection, organization_id, Page(limit), type_=type_)
        return [render_event(event) for event in found]

    events = _run(read, organization, is_operators=is_operators)
    if as_json:
        typer.echo(json.dumps(events, indent=2))
        return
    _print(events, ("id", "event_type", "occurred_at", "deliveries", "delivered", "given_up", "data"))


@app.command("deliveries")
def deliveries_command(
    webhook_id: Webhook,
    *,
    limit: Limit = 20,
    organization: Organization = None,
    is_operators: Operator = False,
    as_json: Json = False,
) -> None:
    """List what was sent to a webhook and what it answered."""

    async def read(connection: Connection, organization_id: UUID | None) -> list[dict[str, object]]:
        endpoint = await get_endpoint(connection, organization_id, webhook_id)
        return [render_delivery(found) for found in await list_deliveries(connection, endpoint, Page(limit))]

    deliveries = _run(read, organization, is_operators=is_operators)
    if as_json:
        typer.echo(json.dumps(deliveries, indent=2))
        return
    _print(deliveries, ("event_id", "event_type", "state", "attempts", "last_status", "last_problem"))


@app.command("replay")
def replay_command(
    event_id: Annotated[str, typer.Argument(help="The event's id: evt_…")],
    *,
    webhook: Annotated[str | None, typer.Option(help="Only to this one: whep_…")] = None,
    organization: Organization = None,
    is_operators: Operator = False,
) -> None:
    """Have an event sent again, under the same id."""

    async def ask(connection: Connection, organization_id: UUID | None) -> list[str]:
        return await replay(connection, organization_id, event_id, endpoint_id=webhook, at=clock.now())

    receivers = _run(ask, organization, is_operators=is_operators)
    typer.echo(f"{event_id} goes again to {', '.join(receivers)}.")


@app.command("recover")
def recover_command(
    webhook_id: Webhook,
    *,
    days: Annotated[int, typer.Option(min=1, max=3650, help="What happened in so many days.")] = 3,
    organization: Organization = None,
    is_operators: Operator = False,
) -> None:
    """Have a webhook sent what did not get to it."""

    async def ask(connection: Connection, organization_id: UUID | None) -> list[str]:
        at = clock.now()
        endpoint = await get_endpoint(connection, organization_id, webhook_id)
        return await replay_missed(connection, endpoint, since=at - timedelta(days=days), at=at)

    event_ids = _run(ask, organization, is_operators=is_operators)
    more = " Call it again for the rest." if len(event_ids) == MISSED_MAX else ""
    typer.echo(f"{len(event_ids)} events go to {webhook_id}.{more}")


def _switch(webhook_id: str, organization: UUID | None, *, is_enabled: bool, is_operators: bool) -> None:
    async def switch(connection: Connection, organization_id: UUID | None) -> None:
        endpoint = await get_endpoint(connection, organization_id, webhook_id)
        await set_enabled(connection, endpoint, is_enabled=is_enabled, at=clock.now())

    _run(switch, organization, is_operators=is_operators)


def _run(task: _Task[_Result], organization: UUID | None, *, is_operators: bool) -> _Result:
    return asyncio.run(_work(task, organization, is_operators=is_operators))


async def _work(task: _Task[_Result], organization: UUID | None, *, is_operators: bool) -> _Result:
    """Run a task in a transaction, for the organization that is meant or (None) for the operator."""
    async with open_database(chosen_settings()) as pool, pool.connection() as connection:
        chosen = None if is_operators else await choose_organization(connection, organization)
        return await task(connection, chosen)


def _print(rows: list[dict[str, object]], columns: tuple[str, ...]) -> None:
    table = Table(*(column.replace("_", " ") for column in columns))
    for row in rows:
        table.add_row(*("" if row[column] is None else _render(row[column]) for column in columns))
    make_console().print(table)


def _render(value: object) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)
