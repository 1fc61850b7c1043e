"""``jeton keys``: create, list and revoke keys of an organization."""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from jeton import clock
from jeton.batches.changing import end_leaked_key
from jeton.cli.credits.operator import By, make_actor
from jeton.cli.options import make_console
from jeton.cli.session import choose_organization, open_database
from jeton.identity.key_life.changing import restrict_key
from jeton.identity.key_life.owning import give_key
from jeton.identity.keys import Key, create_key, list_keys, record_key_audit, revoke_key
from jeton.insight.access.naming import name_restriction
from jeton.pricing.loading import load_book
from jeton.settings import load_settings

app = typer.Typer(help="Create, list and revoke keys.", no_args_is_help=True)


class Kind(StrEnum):
    """What a key opens: the Messages API, or the Admin API."""

    API = "api"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class _Wanted:
    name: str
    kind: Kind
    workspace_id: str | None
    days: int | None


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OrganizationOption = Annotated[
    UUID | None, typer.Option("--organization", help="The organization's id; needed when there are several.")
]


@app.command("create")
def create_command(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    *,
    kind: Annotated[Kind, typer.Option(help="What it opens.")] = Kind.API,
    organization: OrganizationOption = None,
    workspace: Annotated[str | None, typer.Option(help="Workspace id; the default one without it.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="Days until it expires.")] = None,
    as_json: Json = False,
) -> None:
    """Create a key and print its secret, once."""
    wanted = _Wanted(name, kind, workspace, days)
    key, secret = asyncio.run(_create(organization, wanted))
    if as_json:
        typer.echo(json.dumps({**_render(key), "secret": secret}, indent=2))
        return
    typer.echo(secret)
    typer.echo(f"{key.key_id}: shown once, keep it now.", err=True)


@app.command("list")
def list_command(*, organization: OrganizationOption = None, as_json: Json = False) -> None:
    """List the keys of an organization."""
    keys = asyncio.run(_list(organization))
    if as_json:
        typer.echo(json.dumps([_render(key) for key in keys], indent=2))
        return
    table = Table("key", "name", "kind", "hint", "status", "created", "expires")
    for key in keys:
        table.add_row(
            key.key_id,
            key.name,
            key.kind,
            key.hint,
            key.status_at(clock.now()),
            key.created_at.isoformat(timespec="seconds"),
            "never" if key.expires_at is None else key.expires_at.isoformat(timespec="seconds"),
        )
    make_console().print(table)


@app.command("revoke")
def revoke_command(
    key_id: Annotated[str, typer.Argument(help="The key's id: apikey_…")],
    *,
    organization: OrganizationOption = None,
    as_json: Json = False,
) -> None:
    """Revoke a key for good, on every node."""
    key = asyncio.run(_revoke(organization, key_id))
    typer.echo(json.dumps(_render(key), indent=2) if as_json else f"Revoked {key.key_id} ({key.name}).")


@app.command("restrict")
def restrict_command(
    key_id: Annotated[str, typer.Argument(help="The key's id: apikey_…")],
    *,
    model: Annotated[list[str] | None, typer.Option(help="It may ask this one; again for more.")] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="From here: 192.0.2.0/24; again for more.")
    ] = None,
    organization: OrganizationOption = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Restrict a key to models and networks, instead of to those before; without any, to nothing."""
    key = asyncio.run(_restrict(organization, key_id, by, models=model or [], networks=network or []))
    models, networks = ", ".join(key.models or ["any"]), ", ".join(key.networks or ["anywhere"])
    said = f"{key.key_id} may ask {models}, from {networks}."
    typer.echo(json.dumps(_render(key), indent=2) if as_json else said)


async def _restrict(
    organization_id: UUID | None, key_id: str, by: str, *, models: list[str], networks: list[str]
) -> Key:
    settings = load_settings()
    wanted = name_restriction(load_book(*settings.prices_dir), models, networks=networks)
    async with open_database(settings) as pool, pool.connection() as connection:
        chosen = await choose_organization(connection, organization_id)
        return await restrict_key(connection, chosen, key_id, wanted, by=make_actor(by))


@app.command("give")
def give_command(
    key_id: Annotated[str, typer.Argument(help="The key's id: apikey_…")],
    member_id: Annotated[
        str, typer.Argument(help="Whose it is from now on: user_…; nobody's without it.")
    ] = "",
    *,
    organization: OrganizationOption = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Make a key a member's: what it is charged from now on counts in budgets of that member."""
    key = asyncio.run(_give(organization, key_id, member_id=member_id, by=by))
    said = f"{key.key_id} ({key.name}) is {key.member_id or 'nobody'}'s from now on."
    typer.echo(json.dumps(_render(key), indent=2) if as_json else said)


async def _give(organization_id: UUID | None, key_id: str, *, member_id: str, by: str) -> Key:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        chosen = await choose_organization(connection, organization_id)
        return await give_key(connection, chosen, key_id, member_id=member_id, by=make_actor(by))


@app.command("leaked")
def leaked_command(
    key_id: Annotated[str, typer.Argument(help="The key's id: apikey_…")],
    *,
    organization: OrganizationOption = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Revoke a key that leaked and end what it has in flight: streams on every node, and batches."""
    key, canceled = asyncio.run(_end_leaked(organization, key_id, by))
    if as_json:
        typer.echo(json.dumps({**_render(key), "batches_canceled": canceled}, indent=2))
        return
    typer.echo(f"Ended {key.key_id} ({key.name}): cut off everywhere, {canceled} batches canceled.")


async def _end_leaked(organization_id: UUID | None, key_id: str, by: str) -> tuple[Key, int]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        chosen = await choose_organization(connection, organization_id)
        return await end_leaked_key(connection, chosen, key_id, by=make_actor(by), at=clock.now())


async def _create(organization_id: UUID | None, wanted: _Wanted) -> tuple[Key, str]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        key, secret = await create_key(
            connection,
            await choose_organization(connection, organization_id),
            name=wanted.name,
            kind=wanted.kind.value,
            workspace_id=wanted.workspace_id,
            expires_at=None if wanted.days is None else clock.now() + timedelta(days=wanted.days),
        )
        await record_key_audit(connection, make_actor(""), "key.created", key)
    return key, secret


async def _list(organization_id: UUID | None) -> list[Key]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await list_keys(connection, await choose_organization(connection, organization_id))


async def _revoke(organization_id: UUID | None, key_id: str) -> Key:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        chosen = await choose_organization(connection, organization_id)
        key = await revoke_key(connection, chosen, key_id)
        await record_key_audit(connection, make_actor(""), "key.revoked", key)
    return key


def _render(key: Key) -> dict[str, object]:
    return {
        "id": key.key_id,
        "organization_id": str(key.organization_id),
        "workspace_id": key.workspace_id,
        "kind": key.kind,
        "name": key.name,
        "hint": key.hint,
        "member_id": key.member_id,
        "status": key.status_at(clock.now()),
        "created_at": key.created_at.isoformat(),
        "expires_at": None if key.expires_at is None else key.expires_at.isoformat(),
        "models": None if key.models is None else list(key.models),
        "networks": None if key.networks is None else list(key.networks),
        "revoked_at": None if key.revoked_at is None else key.revoked_at.isoformat(),
    }
