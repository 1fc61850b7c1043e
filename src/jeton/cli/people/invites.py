"""``jeton invites``: who was asked to become a member.

The link goes by mail. Where there is no mail server it is printed, this once: whoever has this command
line may do anything here anyway.
"""

import asyncio
import json
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from jeton import clock
from jeton.app.edges.access import make_postman
from jeton.cli.credits.operator import By, make_actor
from jeton.cli.keys import Json, OrganizationOption
from jeton.cli.options import make_console
from jeton.cli.people.rendering import render_invite
from jeton.cli.session import choose_organization, open_database
from jeton.identity.invites.invites import Invite, create_invite, delete_invite, list_invites
from jeton.identity.members import Role
from jeton.notifications.notes import Asked, render_invite_link
from jeton.settings import Settings, load_settings, render_base_url

app = typer.Typer(help="Invite people to an organization.", no_args_is_help=True)


@app.command("list")
def list_command(
    *,
    has_answered: Annotated[bool, typer.Option("--all", help="Also those that were answered.")] = False,
    organization: OrganizationOption = None,
    as_json: Json = False,
) -> None:
    """List the invites that are open."""
    invites = asyncio.run(_list(organization, has_answered=has_answered))
    if as_json:
        typer.echo(json.dumps([render_invite(invite) for invite in invites], indent=2))
        return
    table = Table("invite", "e-mail", "role", "state", "by", "expires")
    for invite in invites:
        expires = invite.expires_at.isoformat(timespec="seconds")
        status = invite.status_at(clock.now())
        table.add_row(invite.invite_id, invite.email, invite.role, status, invite.invited_by, expires)
    make_console().print(table)


@app.command("create")
def create_command(
    email: Annotated[str, typer.Argument(help="Whom to invite.")],
    role: Annotated[Role, typer.Argument(help="What they will be.")],
    *,
    organization: OrganizationOption = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Invite somebody, or again with a new link; it goes by mail, and is printed where there is none."""
    settings = load_settings()
    invite, secret = asyncio.run(_create(settings, organization, email, role=role, by=by))
    problem, link = asyncio.run(tell_invited(settings, invite, secret))
    if as_json:
        typer.echo(json.dumps({**render_invite(invite), "link": link, "problem": problem}, indent=2))
    elif problem:
        typer.echo(f"{invite.invite_id} is open, but its mail could not be sent: {problem}", err=True)
    elif link:
        typer.echo(link)
        typer.echo(f"{invite.invite_id}: hand the link on, it is shown once.", err=True)
    else:
        typer.echo(f"A mail with the link went to {invite.email}.")


@app.command("delete")
def delete_command(
    invite_id: Annotated[str, typer.Argument(help="The invite's id: invite_…")],
    *,
    organization: OrganizationOption = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Take an open invite back; its link is worth nothing from now on."""
    invite = asyncio.run(_delete(organization, invite_id, by))
    said = f"The invite of {invite.email} is taken back."
    typer.echo(json.dumps(render_invite(invite), indent=2) if as_json else said)


async def _list(organization_id: UUID | None, *, has_answered: bool) -> list[Invite]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        chosen = await choose_organization(connection, organization_id)
        return await list_invites(connection, chosen, is_open=not has_answered)


async def _create(
    settings: Settings, organization_id: UUID | None, email: str, *, role: Role, by: str
) -> tuple[Invite, str]:
    async with open_database(settings) as pool, pool.connection() as connection:
        chosen = await choose_organization(connection, organization_id)
        return await create_invite(connection, chosen, email=email, role=role, by=make_actor(by))


async def tell_invited(settings: Settings, invite: Invite, secret: str) -> tuple[str, str | None]:
    """What went wrong with the mail, and the link where there is nobody to mail it; after the commit."""
    postman = make_postman(settings)
    if postman is None:
        base = settings.public_url or render_base_url(settings.host, settings.port)
        return "", render_invite_link(base, secret)
    asked = Asked(invite.email, invite.organization_name, invite.role, invite.invited_by, invite.expires_at)
    return (await postman.send_invite(asked, secret)).problem, None


async def _delete(organization_id: UUID | None, invite_id: str, by: str) -> Invite:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        chosen = await choose_organization(connection, organization_id)
        return await delete_invite(connection, chosen, invite_id, by=make_actor(by))
