"""``jeton receipt``: one request's charge, to be recomputed by hand from what it prints."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from jeton.cli.options import make_console
from jeton.cli.session import open_database
from jeton.insight.caching.breaks import CacheBreak
from jeton.insight.costs.attempts import AttemptCost, list_attempts, render_operator_part, sum_costs
from jeton.insight.evidence.digest import is_same, make_digest
from jeton.insight.receipt import Receipt, get_receipt
from jeton.insight.receipt_json import render_receipt
from jeton.insight.words import (
    BUCKET_NAMES,
    ROUNDING_RULE,
    SOURCE_SENTENCES,
    STAGE_NAMES,
    STATE_SENTENCES,
    rule_sentence,
)
from jeton.money import TOKENS_PER_MTOK, display_usd, render_exact, render_usd
from jeton.pricing.rating import Line, Rating
from jeton.pricing.receipt import render_nano
from jeton.settings import load_settings

INDENT = 2


def receipt(
    request_id: Annotated[str, typer.Argument(help="The request-id header of an answer: req_…")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    verify: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Compare with a copy, as --json or the API gave it."),
    ] = None,
) -> None:
    """Explain what a request was charged, from stored facts alone; or say whether a copy is true."""

    async def read() -> tuple[Receipt, tuple[AttemptCost, ...]]:
        async with open_database(load_settings()) as pool, pool.connection() as connection:
            found = await get_receipt(connection, None, request_id)
            return found, await list_attempts(connection, request_id)

    found, attempts = asyncio.run(read())
    if verify is not None:
        verify_copy(verify, found)
    elif as_json:
        # Who reads the database is the operator.
        part = render_operator_part(attempts, found.money.net_nano)
        typer.echo(json.dumps({**render_receipt(found), "operator": part}, indent=2))
    else:
        print_receipt(found, make_console())
        _print_attempts(attempts, found.money.net_nano, make_console())


def verify_copy(path: Path, found: Receipt) -> None:
    """Compare a copy by what it says, not by what it says its digest is; typer.Exit(1) if it is another."""
    digest = make_digest(render_receipt(found))
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise typer.BadParameter(f"{path} is not a receipt as JSON: {error}") from None
    if is_same(make_digest(kept) or "", digest) and not found.problems:
        typer.echo(f"{path} is the receipt of {found.request_id} as it is stored: {digest}")
        return
    typer.echo(f"{path} is not the receipt of {found.request_id} as it is stored.", err=True)
    for problem in found.problems:
        typer.echo(problem, err=True)
    raise typer.Exit(1)


def print_receipt(receipt: Receipt, console: Console) -> None:
    """Print a receipt as text."""
    console.print(f"[bold]Receipt {escape(receipt.request_id)}[/bold]")
    for problem in receipt.problems:
        console.print(f"[bold red]MISMATCH[/bold red] {escape(problem)}")
    console.print(_facts(receipt))
    if receipt.rating is not None:
        for line in receipt.rating.lines:
            _print_line(line, console)
        _print_totals(receipt.rating, console)
        _print_today(receipt, console)
        _print_break(receipt.cache_break, console)
    _print_hold(receipt, console)
    _print_transactions(receipt, console)
    if digest := make_digest(render_receipt(receipt)):
        console.print(f"\n[dim]digest[/dim]  {digest}")


def _facts(receipt: Receipt) -> Table:
    table = Table.grid(padding=(0, INDENT))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    version, facts, parties = receipt.price_version, receipt.facts, receipt.parties
    band = "" if receipt.rating is None else f", band {receipt.rating.band}"
    rows = [
        ("state", STATE_SENTENCES[receipt.state]),
        ("rule", "" if receipt.rule_id is None else f"{receipt.rule_id}: {rule_sentence(receipt.rule_id)}"),
        ("organization", f"{parties.organization_name} ({parties.organization_id})"),
        ("workspace, key", f"{parties.workspace_id}, {parties.key_id} ({parties.key_name})"),
        *([("end user", parties.labels.end_user)] if parties.labels.end_user else []),
        *([("tag", parties.labels.tag)] if parties.labels.tag else []),
        ("model, upstream", f"{receipt.model}, {receipt.upstream}"),
        ("price version", f"{version.price_version_id}, in force from {version.from_on}{band}"),
        ("digest", receipt.price_digest),
        *([("batch", receipt.batch_id)] if receipt.batch_id else []),
        *([("invoice", receipt.document.number)] if receipt.document else []),
        ("held at", _time(receipt.times.held_at)),
        ("ended at", _time(receipt.times.ended_at)),
    ]
    if facts is not None:
        conditions = facts.conditions
        rows.append(("usage", SOURCE_SENTENCES.get(facts.source, facts.source)))
        if facts.usage is not None and facts.usage.thinking_tokens:
            rows.append(("thinking", f"{facts.usage.thinking_tokens:,} of the output tokens"))
        rows.append(
            ("conditions", f"{conditions.service_tier}, {conditions.inference_geo}, speed {conditions.speed}")
        )
    if receipt.is_rehearsal:
        rows.append(("rehearsal", "answered by the embedded upstream, charged as this model"))
    for name, text in rows:
        table.add_row(f"[dim]{name}[/dim]", escape(text))
    return table


def _print_line(line: Line, console: Console) -> None:
    unit = "million tokens" if line.per == TOKENS_PER_MTOK else f"{line.per:,} searches"
    console.print(f"\n[bold]{BUCKET_NAMES[line.bucket]}[/bold]: {line.quantity:,}")
    table = Table.grid(padding=(0, INDENT))
    table.add_row("list rate", f"${render_usd(line.list_rate)}", f"per {unit}")
    for step in line.steps:
        said = "agreed" if step.stage == "negotiated" else "published"
        explicit = "" if step.explicit_rate is None else f", {said} ${render_usd(step.explicit_rate)}"
        table.add_row(
            f"× {render_exact(step.factor)}",
            f"${render_nano(step.rate)}",
            escape(f"{STAGE_NAMES[step.stage]}: {step.name}{explicit}"),
        )
    product = f"{line.quantity:,} × {render_nano(line.rate)} ÷ {line.per:,}"
    table.add_row("exactly", f"${render_nano(line.exact)}", product)
    table.add_row("rounded", f"${render_usd(line.net_nano)}", f"list ${render_usd(line.list_nano)}")
    console.print(Padding.indent(table, INDENT))


def _print_totals(rating: Rating, console: Console) -> None:
    console.print("\n[bold]Total[/bold]")
    table = Table.grid(padding=(0, INDENT))
    table.add_column()
    table.add_column(justify="right")
    table.add_row("list amount", display_usd(rating.list_nano))
    for stage, nano in rating.saved.items():
        if nano:
            table.add_row(STAGE_NAMES[stage], display_usd(-nano))
    table.add_row("[bold]net amount[/bold]", f"[bold]{display_usd(rating.net_nano)}[/bold]")
    console.print(Padding.indent(table, INDENT))
    console.print(Padding.indent(ROUNDING_RULE, INDENT))


def _print_today(receipt: Receipt, console: Console) -> None:
    today = receipt.today
    if today is not None:
        amount = display_usd(today.net_nano)
        console.print(f"\n[dim]At today's prices ({today.price_version_id}), not charged:[/dim] {amount}")


def _print_break(found: CacheBreak | None, console: Console) -> None:
    if found is None:
        return
    console.print(f"\n[bold]Cache miss[/bold] {found.sentence}")
    if found.missed_tokens is not None and found.cost_nano is not None:
        tokens = f"{found.missed_tokens:,} cached tokens were not read"
        console.print(f"  {tokens}, which cost {display_usd(found.cost_nano)} more.")


def _print_hold(receipt: Receipt, console: Console) -> None:
    money = receipt.money
    is_open = receipt.times.ended_at is None
    console.print(f"\n[bold]Hold[/bold] {display_usd(money.held_nano)}", end="")
    if is_open:
        console.print(f", valid until {_time(receipt.times.valid_until)}")
    else:
        console.print(f", of which {display_usd(money.released_nano)} went back")
    for lot in receipt.lots:
        verb = "has set aside" if is_open else "paid"
        console.print(f"  {lot.lot_id} ({lot.kind}) {verb} {display_usd(lot.amount_nano)}")
    if money.owed_nano:
        console.print(f"  no lot covered {display_usd(money.owed_nano)}: it is owed")


def _print_transactions(receipt: Receipt, console: Console) -> None:
    for entry in receipt.transactions:
        console.print(f"\n[bold]{entry.transaction_id}[/bold] {entry.movement} {_time(entry.posted_at)}")
        table = Table.grid(padding=(0, INDENT))
        table.add_column()
        table.add_column(justify="right")
        for account, lot_id, nano in entry.postings:
            table.add_row(account, render_usd(nano), lot_id)
        console.print(Padding.indent(table, INDENT))


def _print_attempts(attempts: tuple[AttemptCost, ...], net_nano: int, console: Console) -> None:
    if not attempts:
        return
    console.print("\n[bold]Upstreams[/bold] (for the operator)")
    table = Table.grid(padding=(0, INDENT))
    for attempt in attempts:
        cost = "cost unknown" if attempt.cost_nano is None else display_usd(attempt.cost_nano)
        status = f"status {attempt.status}" if attempt.status else ""
        table.add_row(
            f"{attempt.attempt}.", escape(attempt.upstream), attempt.outcome.replace("_", " "), status, cost
        )
    console.print(Padding.indent(table, INDENT))
    cost_nano = sum_costs(attempts)
    if cost_nano is not None:
        console.print(f"  margin {display_usd(net_nano - cost_nano)}")


def _time(at: datetime | None) -> str:
    return "not yet" if at is None else f"{at:%Y-%m-%d %H:%M:%S.%f} UTC"
