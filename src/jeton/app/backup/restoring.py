"""Restoring a backup: all of it and proven, or nothing."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from jeton.app.backup.files import check_files, restore_files
from jeton.db.backup.archive import ArchiveReader
from jeton.db.backup.errors import RestoreUnsoundError
from jeton.db.backup.loading import check_schema_known, clear_place, load_tables
from jeton.db.embedded import EmbeddedServer
from jeton.db.pool import connect, render_address
from jeton.insight.proving.proof import Proof
from jeton.insight.verify import prove


@dataclass(frozen=True, slots=True)
class Place:
    """Where to restore to: the database given, else the embedded one of the data directory."""

    data_dir: Path
    database_url: str | None
    may_replace: bool = False
    may_be_unsound: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """Whom progress is told: bytes of the file that were checked, a table with bytes, rows proven."""

    checked: Callable[[int], None]
    loaded: Callable[[str, int], None]
    proven: Callable[[int], None]


async def restore_backup(reader: ArchiveReader, path: Path, *, place: Place, report: Report) -> Proof:
    """Put a backup into a place, prove the books there, and only then commit.

    Raises BackupDamagedError, BackupNewerError, SchemaChangedError, DatabaseNotEmptyError,
    DatabaseInUseError, RestoreUnsoundError and what EmbeddedServer raises; then the place is as before.
    """
    check_schema_known(path, reader.manifest)
    reader.check(report.checked)
    check_files(reader, path, data_dir=place.data_dir, may_replace=place.may_replace)
    async with AsyncExitStack() as stack:
        url = place.database_url
        if not url:
            server = EmbeddedServer(place.data_dir)
            url = await server.start()
            stack.push_async_callback(server.stop)
        connection = await connect(url)
        stack.push_async_callback(connection.close)
        async with connection.transaction():
            await clear_place(connection, render_address(url), may_replace=place.may_replace)
            await load_tables(connection, reader, path=path, on_progress=report.loaded)
            chains, audit_chains = reader.manifest.chains, reader.manifest.audit_chains
            proof = await prove(connection, report.proven, kept_ends=chains, kept_audit_ends=audit_chains)
            if proof.chains != chains or (audit_chains and proof.audit_chains != audit_chains):
                proof.find("The chains do not end where the manifest says that they do.")
            if not proof.is_sound and not place.may_be_unsound:
                raise RestoreUnsoundError(proof.findings)
            restore_files(reader, place.data_dir)
    return proof
