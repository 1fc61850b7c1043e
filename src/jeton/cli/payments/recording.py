"""``jeton payments list | record | apply | unapply | void | pay-back | wait``."""

import asyncio
import json
from typing import Annotated, Literal
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from jeton import clock
from jeton.billing.currencies import display_minor, parse_minor
from jeton.billing.receivables.applying import Act, apply_payment, unapply
from jeton.billing.receivables.collecting.pausing import pause_dunning
from jeton.billing.receivables.errors import ApplicationNotFoundError
from jeton.billing.receivables.listing import ListedPayment, PaymentFilter, list_received, render_payment
from jeton.billing.receivables.recording import Recorded, pay_back, record_payment, void_payment
from jeton.billing.receivables.storage import get_received_payment, list_on_documents
from jeton.billing.receivables.words import Receipt
from jeton.cli.credits.operator import By, Json, Reason, make_actor
from jeton.cli.options import make_console
from jeton.cli.payments.group import app
from jeton.cli.payments.reading import Documents, PaymentId, find_document, read_day, read_shares
from jeton.cli.session import open_database
from jeton.settings import load_settings

LISTED = 50
LISTED_MAX = 1_000


@app.command("list")
def list_command(
    *,
    organization: Annotated[UUID | None, typer.Option("--organization", help="Whose; all without.")] = None,
    only_left: Annotated[bool, typer.Option("--left", help="Only those with something left.")] = False,
    before: Annotated[str, typer.Option(help="Older than this one, by id: the next page.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MAX)] = LISTED,
    as_json: Json = False,
) -> None:
    """List payments, the latest first, with the documents that they are on."""
    found = asyncio.run(_list(PaymentFilter(organization, only_left, before), limit))
    if as_json:
        typer.echo(json.dumps([render_payment(one) for one in found], indent=2))
        return
    table = Table("payment", "on", "method", "amount", "left", "documents", "payer")
    for listed in found:
        payment = listed.payment
        table.add_row(
            payment.payment_id,
            payment.received_on.isoformat(),
            "void" if payment.voided_at else payment.method.replace("_", " "),
            display_minor(payment.amount_minor, payment.currency),
            display_minor(payment.unapplied_minor, payment.currency),
            escape(", ".join(part.number for part in listed.applied)),
            escape(payment.payer),
        )
    make_console().print(table)


@app.command("record")
def record_command(
    organization_id: Annotated[UUID, typer.Argument(help="Who paid.")],
    amount: Annotated[str, typer.Argument(help="What came in, exactly: 1190.00")],
    *,
    reason: Reason,
    currency: Annotated[str, typer.Option(help="Its currency.")] = "USD",
    method: Annotated[
        Literal["bank_transfer", "cheque", "other"], typer.Option(help="How it came.")
    ] = "bank_transfer",
    on: Annotated[str, typer.Option("--on", help="The day it came in; today without it.")] = "",
    document: Documents = None,
    reference: Annotated[str, typer.Option(help="The bank's; with the same again nothing is done.")] = "",
    payer: Annotated[str, typer.Option(help="Who the bank says paid.")] = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Record money that came in; without --document it goes to what is due, the longest first."""
    at = clock.now()
    receipt = Receipt(
        organization_id=organization_id,
        method=method,
        currency=currency,
        amount_minor=parse_minor(amount, currency),
        received_on=read_day(on) if on else at.date(),
        reason=reason,
        external_id=reference,
        payer=payer,
        reference=reference,
    )
    recorded = asyncio.run(_record(receipt, document, Act(make_actor(by), at, reason)))
    payment = recorded.payment
    if as_json:
        said = {
            "id": payment.payment_id,
            "is_new": recorded.is_new,
            "documents": [one.document_id for one in recorded.applied],
        }
        typer.echo(json.dumps(said, indent=2))
        return
    left = display_minor(payment.unapplied_minor, payment.currency)
    was = "" if recorded.is_new else " before"
    typer.echo(
        f"Recorded {display_minor(payment.amount_minor, payment.currency)}{was} as {payment.payment_id}; "
        f"{len(recorded.applied)} documents, {left} left."
    )


@app.command("apply")
def apply_command(payment_id: PaymentId, *, document: Documents = None, reason: Reason, by: By = "") -> None:
    """Put what is left of a payment on documents."""
    asyncio.run(_apply(payment_id, document or [], Act(make_actor(by), clock.now(), reason)))
    typer.echo(f"{payment_id} was applied.")


@app.command("unapply")
def unapply_command(
    payment_id: PaymentId,
    *,
    document: Annotated[str, typer.Option("--document", help="Only from this one; from all without.")] = "",
    reason: Reason,
    by: By = "",
) -> None:
    """Take a payment off documents again; what it paid is due, and the money is left for others."""
    count = asyncio.run(_unapply(payment_id, document, Act(make_actor(by), clock.now(), reason)))
    typer.echo(f"{payment_id} was taken off {count} document{'' if count == 1 else 's'}.")


@app.command("void")
def void_command(payment_id: PaymentId, *, reason: Reason, by: By = "") -> None:
    """Reverse a payment that was not real, such as a cheque that bounced; what it paid is due again."""
    asyncio.run(_void(payment_id, Act(make_actor(by), clock.now(), reason)))
    typer.echo(f"{payment_id} is void.")


@app.command("pay-back")
def pay_back_command(
    payment_id: PaymentId,
    amount: Annotated[str, typer.Argument(help="What was paid back at the bank, exactly.")],
    *,
    reason: Reason,
    by: By = "",
) -> None:
    """Note that what was left of a payment was paid back."""
    left = asyncio.run(_pay_back(payment_id, amount, Act(make_actor(by), clock.now(), reason)))
    typer.echo(f"Noted; {left} of {payment_id} is left.")


@app.command("wait")
def wait_command(
    number: Annotated[str, typer.Argument(help="The document, by number or id.")],
    *,
    until: Annotated[str, typer.Option(help="The last day to wait; one that is over ends the wait.")],
    reason: Reason,
    by: By = "",
) -> None:
    """Do nothing about a document that is overdue, and let its organization go on, until the end of a day."""
    asyncio.run(_wait(number, until, Act(make_actor(by), clock.now(), reason)))
    typer.echo(f"Waiting for {number} until {until}.")


async def _list(chosen: PaymentFilter, limit: int) -> tuple[ListedPayment, ...]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await list_received(connection, chosen, limit=limit)


async def _record(receipt: Receipt, documents: list[str] | None, act: Act) -> Recorded:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        shares = None
        if documents:
            shares = await read_shares(connection, documents, left_minor=receipt.amount_minor)
        return await record_payment(connection, receipt, shares, act)


async def _apply(payment_id: str, documents: list[str], act: Act) -> None:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        payment = await get_received_payment(connection, payment_id)
        shares = await read_shares(connection, documents, left_minor=payment.unapplied_minor)
        await apply_payment(connection, payment_id, shares, act)


async def _unapply(payment_id: str, name: str, act: Act) -> int:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        chosen = (await find_document(connection, name)).document_id if name else ""
        found = [
            one for one in await list_on_documents(connection, payment_id) if chosen in ("", one.document_id)
        ]
        if not found:
            raise ApplicationNotFoundError(payment_id)
        for one in found:
            await unapply(connection, one.application_id, act)
        return len(found)


async def _void(payment_id: str, act: Act) -> None:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        await void_payment(connection, payment_id, act)


async def _pay_back(payment_id: str, amount: str, act: Act) -> str:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        payment = await get_received_payment(connection, payment_id)
        payment = await pay_back(connection, payment_id, parse_minor(amount, payment.currency), act)
        return display_minor(payment.unapplied_minor, payment.currency)


async def _wait(number: str, until: str, act: Act) -> None:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        document = await find_document(connection, number)
        await pause_dunning(connection, document.document_id, read_day(until), act)
