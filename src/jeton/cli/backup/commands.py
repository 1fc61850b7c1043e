"""``jeton backup`` and ``jeton restore``: an installation in one file, and back."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn

from jeton import find_version
from jeton.app.backup.files import list_files
from jeton.app.backup.making import Made, make_backup
from jeton.app.backup.restoring import Place, Report, restore_backup
from jeton.cli.options import DATABASE_OPTIONS, chosen_settings, with_options
from jeton.cli.session import open_database
from jeton.db.backup.archive import ArchiveReader, Manifest, read_archive
from jeton.insight.proving.proof import Proof

EXIT_UNSOUND = 1
_SHOWN_MAX = 10

File = Annotated[Path, typer.Argument(metavar="FILE", help="The file of the backup.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def backup(file: File, *, as_json: Json = False) -> None:
    """Write the whole installation into one new file, in one snapshot, while requests are served."""
    made = asyncio.run(_back_up(file, find_version()))
    facts = _describe(file, made.manifest, made.digest)
    if as_json:
        typer.echo(json.dumps({**facts, "chains": made.manifest.chains}, indent=2))
        return
    typer.echo(f"Backed up {_render(made.manifest)} to {file} ({file.stat().st_size:,} bytes).")
    typer.echo(f"Its digest is {facts['digest']}. It holds secrets: keep it like the data directory.")


async def _back_up(file: Path, version: str) -> Made:
    settings = chosen_settings()
    progress = _make_progress(TextColumn("{task.description}"), TextColumn("{task.completed:,} rows"))
    async with open_database(settings) as pool, pool.connection() as connection:
        with progress:
            task = progress.add_task("backup", total=None)
            return await make_backup(
                connection,
                file,
                data_dir=settings.data_dir,
                version=version,
                on_progress=lambda table, rows: progress.update(task, description=table, completed=rows),
            )


def _restore_command(
    file: File,
    *,
    may_replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of what is there now.")
    ] = False,
    may_be_unsound: Annotated[
        bool, typer.Option("--unsound", help="Restore it even if its books do not prove.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put a backup into an empty place, prove the books there, and only then keep it."""
    settings = chosen_settings()
    place = Place(settings.data_dir, settings.database_url or None, may_replace, may_be_unsound)
    with read_archive(file) as reader:
        proof = asyncio.run(_restore(reader, file, place))
        facts = _describe(file, reader.manifest, reader.digest)
        _tell(facts, reader.manifest, proof, as_json=as_json)
    if not proof.is_sound:
        raise typer.Exit(EXIT_UNSOUND)


async def _restore(reader: ArchiveReader, file: Path, place: Place) -> Proof:
    total_bytes = sum(table.size_bytes for table in reader.manifest.tables)
    progress = _make_progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TextColumn("{task.fields[rows]}")
    )
    with progress:
        checked = progress.add_task("checking the file", total=total_bytes, rows="")
        loaded = progress.add_task("restoring", total=total_bytes, rows="")
        proven = progress.add_task("proving", total=None, rows="")
        report = Report(
            checked=lambda done: progress.update(checked, completed=done),
            loaded=lambda table, done: progress.update(loaded, description=table, completed=done),
            proven=lambda rows: progress.update(proven, rows=f"{rows:,} rows"),
        )
        return await restore_backup(reader, file, place=place, report=report)


def _tell(facts: dict[str, object], manifest: Manifest, proof: Proof, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({**facts, "is_sound": proof.is_sound, "findings": proof.findings}, indent=2))
        return
    typer.echo(f"Restored {_render(manifest)}.")
    typer.echo(f"The digest of the backup is {facts['digest']}.")
    for name in list_files(manifest):
        typer.echo(f"Restored {name} in the data directory.")
    if proof.is_sound:
        typer.echo(
            f"The books are proven: {proof.transactions:,} transactions and {proof.charges:,} charges were "
            f"recomputed, and {len(proof.chains):,} chains end where the manifest says."
        )
        return
    for finding in proof.findings[:_SHOWN_MAX]:
        typer.echo(f"WRONG {finding}")
    typer.echo("The books do NOT prove; jeton ledger verify names every finding.")


def _describe(file: Path, manifest: Manifest, digest: str) -> dict[str, object]:
    return {
        "file": str(file),
        "size_bytes": file.stat().st_size,
        "digest": f"sha256:{digest}",
        "jeton": manifest.jeton,
        "schema": manifest.schema,
        "taken_at": manifest.taken_at.isoformat(),
        "rows": {table.name: table.rows for table in manifest.tables},
        "files": list_files(manifest),
    }


def _render(manifest: Manifest) -> str:
    organizations, transactions = manifest.count("organizations"), manifest.count("transactions")
    return (
        f"{organizations:,} organizations with {transactions:,} transactions "
        f"as of {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC (schema {manifest.schema}, {manifest.rows:,} rows)"
    )


def _make_progress(*columns: TextColumn | BarColumn | DownloadColumn) -> Progress:
    errors = Console(stderr=True)
    return Progress(SpinnerColumn(), *columns, console=errors, transient=True, disable=not errors.is_terminal)


restore = with_options(_restore_command, DATABASE_OPTIONS)
