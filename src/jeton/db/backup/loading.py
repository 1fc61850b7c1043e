"""Loading: a database as it was dumped, all of it in one transaction, or as it was before."""

from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

from jeton.db.backup.archive import ArchiveReader, Manifest
from jeton.db.backup.dumping import RECORD, list_tables
from jeton.db.backup.errors import (
    BackupDamagedError,
    BackupNewerError,
    DatabaseInUseError,
    DatabaseNotEmptyError,
)
from jeton.db.errors import SchemaChangedError
from jeton.db.migrating import load_migrations, lock_schema, migrate_within
from jeton.db.pool import Connection

_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'jeton'
"""
_ROUTINES = """
    SELECT p.oid::regprocedure::text FROM pg_proc AS p
    WHERE p.pronamespace = current_schema()::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
# Those of tables go with their tables.
_TYPES = """
    SELECT t.oid::regtype::text FROM pg_type AS t LEFT JOIN pg_class AS c ON c.oid = t.typrelid
    WHERE t.typnamespace = current_schema()::regnamespace AND (t.typtype = 'e' OR c.relkind = 'c')
"""
_NAMES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') ORDER BY relname
"""


def check_schema_known(path: Path, manifest: Manifest) -> None:
    """Raise unless this Jeton has the migrations of the backup: BackupNewerError, SchemaChangedError."""
    known = load_migrations()
    if manifest.schema > len(known):
        raise BackupNewerError(path, found=f"the schema {manifest.schema}", known=str(len(known)))
    if [one.number for one in manifest.migrations] != [*range(1, manifest.schema + 1)]:
        raise BackupDamagedError(path, "its migrations are not numbered 1, 2, 3")
    for one, packaged in zip(manifest.migrations, known, strict=False):
        if one.digest != packaged.digest:
            raise SchemaChangedError(one.number, applied=one.digest, packaged=packaged.digest)


async def clear_place(connection: Connection, address: str, *, may_replace: bool) -> None:
    """Make the database empty, in the transaction that is open; raises unless it is or may be made so.

    DatabaseInUseError, and DatabaseNotEmptyError: what is not Jeton's is never removed.
    """
    await lock_schema(connection)
    ((others,),) = await (await connection.execute(_OTHERS)).fetchall()
    if others:
        raise DatabaseInUseError(address, others)
    names = [name for (name,) in await (await connection.execute(_NAMES)).fetchall()]
    if not names:
        return
    if RECORD not in names:
        raise DatabaseNotEmptyError(
            f"The database at {address} holds tables that are not Jeton's ({names[0]}): "
            "restore to another one."
        )
    if not may_replace and await _has_rows(connection, names):
        raise DatabaseNotEmptyError(
            f"The database at {address} is not empty: restore to another one, or give --replace to put the "
            "backup in its place."
        )
    tables = sql.SQL(", ").join(map(sql.Identifier, names))
    await connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(tables))
    for (routine,) in await (await connection.execute(_ROUTINES)).fetchall():
        await connection.execute(sql.SQL("DROP ROUTINE {} CASCADE").format(sql.SQL(routine)))
    for (kind,) in await (await connection.execute(_TYPES)).fetchall():
        await connection.execute(sql.SQL("DROP TYPE {} CASCADE").format(sql.SQL(kind)))


async def load_tables(
    connection: Connection, reader: ArchiveReader, *, path: Path, on_progress: Callable[[str, int], None]
) -> None:
    """Make the schema of the backup, fill it, and bring it up to date, in the transaction that is open.

    ``on_progress`` gets a table and the bytes of all so far. Raises BackupDamagedError.
    """
    manifest = reader.manifest
    await migrate_within(connection, up_to=manifest.schema)
    there = await list_tables(connection)
    if {table.name: sorted(table.columns) for table in manifest.tables} != {
        name: sorted(columns) for name, columns in there.items()
    }:
        raise BackupDamagedError(path, f"its tables are not those of schema {manifest.schema}")
    tables = {table.name: table for table in manifest.tables}
    done_bytes = 0
    for name in there:
        table = tables[name]
        query = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, table.columns))
        )
        try:
            async with connection.cursor() as cursor:
                async with cursor.copy(query) as copy:
                    for block in reader.read(table.member):
                        await copy.write(block)
                        done_bytes += len(block)
                        on_progress(name, done_bytes)
                loaded = cursor.rowcount
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise BackupDamagedError(path, f"{name}: {' '.join(str(error).split())}") from None
        if loaded != table.rows:
            raise BackupDamagedError(path, f"{name} has {loaded} rows instead of {table.rows}")
        await connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(name)))
    # What waits for the end of a transaction stands in the way of changing its table.
    await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    await migrate_within(connection)


async def _has_rows(connection: Connection, names: list[str]) -> bool:
    for name in names:
        if name != RECORD:
            query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(name))
            ((has_rows,),) = await (await connection.execute(query)).fetchall()
            if has_rows:
                return True
    return False
