"""Upkeep: ``jeton migrate`` brings the schema up to date, ``jeton doctor`` checks what is needed."""

import asyncio
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from jeton.cli.options import DATABASE_OPTIONS, chosen_settings, with_options
from jeton.cli.session import open_database
from jeton.db.embedded import EmbeddedServer, find_programs
from jeton.db.migrating import Migration, load_migrations
from jeton.db.migrating import migrate as migrate_database
from jeton.errors import JetonError
from jeton.pricing.loading import load_book
from jeton.settings import Settings

PYTHON_MIN = (3, 11)
EXIT_UNFIT = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what it looked at, whether that is fit, and what it saw or what to do."""

    check: str
    is_fit: bool
    detail: str


def _doctor_command(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False
) -> None:
    """Check what this installation needs; exit 1 if something is amiss."""
    settings = chosen_settings()
    checks: tuple[tuple[str, Callable[[Settings], str]], ...] = (
        ("python", _check_python),
        ("data directory", _check_data_dir),
        ("PostgreSQL", _check_programs),
        ("database", _check_database),
        ("prices", _check_prices),
    )
    findings = [_find(name, check, settings) for name, check in checks]
    is_fit = all(finding.is_fit for finding in findings)
    if as_json:
        typer.echo(json.dumps({"is_fit": is_fit, "findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            typer.echo(f"{'ok  ' if finding.is_fit else 'AMISS'} {finding.check}: {finding.detail}")
    if not is_fit:
        raise typer.Exit(EXIT_UNFIT)


def _find(name: str, check: Callable[[Settings], str], settings: Settings) -> Finding:
    try:
        return Finding(name, is_fit=True, detail=check(settings))
    except JetonError as error:
        return Finding(name, is_fit=False, detail=str(error))


def _check_python(_: Settings) -> str:
    if sys.version_info < PYTHON_MIN:
        raise JetonError(f"Python {platform.python_version()} is too old: 3.11 is needed.")
    return platform.python_version()


def _check_data_dir(settings: Settings) -> str:
    path = settings.data_dir
    nearest = next(folder for folder in (path, *path.parents) if folder.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise JetonError(f"{nearest} cannot be written: correct its permissions, or use --data-dir.")
    return f"{path}{'' if path.exists() else ' (made on the first start)'}"


def _check_programs(settings: Settings) -> str:
    return "given by --database-url" if settings.database_url else str(find_programs())


def _check_database(settings: Settings) -> str:
    if not settings.database_url and not (settings.data_dir / "postgres").exists():
        return "made on the first start"
    return asyncio.run(_connect(settings))


async def _connect(settings: Settings) -> str:
    async with open_database(settings) as pool, pool.connection() as connection:
        row = await (await connection.execute("SHOW server_version")).fetchone()
    return f"PostgreSQL {row[0] if row else '?'}, schema {len(load_migrations())}"


def _check_prices(settings: Settings) -> str:
    book = load_book(*settings.prices_dir)
    return f"{len(book.models())} models, {len(book.versions)} price versions"


doctor = with_options(_doctor_command, (*DATABASE_OPTIONS, "prices_dir"))


def _migrate_command(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False
) -> None:
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


migrate = with_options(_migrate_command, DATABASE_OPTIONS)
