"""``jeton audit``: who changed what that touches money."""

import asyncio
import json
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from jeton.cli.credits.operator import Json
from jeton.cli.options import make_console
from jeton.cli.session import open_database
from jeton.identity.audit import AuditEntry, list_audit
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


def _shorten(value: object) -> str:
    """A value for a table; all of a long list is in the JSON."""
    if not isinstance(value, list):
        return str(value)
    rest = len(value) - ITEMS_SHOWN
    return " ".join(map(str, value[:ITEMS_SHOWN])) + (f" and {rest} more" if rest > 0 else "")


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
