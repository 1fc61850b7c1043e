"""``jeton payments owed | give-up``: what disputes and refunds left owed of credit that was used."""

import asyncio
import json
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from jeton import clock
from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.claims.giving_up import GivenUp, give_up_claim, render_given_up
from jeton.billing.receivables.claims.reading import Claim, list_claims, render_claim
from jeton.cli.credits.operator import By, Json, Reason, make_actor
from jeton.cli.options import make_console
from jeton.cli.payments.group import app
from jeton.cli.session import open_database
from jeton.money import display_usd, parse_usd
from jeton.settings import load_settings


@app.command("owed")
def owed_command(
    *,
    organization: Annotated[UUID | None, typer.Option("--organization", help="Whose; all without.")] = None,
    as_json: Json = False,
) -> None:
    """List what disputes that were lost and refunds made elsewhere left owed, the longest first."""
    found = asyncio.run(_list(organization))
    if as_json:
        typer.echo(json.dumps([render_claim(one) for one in found], indent=2))
        return
    table = Table("payment", "since", "organization", "owed", "given up", "")
    for one in found:
        table.add_row(
            one.payment_id,
            one.owed_since.date().isoformat(),
            escape(one.organization),
            display_usd(one.owed_nano),
            display_usd(one.given_up_nano),
            "may still change" if one.is_waiting else "",
        )
    make_console().print(table)


@app.command("give-up")
def give_up_command(
    payment_id: Annotated[str, typer.Argument(help="The payment that bought the credit: pay_…")],
    *,
    amount: Annotated[str, typer.Option(help="Only so many dollars of what is owed.")] = "",
    reason: Reason,
    key: Annotated[str, typer.Option("--key", help="An idempotency key: the same is done only once.")] = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Give up what is owed of a payment for credit that was used: a bad debt, less the tax in it."""
    act = Act(make_actor(by), clock.now(), reason)
    given = asyncio.run(_give_up(payment_id, parse_usd(amount) if amount else None, key, act))
    if as_json:
        typer.echo(json.dumps(render_given_up(given), indent=2))
        return
    amount, tax = display_usd(given.amount_nano), display_usd(given.tax_nano)
    typer.echo(f"Gave up {amount} of {payment_id}, of which {tax} is tax.")


async def _list(organization_id: UUID | None) -> tuple[Claim, ...]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await list_claims(connection, organization_id)


async def _give_up(payment_id: str, amount_nano: int | None, key: str, act: Act) -> GivenUp:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await give_up_claim(connection, payment_id, act, amount_nano=amount_nano, key=key)
