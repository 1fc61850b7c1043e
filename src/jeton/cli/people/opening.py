"""``jeton organizations create``: a new organization, its trial, and the invite of its first admin."""

import asyncio
import json
from typing import Annotated

import typer

from jeton.app.demo import make_trial_terms
from jeton.charging.onboarding import Opened, Opening, open_for
from jeton.cli.credits.operator import By, Json, make_actor
from jeton.cli.people.invites import tell_invited
from jeton.cli.people.rendering import render_invite
from jeton.cli.session import open_database
from jeton.identity.audit import Actor
from jeton.settings import Settings, load_settings


def create_command(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    *,
    admin: Annotated[str, typer.Option(help="The e-mail of its first admin, who is invited.")] = "",
    has_trial: Annotated[bool, typer.Option("--trial/--no-trial", help="Grant trial credit.")] = True,
    key: Annotated[
        str, typer.Option("--key", help="An idempotency key: with it the same is opened only once.")
    ] = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Open an organization with its books and its trial; the link for its first admin goes by mail."""
    settings = load_settings()
    opening = Opening(name, admin, make_trial_terms(settings) if has_trial else None, key)
    opened = asyncio.run(_open(settings, opening, make_actor(by)))
    problem, link = "", None
    if opened.invite is not None:
        problem, link = asyncio.run(tell_invited(settings, opened.invite, opened.secret))
    organization = opened.organization
    if as_json:
        answer = {
            "id": str(organization.organization_id),
            "name": organization.name,
            "created_at": organization.created_at.isoformat(),
            "trial_lot_id": opened.lot_id,
            "invite": None if opened.invite is None else render_invite(opened.invite),
            "link": link,
            "problem": problem,
            "is_new": opened.is_new,
        }
        typer.echo(json.dumps(answer, indent=2))
        return
    trial = "with trial credit" if opened.lot_id else "without trial credit"
    state = f"is open, {trial}" if opened.is_new else "was opened under this key before"
    typer.echo(f"{organization.name} {state}: {organization.organization_id}")
    if problem:
        typer.echo(
            f"The mail to {admin} could not be sent: {problem} Invite again to try once more.", err=True
        )
    elif link:
        typer.echo(link)
        typer.echo("Hand the link on to its first admin, it is shown once.", err=True)
    elif opened.invite is not None:
        typer.echo(f"A mail with the link went to {opened.invite.email}.")


async def _open(settings: Settings, opening: Opening, by: Actor) -> Opened:
    async with open_database(settings) as pool, pool.connection() as connection:
        return await open_for(connection, opening, by=by)
