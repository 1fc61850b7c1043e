"""``jeton invoices write-off``: what is due on a document is given up."""

import asyncio
import json
from typing import Annotated

import typer

from jeton import clock
from jeton.billing.currencies import display_minor, parse_minor, render_minor
from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.words import WriteOff
from jeton.billing.receivables.write_offs import GiveUp, write_off
from jeton.cli.credits.operator import By, Json, Reason, make_actor
from jeton.cli.session import open_database
from jeton.settings import load_settings


def write_off_command(
    number: Annotated[str, typer.Argument(help="The number or the id of a document.")],
    *,
    amount: Annotated[str, typer.Option(help="Only so much of what is due; all of it without.")] = "",
    reason: Reason,
    key: Annotated[str, typer.Option("--key", help="An idempotency key: the same is done only once.")] = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Give up what is due on a document: a bad debt, less its tax."""
    act = Act(make_actor(by), clock.now(), reason)
    written, currency = asyncio.run(_write_off(number, amount, key, act))
    if as_json:
        said = {
            "id": written.write_off_id,
            "amount": render_minor(written.amount_minor, currency),
            "tax": render_minor(written.tax_minor, currency),
            "currency": currency,
        }
        typer.echo(json.dumps(said, indent=2))
        return
    shown, tax = display_minor(written.amount_minor, currency), display_minor(written.tax_minor, currency)
    typer.echo(f"Wrote off {shown} of {number}, of which {tax} is tax.")


async def _write_off(number: str, amount: str, key: str, act: Act) -> tuple[WriteOff, str]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        document = await get_document(connection, number)
        amount_minor = parse_minor(amount, document.currency) if amount else None
        asked = GiveUp(document.document_id, amount_minor, key)
        return await write_off(connection, asked, act), document.currency
