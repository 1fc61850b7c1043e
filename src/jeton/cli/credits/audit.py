"""``jeton audit``: who changed what that touches money."""

import asyncio
import json
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from jeton.cli.credits.operator import Json
from jeton.cli.kept_ends import EXIT_UNSOUND, KeptEnds, read_kept
from jeton.cli.options import make_console
from jeton.cli.session import open_database
from jeton.identity.audit import AuditEntry, list_audit
from jeton.insight.operating.audit_chain import verify_audit
from jeton.insight.proving.chain import digest_ends
from jeton.insight.proving.proof import Proof
from jeton.insight.verify import snapshot
from jeton.settings import load_settings

app = typer.Typer(help="Who changed what that touches money.", no_args_is_help=True)

LISTED = 50
LISTED_MAX = 1_000
ITEMS_SHOWN = 3


@app.callback()
def audit() -> None:
    """Who changed what that touches money."""


@app.command("list")
def list_command(
    *,
    organization: Annotated[UUID | None, typer.Option(help="Of this organization only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MAX, help="How many of the latest.")] = LISTED,
    as_json: Json = False,
) -> None:
    """List the latest changes, newest first."""
    entries = asyncio.run(_list(organization, limit))
    if as_json:
        typer.echo(json.dumps([_render(entry) for entry in entries], indent=2))
        return
    table = Table("when", "who", "what", "subject", "details")
    for entry in entries:
        details = ", ".join(f"{name} {_shorten(value)}" for name, value in entry.details.items())
        table.add_row(
            entry.occurred_at.isoformat(timespec="seconds"),
            f"{entry.actor_kind} {entry.actor}",
            entry.action,
            entry.subject,
            details,
        )
    make_console().print(table)


@app.command("verify")
def verify_command(
    *,
    organization: Annotated[UUID | None, typer.Option(help="Of this organization only.")] = None,
    expect: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An earlier --json: the chains have to pass through its ends."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Recompute the chains over the log; exit 1 if an entry was altered, removed or slipped in."""
    proof = asyncio.run(_verify(organization, read_kept(expect) if expect else KeptEnds()))
    head = digest_ends(proof.audit_chains).hex()
    if as_json:
        found = {
            "is_sound": proof.is_sound,
            "audit_entries": proof.audit_entries,
            "audit_chains": proof.audit_chains,
            "head": f"sha256:{head}",
            "findings": proof.findings,
        }
        typer.echo(json.dumps(found, indent=2))
    else:
        console = make_console()
        console.print(f"Checked {proof.audit_entries:,} entries in {len(proof.audit_chains):,} chains.")
        for finding in proof.findings:
            console.print(f"[red]WRONG[/red] {finding}")
        console.print(f"Head sha256:{head}")
        verdict = "is whole" if proof.is_sound else "was TAMPERED with"
        console.print(f"The audit log {verdict}.")
    if not proof.is_sound:
        raise typer.Exit(EXIT_UNSOUND)


def _shorten(value: object) -> str:
    """A value for a table; all of a long list is in the JSON."""
    if not isinstance(value, list):
        return str(value)
    rest = len(value) - ITEMS_SHOWN
    return " ".join(map(str, value[:ITEMS_SHOWN])) + (f" and {rest} more" if rest > 0 else "")


async def _verify(organization_id: UUID | None, kept: KeptEnds) -> Proof:
    proof, ends = Proof(), kept.named_audit_chains
    if organization_id is not None:
        ends = {one: end for one, end in ends.items() if one == str(organization_id)}
    async with open_database(load_settings()) as pool, pool.connection() as connection, snapshot(connection):
        await verify_audit(connection, proof, ends, organization_id=organization_id)
    return proof


async def _list(organization_id: UUID | None, limit: int) -> list[AuditEntry]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await list_audit(connection, organization_id=organization_id, limit=limit)


def _render(entry: AuditEntry) -> dict[str, object]:
    return {
        "id": entry.audit_id,
        "occurred_at": entry.occurred_at.isoformat(),
        "actor_kind": entry.actor_kind,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "organization_id": None if entry.organization_id is None else str(entry.organization_id),
        "details": entry.details,
    }
