"""``jeton migrate``: bring a database's schema up to date without serving."""

import asyncio
import json
from typing import Annotated

import typer

from jeton.cli.options import DATABASE_OPTIONS, chosen_settings, with_options
from jeton.db.embedded import EmbeddedServer
from jeton.db.migrating import Migration, load_migrations
from jeton.db.migrating import migrate as migrate_database
from jeton.settings import Settings


def _run(*, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Bring the database's schema up to date; ``jeton serve`` does so by itself."""
    applied = asyncio.run(_migrate(chosen_settings()))
    names = [f"{migration.number:04d}_{migration.name}" for migration in applied]
    newest = len(load_migrations())
    if as_json:
        typer.echo(json.dumps({"schema": newest, "applied": names}))
        return
    for name in names:
        typer.echo(f"Applied {name}.")
    typer.echo(f"The schema is {newest}.")


async def _migrate(settings: Settings) -> tuple[Migration, ...]:
    if settings.database_url:
        return await migrate_database(settings.database_url)
    server = EmbeddedServer(settings.data_dir, report=typer.echo)
    try:
        return await migrate_database(await server.start())
    finally:
        await server.stop()


migrate = with_options(_run, DATABASE_OPTIONS)
