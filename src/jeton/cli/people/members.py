"""``jeton members``: who is in an organization, and what each may do."""

import asyncio
import json
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from jeton.cli.credits.operator import By, make_actor
from jeton.cli.keys import Json, OrganizationOption
from jeton.cli.options import make_console
from jeton.cli.people.rendering import render_member
from jeton.cli.session import choose_organization, open_database
from jeton.db.pool import Connection
from jeton.errors import InvalidInputError
from jeton.identity.members import Member, Role, change_role, list_members, remove_member
from jeton.settings import load_settings

app = typer.Typer(help="Members of an organization, and their roles.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(help="The member's e-mail, or id: user_…")]


class NoSuchMemberError(InvalidInputError):
    """Nobody in the organization has this e-mail or id."""

    code = "no_such_member"

    def __init__(self, who: str) -> None:
        """Name what was looked for, and where to see who there is."""
        super().__init__(f"Nobody here is {who[:320]!a}. `jeton members list` shows who is.")


@app.command("list")
def list_command(*, organization: OrganizationOption = None, as_json: Json = False) -> None:
    """List the members in the order in which they joined."""
    members = asyncio.run(_list(organization))
    if as_json:
        typer.echo(json.dumps([render_member(member) for member in members], indent=2))
        return
    table = Table("member", "e-mail", "role", "since")
    for member in members:
        since = member.created_at.isoformat(timespec="seconds")
        table.add_row(member.member_id, member.email, member.role, since)
    make_console().print(table)


@app.command("role")
def role_command(
    who: Who,
    role: Annotated[Role, typer.Argument(help="What the member may do from now on.")],
    *,
    organization: OrganizationOption = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Give a member another role; the last admin stays one."""
    member = asyncio.run(_change(organization, who, role, by))
    said = f"{member.email} is {member.role} from the next page on."
    typer.echo(json.dumps(render_member(member), indent=2) if as_json else said)


@app.command("remove")
def remove_command(
    who: Who, *, organization: OrganizationOption = None, by: By = "", as_json: Json = False
) -> None:
    """Take a member out with every session; keys stay, and so does the last admin."""
    member = asyncio.run(_remove(organization, who, by))
    said = f"Removed {member.email}, whose sessions have ended."
    typer.echo(json.dumps(render_member(member), indent=2) if as_json else said)


async def _list(organization_id: UUID | None) -> list[Member]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await list_members(connection, await choose_organization(connection, organization_id))


async def _change(organization_id: UUID | None, who: str, role: Role, by: str) -> Member:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        chosen = await choose_organization(connection, organization_id)
        member = await _find(connection, chosen, who)
        return await change_role(connection, chosen, member.member_id, role, by=make_actor(by))


async def _remove(organization_id: UUID | None, who: str, by: str) -> Member:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        chosen = await choose_organization(connection, organization_id)
        member = await _find(connection, chosen, who)
        return await remove_member(connection, chosen, member.member_id, by=make_actor(by))


async def _find(connection: Connection, organization_id: UUID, who: str) -> Member:
    """The member of this e-mail or id, whichever was typed; NoSuchMemberError."""
    wanted = who.strip()
    for member in await list_members(connection, organization_id):
        if member.member_id == wanted or member.email == wanted.lower():
            return member
    raise NoSuchMemberError(who)
