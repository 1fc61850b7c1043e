"""``jeton credits``: grant credit to an organization, list its lots, take credit back."""

import asyncio
import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from jeton.charging.credits import Grant, grant
from jeton.charging.credits.granting import DAYS_MAX, PRIORITY_MAX, check_models
from jeton.charging.credits.taking_back import TakenBack, adjust_lot, revoke_lot
from jeton.charging.errors import GrantError
from jeton.cli.credits.operator import By, Json, Reason, make_actor
from jeton.cli.options import make_console
from jeton.cli.session import choose_organization, open_database
from jeton.identity.audit import Actor
from jeton.insight.balance import Balance, get_balance, render_balance
from jeton.ledger.chart import LotKind
from jeton.money import display_usd, parse_usd, render_usd
from jeton.pricing.loading import load_book
from jeton.settings import load_settings

app = typer.Typer(help="Grant credit, list lots, take credit back.", no_args_is_help=True)

# Two words, of which the first may be left out: the command line gives what is there to the first.
FirstOfGrant = Annotated[
    str,
    typer.Argument(
        metavar="ORGANIZATION_ID", help="The organization's id; may be left out where there is only one."
    ),
]
LastOfGrant = Annotated[
    str | None, typer.Argument(metavar="AMOUNT", show_default=False, help="Dollars, exactly: 25.00")
]
LotId = Annotated[str, typer.Argument(help="The lot's id: lot_…")]
IdempotencyKey = Annotated[str, typer.Option(help="Under which this happens once, however often it is sent.")]


class Kind(StrEnum):
    """What may be granted by hand."""

    PROMOTIONAL = "promotional"
    COMMIT = "commit"
    PAID = "paid"


@app.command("grant")
def grant_command(
    first: FirstOfGrant,
    last: LastOfGrant = None,
    *,
    reason: Reason,
    kind: Annotated[
        Kind, typer.Option(help="promotional: given; commit: owed; paid: somebody paid for it.")
    ] = Kind.PROMOTIONAL,
    cost: Annotated[
        str, typer.Option(help="What a commit or purchase costs, in dollars; its amount without it.")
    ] = "",
    days: Annotated[int | None, typer.Option(min=1, max=DAYS_MAX, help="Days until it expires.")] = None,
    expires_at: Annotated[
        str, typer.Option(help="Or the instant, as 2027-01-31T00:00:00Z; never without both.")
    ] = "",
    from_first_use: Annotated[
        bool, typer.Option("--from-first-use", help="Count the days from the first request that is charged.")
    ] = False,
    model: Annotated[list[str] | None, typer.Option(help="Only for this model; repeatable.")] = None,
    priority: Annotated[
        int, typer.Option(min=-PRIORITY_MAX, max=PRIORITY_MAX, help="Lower ones are used first.")
    ] = 0,
    idempotency_key: IdempotencyKey = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Give an organization credit."""
    organization_id, amount = _read_grant(first, last)
    given = Grant(
        kind=LotKind(kind.value),
        amount_nano=parse_usd(amount),
        reason=reason,
        expires_at=parse_instant(expires_at) if expires_at else None,
        models=frozenset(model) if model else None,
        priority=priority,
        cost_basis_nano=parse_usd(cost) if cost else None,
        days=days,
        is_clock_on_use=from_first_use,
    )
    check_models(model or (), load_book(*load_settings().prices_dir).models())
    lot_id = asyncio.run(_grant(organization_id, given, make_actor(by), idempotency_key))
    if as_json:
        typer.echo(json.dumps({"lot_id": lot_id, "granted": render_usd(given.amount_nano)}))
    else:
        typer.echo(f"Granted {display_usd(given.amount_nano)} as {lot_id}.")


@app.command("list")
def list_command(
    organization_id: Annotated[
        UUID | None, typer.Argument(help="The organization's id; needed when there are several.")
    ] = None,
    *,
    at: Annotated[str, typer.Option(help="As of an instant, as 2026-12-31T00:00:00Z; now without it.")] = "",
    as_json: Json = False,
) -> None:
    """List the lots of an organization, in burn-down order, as of any instant."""
    balance = asyncio.run(_balance(organization_id, parse_instant(at) if at else None))
    if as_json:
        typer.echo(json.dumps(render_balance(balance), indent=2))
        return
    table = Table("lot", "kind", "state", "granted", "used", "held", "available", "cost", "expires")
    for lot in balance.lots:
        table.add_row(
            lot.lot_id,
            lot.kind,
            lot.state,
            display_usd(lot.amounts.granted_nano),
            display_usd(lot.amounts.used_nano),
            display_usd(lot.amounts.held_nano),
            display_usd(lot.amounts.available_nano),
            display_usd(lot.cost_basis_nano),
            lot.expiry_text,
        )
    make_console().print(table)


@app.command("revoke")
def revoke_command(lot_id: LotId, *, reason: Reason, by: By = "", as_json: Json = False) -> None:
    """Take back what is left of a lot, and what comes back to it; a second time changes nothing."""
    _report(asyncio.run(_revoke(lot_id, reason, make_actor(by))), as_json=as_json)


# A negative amount looks like an option, so that options that are not known are arguments here.
@app.command("adjust", context_settings={"ignore_unknown_options": True})
def adjust_command(
    lot_id: LotId,
    amount: Annotated[str, typer.Argument(help="Dollars: -5.00 takes away, 5.00 puts back.")],
    *,
    reason: Reason,
    idempotency_key: IdempotencyKey = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Take a part of a lot away, or put back what was taken; more than that is a new grant."""
    taken = asyncio.run(_adjust(lot_id, parse_usd(amount), reason, (idempotency_key, make_actor(by))))
    _report(taken, as_json=as_json)


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant; one without an offset is UTC. Raises GrantError."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise GrantError(f"The instant {text!r} cannot be read; write it as 2027-01-31T00:00:00Z.") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _report(taken: TakenBack, *, as_json: bool) -> None:
    if as_json:
        values = {
            "lot_id": taken.lot_id,
            "taken": render_usd(taken.amount_nano),
            "held": render_usd(taken.held_nano),
        }
        typer.echo(json.dumps(values))
        return
    typer.echo(f"Took {display_usd(taken.amount_nano)} out of {taken.lot_id}.")
    if taken.held_nano:
        typer.echo(f"{display_usd(taken.held_nano)} is held for requests in flight.")


def _read_grant(first: str, last: str | None) -> tuple[UUID | None, str]:
    """Whose credit and how much, of one word or two."""
    if last is None:
        return None, first
    try:
        return UUID(first), last
    except ValueError:
        raise GrantError(f"{first!a} is no organization's id.") from None


async def _grant(organization_id: UUID | None, given: Grant, by: Actor, key: str) -> str:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        chosen = await choose_organization(connection, organization_id)
        return await grant(connection, chosen, given, by=by, idempotency_key=key)


async def _balance(organization_id: UUID | None, at: datetime | None) -> Balance:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        chosen = await choose_organization(connection, organization_id)
        return await get_balance(connection, chosen, at=at)


async def _revoke(lot_id: str, reason: str, by: Actor) -> TakenBack:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await revoke_lot(connection, lot_id, reason=reason, by=by)


async def _adjust(lot_id: str, amount_nano: int, reason: str, how: tuple[str, Actor]) -> TakenBack:
    key, by = how
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await adjust_lot(connection, lot_id, amount_nano, reason=reason, by=by, idempotency_key=key)
