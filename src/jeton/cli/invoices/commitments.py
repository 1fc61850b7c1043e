"""``jeton invoices commitment | commitments``: what was agreed to be used at least in a term."""

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from jeton import clock
from jeton.billing.invoicing.drafting.commitments import Agreed, agree_commitment, list_commitments
from jeton.billing.invoicing.words import Commitment
from jeton.cli.credits.operator import By, Json, Reason, make_actor
from jeton.cli.invoices.showing import Organization
from jeton.cli.options import make_console
from jeton.cli.session import choose_organization, open_database
from jeton.identity.audit import Actor
from jeton.money import display_usd, parse_usd, render_usd
from jeton.settings import load_settings

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M"]


def commitment_command(
    amount: Annotated[str, typer.Argument(help="What is used at least in the term, in dollars: 12000.00")],
    *,
    from_at: Annotated[datetime, typer.Option("--from", formats=_FORMATS, help="When it begins (UTC).")],
    until_at: Annotated[datetime, typer.Option("--until", formats=_FORMATS, help="When it ends (UTC).")],
    reason: Reason,
    organization: Organization = None,
    by: By = "",
) -> None:
    """Note a commitment; what is missing of it is billed with the period in which its term ends."""
    agreed = Agreed(parse_usd(amount), from_at.replace(tzinfo=UTC), until_at.replace(tzinfo=UTC), reason)
    noted = asyncio.run(_agree(organization, agreed, make_actor(by)))
    typer.echo(
        f"{noted.commitment_id}: {display_usd(noted.amount_nano)} until {noted.ends_at:%Y-%m-%d %H:%M} UTC."
    )


def commitments_command(*, organization: Organization = None, as_json: Json = False) -> None:
    """List the commitments of an organization."""
    found = asyncio.run(_list(organization))
    if as_json:
        values = [{**asdict(one), "amount_nano": render_usd(one.amount_nano)} for one in found]
        typer.echo(json.dumps(values, indent=2, default=str))
        return
    table = Table("commitment", "from", "until", "at least", "reason")
    for one in found:
        table.add_row(
            one.commitment_id,
            f"{one.starts_at:%Y-%m-%d %H:%M}",
            f"{one.ends_at:%Y-%m-%d %H:%M}",
            display_usd(one.amount_nano),
            one.reason,
        )
    make_console().print(table)


async def _agree(organization: UUID | None, agreed: Agreed, by: Actor) -> Commitment:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        organization_id = await choose_organization(connection, organization)
        return await agree_commitment(connection, organization_id, agreed, by=by, at=clock.now())


async def _list(organization: UUID | None) -> list[Commitment]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await list_commitments(connection, await choose_organization(connection, organization))
