"""``jeton invoices issue | close | void | reissue | credit-note``: documents are made and corrected."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from jeton import clock
from jeton.billing.currencies import parse_minor
from jeton.billing.invoicing.closing import Closer, Closing, close_due
from jeton.billing.invoicing.correcting import Correction, Request
from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.invoicing.issuing.period import issue_period
from jeton.billing.receivables.collecting.correcting import cancel_and_settle, credit_and_settle
from jeton.billing.rendering.documents import render_document
from jeton.billing.taxation.desk import asking
from jeton.billing.words import Document
from jeton.cli.credits.operator import By, Json, Reason, make_actor
from jeton.cli.invoices.showing import At, Number, Organization, print_heads, read_instant
from jeton.cli.session import choose_organization, open_database
from jeton.identity.audit import Actor
from jeton.settings import Settings, invoicing_rules, load_settings

EXIT_PROBLEMS = 1

Key = Annotated[str, typer.Option("--key", help="An idempotency key: with it the same is done only once.")]


def issue_command(*, organization: Organization = None, by: By = "", as_json: Json = False) -> None:
    """Issue the oldest period of an organization that is over, without waiting for its days of grace."""
    issued = asyncio.run(_issue(load_settings(), organization, make_actor(by)))
    if not issued and not as_json:
        typer.echo("The period is closed; there was nothing to bill in it.")
    _tell(issued, as_json=as_json)


def close_command(*, at: At = None, as_json: Json = False) -> None:
    """Issue every period of every organization that has been over for its days of grace."""
    closing = asyncio.run(_close(load_settings(), read_instant(at)))
    if as_json:
        typer.echo(json.dumps(_render(closing), indent=2))
    else:
        made = ", ".join(f"{count:,} {kind}s" for kind, count in sorted(closing.documents.items()))
        typer.echo(f"{closing.periods:,} periods closed: {made.replace('_', ' ') or 'no documents'}.")
        for organization_id, problem in closing.problems.items():
            typer.echo(f"Not closed: {organization_id}: {problem}", err=True)
    if closing.problems:
        raise typer.Exit(EXIT_PROBLEMS)


def void_command(number: Number, *, reason: Reason, by: By = "", as_json: Json = False) -> None:
    """Cancel a document of a period with a credit note; what it billed is billed with the next one."""
    _correct(number, reason, by, as_json=as_json, is_reissue=False)


def reissue_command(number: Number, *, reason: Reason, by: By = "", as_json: Json = False) -> None:
    """Cancel a document of a period with a credit note, and issue the period anew."""
    _correct(number, reason, by, as_json=as_json, is_reissue=True)


def credit_note_command(
    number: Number,
    amount: Annotated[str, typer.Argument(help="Before tax, in the document's currency: 50.00")],
    *,
    reason: Reason,
    key: Key = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Credit a part of a document out of goodwill."""
    settings = load_settings()
    request = Request(invoicing_rules(settings), make_actor(by), reason, clock.now(), key)
    correction = asyncio.run(_credit(settings, number, amount, request))
    _tell([correction.credit_note], as_json=as_json)


def _correct(number: str, reason: str, by: str, *, as_json: bool, is_reissue: bool) -> None:
    settings = load_settings()
    request = Request(invoicing_rules(settings), make_actor(by), reason, clock.now())
    correction = asyncio.run(_cancel(settings, number, request, is_reissue=is_reissue))
    _tell([correction.credit_note, *correction.documents], as_json=as_json)


def _tell(documents: Sequence[Document], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([render_document(one) for one in documents], indent=2))
    elif documents:
        print_heads(documents)


def _render(closing: Closing) -> dict[str, object]:
    return {
        "periods": closing.periods,
        "documents": closing.documents,
        "lines": closing.lines,
        "problems": {str(key): problem for key, problem in closing.problems.items()},
    }


async def _issue(settings: Settings, organization: UUID | None, by: Actor) -> list[Document]:
    rules = invoicing_rules(settings)
    async with open_database(settings) as pool:

        async def act() -> list[Document]:
            async with pool.connection() as connection:
                organization_id = await choose_organization(connection, organization)
                return await issue_period(connection, organization_id, rules=rules, at=clock.now(), by=by)

        return await asking(act)


async def _close(settings: Settings, at: datetime) -> Closing:
    async with open_database(settings) as pool:
        return await close_due(Closer(pool, invoicing_rules(settings), at))


async def _cancel(settings: Settings, number: str, request: Request, *, is_reissue: bool) -> Correction:
    async with open_database(settings) as pool:

        async def act() -> Correction:
            async with pool.connection() as connection:
                return await cancel_and_settle(connection, number, request, is_reissue=is_reissue)

        return await asking(act)


async def _credit(settings: Settings, number: str, amount: str, request: Request) -> Correction:
    async with open_database(settings) as pool, pool.connection() as connection:
        document = await get_document(connection, number)
        minor = parse_minor(amount, document.currency)
        return await credit_and_settle(connection, document.document_id, minor, request)
