"""``jeton charges``: undo a charge, and follow charges as they come."""

import asyncio
import json
from typing import Annotated
from uuid import UUID

import typer

from jeton.charging.credits.reversing import Reversal, reverse_charge
from jeton.cli.credits.operator import By, Json, Reason, make_actor
from jeton.cli.credits.watching import Watch, watch_charges
from jeton.cli.session import open_database
from jeton.identity.audit import Actor
from jeton.money import display_usd, parse_usd, render_usd
from jeton.settings import load_settings

app = typer.Typer(help="Undo charges, and follow them.", no_args_is_help=True)


@app.callback()
def charges() -> None:
    """Undo charges, and follow them."""


@app.command("reverse")
def reverse_command(
    request_id: Annotated[str, typer.Argument(help="The request whose charge should not have been.")],
    *,
    reason: Reason,
    amount: Annotated[str, typer.Option(help="Only so many dollars of it; all of it without this.")] = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Give a charge back to the lots that paid it, with a credit note; once for ever."""
    nano = parse_usd(amount) if amount else None
    reversal = asyncio.run(_reverse(request_id, reason, make_actor(by), nano))
    if as_json:
        typer.echo(json.dumps(_render(reversal), indent=2))
        return
    typer.echo(f"Reversed {display_usd(reversal.amount_nano)} of {request_id} ({reversal.transaction_id}).")


@app.command("watch")
def watch_command(
    *,
    organization: Annotated[
        UUID | None, typer.Option("--organization", help="Whose; needed when there are several.")
    ] = None,
    model: Annotated[str, typer.Option(help="Only this model.")] = "",
    count: Annotated[int, typer.Option(min=0, help="End after so many; 0 is never.")] = 0,
    as_json: Json = False,
) -> None:
    """Print every charge as it is settled; with --json a line each."""
    watch_charges(Watch(organization, model, count, as_json))


async def _reverse(request_id: str, reason: str, by: Actor, amount_nano: int | None) -> Reversal:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await reverse_charge(connection, request_id, reason=reason, by=by, amount_nano=amount_nano)


def _render(reversal: Reversal) -> dict[str, object]:
    return {
        "request_id": reversal.request_id,
        "amount": render_usd(reversal.amount_nano),
        "lots": [{"id": drawn.lot_id, "amount": render_usd(drawn.amount_nano)} for drawn in reversal.draws],
        "owed_no_more": render_usd(reversal.owed_nano),
        "reason": reversal.reason,
        "approved_by": reversal.approved_by,
        "transaction_id": reversal.transaction_id,
        "reversed_at": reversal.reversed_at.isoformat(),
    }
