"""``jeton ledger``: proofs over the books, and their export."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from jeton.cli.kept_ends import EXIT_UNSOUND, KeptEnds, read_kept
from jeton.cli.ledger.closing import app as closing_app
from jeton.cli.ledger.export import app as export_app
from jeton.cli.options import make_console
from jeton.cli.session import open_database
from jeton.insight.verify import Proof, verify
from jeton.settings import load_settings

app = typer.Typer(help="Proofs over the books, their export, and closing months.", no_args_is_help=True)
app.add_typer(export_app)
app.add_typer(closing_app)


@app.command("verify")
def verify_command(
    *,
    expect: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An earlier --json: the chains have to pass through its ends."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Recompute balances, lots, charges and rollups; exit 1 if one nano-dollar is off."""
    proof = asyncio.run(_verify(read_kept(expect) if expect else KeptEnds()))
    if as_json:
        typer.echo(json.dumps(_as_json(proof), indent=2))
    else:
        _print(proof)
    if not proof.is_sound:
        raise typer.Exit(EXIT_UNSOUND)


async def _verify(kept: KeptEnds) -> Proof:
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.completed:,} rows checked"),
        console=Console(stderr=True),
        transient=True,
        disable=not Console(stderr=True).is_terminal,
    )
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        with progress:
            task = progress.add_task("verify", total=None)
            return await verify(
                connection,
                lambda rows: progress.update(task, completed=rows),
                kept_ends=kept.chains or {},
                kept_audit_ends=kept.named_audit_chains,
            )


def _as_json(proof: Proof) -> dict[str, object]:
    return {
        "is_sound": proof.is_sound,
        "organizations": proof.organizations,
        "transactions": proof.transactions,
        "lots": proof.lots,
        "charges": proof.charges,
        "open_holds": proof.open_holds,
        "rollups": proof.rollups,
        "budget_windows": proof.budget_windows,
        "chains": proof.chains,
        "audit_entries": proof.audit_entries,
        "audit_chains": proof.audit_chains,
        "kept_ends": proof.kept_ends,
        "findings": proof.findings,
    }


def _print(proof: Proof) -> None:
    console = make_console()
    console.print(
        f"Checked {proof.organizations:,} organizations: {proof.transactions:,} transactions, "
        f"{proof.lots:,} lots, {proof.charges:,} charges, {proof.open_holds:,} open holds, "
        f"{proof.rollups:,} sums of quarters and days, {proof.budget_windows:,} windows of budgets, "
        f"{proof.audit_entries:,} entries of the audit log."
    )
    if proof.kept_ends:
        console.print(f"Looked for {proof.kept_ends:,} ends of chains that were kept.")
    for finding in proof.findings:
        console.print(f"[red]WRONG[/red] {finding}")
    verdict = "The books balance to the nano-dollar." if proof.is_sound else "The books do NOT balance."
    console.print(verdict)
