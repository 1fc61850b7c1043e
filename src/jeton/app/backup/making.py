"""Making a backup, while requests are served."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jeton.app.backup.files import add_files
from jeton.db.backup.archive import FORMAT, Manifest, write_archive
from jeton.db.backup.dumping import dump_tables, list_applied
from jeton.db.pool import Connection
from jeton.insight.operating.audit_chain import read_audit_ends
from jeton.insight.proving.chain import read_ends
from jeton.insight.verify import snapshot


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made; ``digest`` (of its manifest, SHA-256 in hex) stands for all of it."""

    manifest: Manifest
    digest: str


async def make_backup(
    connection: Connection,
    path: Path,
    *,
    data_dir: Path,
    version: str,
    on_progress: Callable[[str, int], None],
) -> Made:
    """Write everything into one new file; ``on_progress`` gets a table and the rows so far.

    ``connection`` must be idle. Raises BackupExistsError and BackupWriteError.
    """
    with write_archive(path) as archive:
        # Before the snapshot: what is booked in between is in both, and booking it again changes nothing.
        files = add_files(archive, data_dir)
        async with snapshot(connection):
            ((taken_at, server),) = await (
                await connection.execute("SELECT now(), current_setting('server_version')")
            ).fetchall()
            chains = await read_ends(connection)
            audit_chains = await read_audit_ends(connection)
            tables = await dump_tables(connection, archive, on_progress)
            manifest = Manifest(
                kind="jeton backup",
                format=FORMAT,
                jeton=version,
                postgresql=server,
                taken_at=taken_at,
                migrations=await list_applied(connection),
                tables=tables,
                files=files,
                chains=chains,
                audit_chains=audit_chains,
            )
        return Made(manifest, archive.finish(manifest))
