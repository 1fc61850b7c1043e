"""``jeton invoices list | show | draft``: documents as they are, and as the period that runs would be."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from jeton import clock
from jeton.billing.currencies import display_minor
from jeton.billing.invoicing.documents.reading import (
    PAGE_MAX,
    DocumentFilter,
    get_document,
    list_documents,
)
from jeton.billing.invoicing.drafting.planning import draft_period
from jeton.billing.receivables.dunning.plan import STEP_NAMES, Plan, read_plan, render_plan
from jeton.billing.rendering.documents import render_document, render_head
from jeton.billing.taxation.desk import asking
from jeton.billing.words import Document
from jeton.cli.credits.operator import Json
from jeton.cli.options import make_console
from jeton.cli.session import choose_organization, open_database
from jeton.settings import Settings, dunning_terms, invoicing_rules, load_settings

LISTED = 50

Organization = Annotated[
    UUID | None, typer.Option("--organization", help="Whose; without it the only one there is.")
]
Number = Annotated[str, typer.Argument(help="The number or the id of a document.")]
At = Annotated[
    datetime | None,
    typer.Option("--at", help="As of this instant (UTC) instead of now.", formats=["%Y-%m-%dT%H:%M:%S"]),
]
Kind = Literal["invoice", "receipt", "credit_note"]
State = Literal["issued", "paid", "overdue", "written_off", "void"]


def list_command(
    *,
    organization: Annotated[UUID | None, typer.Option("--organization", help="Whose; all without.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only these.")] = None,
    state: Annotated[State | None, typer.Option(help="Only in this state.")] = None,
    before: Annotated[str, typer.Option(help="Older than this one, by id: the next page.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=PAGE_MAX)] = LISTED,
    as_json: Json = False,
) -> None:
    """List documents, the latest first."""
    chosen = DocumentFilter(organization, (kind,) if kind else (), (state,) if state else ())
    found = asyncio.run(_list(load_settings(), chosen, limit, before))
    if as_json:
        typer.echo(json.dumps([render_head(one) for one in found], indent=2))
        return
    print_heads(found)


def show_command(number: Number, *, as_json: Json = False) -> None:
    """Show a document with its lines."""
    document, plan = asyncio.run(_show(load_settings(), number))
    if as_json:
        typer.echo(json.dumps({**render_document(document), "dunning": render_plan(plan)}, indent=2))
        return
    _tell([document], as_json=False)
    for taken in plan.steps:
        number = f" {taken.step}" if taken.kind == "mail" else ""
        typer.echo(f"{STEP_NAMES[taken.kind]}{number} at {taken.taken_at:%Y-%m-%d %H:%M} UTC")
    if plan.next_step:
        typer.echo(f"Next, unless it is paid before: {plan.next_words}.")


def draft_command(*, organization: Organization = None, at: At = None, as_json: Json = False) -> None:
    """Show what the period that runs comes to so far; nothing is stored."""
    drafts = asyncio.run(_draft(load_settings(), organization, read_instant(at)))
    if not drafts and not as_json:
        typer.echo("Nothing to bill so far.")
    _tell(drafts, as_json=as_json)


def read_instant(at: datetime | None) -> datetime:
    """The instant that was given, in UTC, or now."""
    return clock.now() if at is None else at.replace(tzinfo=UTC)


def print_heads(documents: Sequence[Document]) -> None:
    """A line for each document."""
    table = Table("number", "state", "issued on", "due on", "for", "period", "total", "due")
    for one in documents:
        period = f"{one.period_from:%Y-%m-%d %H:%M} to {one.period_to:%Y-%m-%d %H:%M} UTC"
        table.add_row(
            one.number or "(draft)",
            one.state,
            str(one.issued_on),
            str(one.due_on),
            escape(one.buyer.name),
            period if one.purpose == "period" else one.purpose,
            display_minor(one.total_minor, one.currency),
            display_minor(one.due_minor, one.currency),
        )
    make_console().print(table)


def _tell(documents: Sequence[Document], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([render_document(one) for one in documents], indent=2))
        return
    console = make_console()
    for document in documents:
        print_heads([document])
        table = Table("line", "workspace", "quantity", "list", "discounts", "net")
        for line in document.lines:
            discounts = sum(one.amount_minor for one in line.discounts)
            table.add_row(
                escape(f"{line.description}{f' ({line.conditions})' if line.conditions else ''}"),
                escape(line.workspace_name),
                f"{line.quantity:,}",
                display_minor(line.list_minor, document.currency),
                display_minor(-discounts, document.currency),
                display_minor(line.net_minor, document.currency),
            )
        for tax in document.taxes:
            name = f"tax, {tax.category}, {render_percent(tax.rate.numerator, tax.rate.denominator)} %"
            table.add_row(name, "", "", "", "", display_minor(tax.tax_minor, document.currency))
        console.print(table)


def render_percent(up: int, down: int) -> str:
    """A rate in percent with at most two decimals: 19/100 is ``19``, 77/1000 is ``7.7``."""
    hundredths = 100 * 100 * up // down
    return f"{hundredths // 100}.{hundredths % 100:02d}".rstrip("0").rstrip(".")


async def _list(settings: Settings, chosen: DocumentFilter, limit: int, before: str) -> tuple[Document, ...]:
    async with open_database(settings) as pool, pool.connection() as connection:
        return await list_documents(connection, chosen, limit=limit, before=before or None)


async def _show(settings: Settings, number: str) -> tuple[Document, Plan]:
    async with open_database(settings) as pool, pool.connection() as connection:
        document = await get_document(connection, number)
        terms = dunning_terms(settings)
        return document, await read_plan(connection, document.document_id, terms, at=clock.now())


async def _draft(settings: Settings, organization: UUID | None, at: datetime) -> list[Document]:
    rules = invoicing_rules(settings)
    async with open_database(settings) as pool:

        async def act() -> list[Document]:
            async with pool.connection() as connection:
                organization_id = await choose_organization(connection, organization)
                return await draft_period(connection, organization_id, rules=rules, at=at)

        return await asking(act)
