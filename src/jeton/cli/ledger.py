"""``jeton ledger``: proofs over the books."""

import asyncio
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from jeton.cli.options import make_console
from jeton.cli.session import open_database
from jeton.insight.verify import Proof, verify
from jeton.settings import load_settings

app = typer.Typer(help="Proofs over the books.", no_args_is_help=True)

EXIT_UNSOUND = 1


@app.callback()
def ledger() -> None:
    """Proofs over the books."""


@app.command("verify")
def verify_command(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Recompute balances, lots, charges and rollups; exit 1 if one nano-dollar is off."""
    proof = asyncio.run(_verify())
    if as_json:
        typer.echo(json.dumps(_as_json(proof), indent=2))
    else:
        _print(proof)
    if not proof.is_sound:
        raise typer.Exit(EXIT_UNSOUND)


async def _verify() -> Proof:
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
            return await verify(connection, lambda rows: progress.update(task, completed=rows))


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
        "findings": proof.findings,
    }


def _print(proof: Proof) -> None:
    console = make_console()
    console.print(
        f"Checked {proof.organizations:,} organizations: {proof.transactions:,} transactions, "
        f"{proof.lots:,} lots, {proof.charges:,} charges, {proof.open_holds:,} open holds, "
        f"{proof.rollups:,} daily sums, {proof.budget_windows:,} windows of budgets."
    )
    for finding in proof.findings:
        console.print(f"[red]WRONG[/red] {finding}")
    verdict = "The books balance to the nano-dollar." if proof.is_sound else "The books do NOT balance."
    console.print(verdict)
