"""``jeton terms``: list, add, end, import and try out discounts and prices of an organization's own."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from rich.table import Table

from jeton import clock
from jeton.billing.terms.asking import first_begin
from jeton.billing.terms.importing import import_terms
from jeton.billing.terms.keeping import Change, add_terms, end_terms
from jeton.billing.terms.reading import (
    FILE_CHARS_MAX,
    ReadTerms,
    TermsFileError,
    parse_terms,
    read_terms_file,
)
from jeton.cli.credits.operator import By, Json, Reason, make_actor
from jeton.cli.options import chosen_settings, make_console
from jeton.cli.session import choose_organization, open_database
from jeton.db.pool import Connection
from jeton.insight.contract.repricing import find_next_month
from jeton.insight.contract.terms import Agreed, list_agreed, render_agreed
from jeton.insight.rerating.proposed import Proposal, propose, render_proposal
from jeton.money import display_usd, render_exact, render_usd
from jeton.pricing.book import PriceBook
from jeton.pricing.loading import load_book
from jeton.pricing.modifiers import AgreedRate
from jeton.pricing.terms import OwnTerms

app = typer.Typer(help="Discounts and prices that an organization has agreed on.", no_args_is_help=True)

_Result = TypeVar("_Result")

Organization = Annotated[
    UUID | None, typer.Option("--organization", help="The organization's id; needed when there are several.")
]
File = Annotated[Path, typer.Argument(help="A .toml file of [[terms]], or a .csv file with a row for each.")]
Key = Annotated[str, typer.Option("--key", help="An idempotency key: with it the same is added only once.")]
Factor = Annotated[str, typer.Option(help="A factor on the published prices: 0.85 or 17/20.")]
Rates = Annotated[
    list[str] | None,
    typer.Option("--rate", help="A rate of one's own, dollars: standard.input=1.50; repeat."),
]
_QUARTER = "a full quarter of an hour, 2027-01-01T00:00:00Z"
Begin = Annotated[str, typer.Option("--from", metavar="TIME", help=f"In force from {_QUARTER}; else soon.")]
End = Annotated[str, typer.Option("--to", metavar="TIME", help=f"In force up to {_QUARTER}.")]


@app.command("list")
def list_command(*, organization: Organization = None, as_json: Json = False) -> None:
    """List what an organization agreed on, newest first: in force, to come and over."""
    _print(asyncio.run(_work(list_agreed, organization)), as_json=as_json)


@app.command("add")
def add_command(
    scope: Annotated[str, typer.Argument(help="What for: model:ID, line:NAME (sonnet), or all.")],
    *,
    factor: Factor = "",
    rate: Rates = None,
    effective_from: Begin = "",
    effective_to: End = "",
    reason: Reason,
    approved_by: Annotated[str, typer.Option("--approved-by", help="Who agreed to it.")],
    organization: Organization = None,
    key: Key = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Agree on a discount or on prices; from the next possible quarter of an hour on without --from."""
    now = clock.now()
    read = parse_terms(
        {
            "scope": scope,
            "factor": factor,
            "rates": " ".join(rate or ()),
            "effective_from": effective_from or first_begin(now),
            "effective_to": effective_to,
            "reason": reason,
            "approved_by": approved_by,
        }
    )
    book = _load_book()

    async def add(connection: Connection, organization_id: UUID) -> list[Agreed]:
        change = Change(make_actor(by), now, key)
        added = await add_terms(connection, organization_id, [read.ask], book=book, change=change)
        return [one for one in await list_agreed(connection, organization_id) if one.terms.terms_id in added]

    _print(asyncio.run(_work(add, organization)), as_json=as_json)


@app.command("end")
def end_command(
    terms_id: Annotated[str, typer.Argument(help="terms_…")],
    *,
    effective_to: End = "",
    reason: Reason,
    organization: Organization = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """End terms, at the next possible quarter of an hour or later; those that have not begun never do."""
    now = clock.now()
    ends_at = datetime.fromisoformat(effective_to) if effective_to else None

    async def end(connection: Connection, organization_id: UUID) -> list[Agreed]:
        change = Change(make_actor(by), now)
        await end_terms(
            connection, organization_id, terms_id, effective_to=ends_at, reason=reason, change=change
        )
        return [
            one for one in await list_agreed(connection, organization_id) if one.terms.terms_id == terms_id
        ]

    _print(asyncio.run(_work(end, organization)), as_json=as_json)


@app.command("import")
def import_command(
    file: File, *, organization: Organization = None, key: Key = "", by: By = "", as_json: Json = False
) -> None:
    """Agree on everything in a file, or on nothing of it; each mistake is named with its line."""
    terms = _read_file(file)
    book = _load_book()
    change = Change(make_actor(by), clock.now(), key)

    async def run() -> dict[UUID, list[str]]:
        async with open_database(chosen_settings()) as pool, pool.connection() as connection:
            return await import_terms(
                connection, terms, organization_id=organization, book=book, change=change
            )

    added = asyncio.run(run())
    if as_json:
        typer.echo(json.dumps({str(of): ids for of, ids in added.items()}, indent=2))
        return
    count = sum(len(ids) for ids in added.values())
    typer.echo(f"Agreed on {count} terms with {len(added)} organization{'' if len(added) == 1 else 's'}.")


@app.command("simulate")
def simulate_command(
    file: File,
    *,
    month: Annotated[
        str, typer.Option(metavar="MONTH", help="The month (UTC), 2026-10; else the last.")
    ] = "",
    organization: Organization = None,
    as_json: Json = False,
) -> None:
    """Rate a month again as if the terms of a file had applied to all of it; nothing is written."""
    proposed = OwnTerms(
        one.ask.make(f"proposed_{number}") for number, one in enumerate(_read_file(file), start=1)
    )
    month_on = _parse_month(month)
    from_at = datetime.combine(month_on, time(), UTC)
    until_at = datetime.combine(find_next_month(month_on), time(), UTC)

    async def simulate(connection: Connection, organization_id: UUID) -> Proposal:
        return await propose(connection, organization_id, proposed, from_at=from_at, until_at=until_at)

    proposal = asyncio.run(_work(simulate, organization))
    if as_json:
        typer.echo(json.dumps(render_proposal(proposal), indent=2))
        return
    table = Table("model", "requests", "at list prices", "charged", "proposed", "difference")
    for one in (*proposal.models.values(), proposal.total):
        table.add_row(
            one.model or "together",
            f"{one.requests:,}",
            *map(display_usd, (one.list_nano, one.charged_nano, one.proposed_nano)),
            display_usd(one.proposed_nano - one.charged_nano),
        )
    make_console().print(table)


def _load_book() -> PriceBook:
    return load_book(*chosen_settings().prices_dir)


def _read_file(file: Path) -> list[ReadTerms]:
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(FILE_CHARS_MAX + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise TermsFileError([f"The file {file} cannot be read: {error}."]) from None
    return read_terms_file(text, is_csv=file.suffix.lower() == ".csv")


def _parse_month(text: str) -> date:
    if not text:
        this_on = clock.now().date().replace(day=1)
        return date(this_on.year - (this_on.month == 1), (this_on.month - 2) % 12 + 1, 1)
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no month such as 2026-10.") from None


async def _work(
    task: Callable[[Connection, UUID], Awaitable[_Result]], organization_id: UUID | None
) -> _Result:
    async with open_database(chosen_settings()) as pool, pool.connection() as connection:
        return await task(connection, await choose_organization(connection, organization_id))


def _print(listed: Sequence[Agreed], *, as_json: bool) -> None:
    now = clock.now()
    if as_json:
        typer.echo(json.dumps([render_agreed(one, now) for one in listed], indent=2))
        return
    table = Table("terms", "for", "state", "factor", "rates", "from", "to", "why", "approved by")
    for one in listed:
        terms = one.terms
        table.add_row(
            terms.terms_id,
            str(terms.scope),
            one.state(now).replace("_", " "),
            "" if terms.factor is None else render_exact(terms.factor),
            " ".join(map(_render_rate, terms.rates)),
            terms.effective_from.isoformat(timespec="minutes"),
            terms.effective_to.isoformat(timespec="minutes") if terms.effective_to else "until ended",
            one.reason,
            one.approved_by,
        )
    make_console().print(table)


def _render_rate(rate: AgreedRate) -> str:
    names = (rate.tier, rate.bucket.value, rate.band_id)
    return f"{'.'.join(name for name in names if name)}={render_usd(rate.rate)}"
