"""Migrations: numbered SQL files, each applied once, in order, in a transaction of its own.

The files live beside this module in ``migrations/NNNN_name.sql``. An applied file is a fact: its
SHA-256 is recorded, and a file that reads differently later is refused rather than ignored.

The tables of a library are made from the library's own file, which a line of a migration names with
its SHA-256: ``-- include: package path/in/it.sql sha256:…``. Should an update of the library change
that file, nothing is applied until a migration says what becomes of the tables.
"""

import hashlib
import importlib.metadata
import re
from dataclasses import dataclass
from pathlib import Path

from jeton.db.errors import SchemaChangedError, SchemaNewerError, SchemaOlderError
from jeton.db.pool import Connection, connect
from jeton.errors import ConfigurationError

MIGRATIONS_DIR = Path(__file__).parent / "migrations"

_INCLUDE = re.compile(rb"^-- include: (\w+) (\S+) sha256:([0-9a-f]{64})$", re.MULTILINE)
_FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")

# Any constant does, as long as every Jeton on the database uses the same one ("jeton" in ASCII).
_LOCK_KEY = 0x6A65746F6E

_CREATE_RECORD = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        number     integer PRIMARY KEY CHECK (number > 0),
        name       text NOT NULL,
        digest     text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
        applied_at timestamptz NOT NULL DEFAULT now()
    )"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file; ``digest`` is ``sha256:`` and the hex digest of its bytes."""

    number: int
    name: str
    digest: str
    sql: bytes


def load_migrations(directory: Path = MIGRATIONS_DIR) -> tuple[Migration, ...]:
    """The files in order; raises ConfigurationError unless they are numbered 1, 2, 3, … once each."""
    migrations: list[Migration] = []
    mistakes: list[str] = []
    for path in sorted(directory.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            mistakes.append(f"{path}: a migration is named like 0001_some_words.sql.")
            continue
        number, sql = int(match[1]), path.read_bytes()
        if number != len(migrations) + 1:
            mistakes.append(f"{path}: this is number {number} where {len(migrations) + 1} is due.")
        digest = f"sha256:{hashlib.sha256(sql).hexdigest()}"
        migrations.append(Migration(number, match[2], digest, sql))
    if mistakes:
        raise ConfigurationError(mistakes)
    return tuple(migrations)


async def migrate(database_url: str, *, directory: Path = MIGRATIONS_DIR) -> tuple[Migration, ...]:
    """Apply what is missing and return it; several nodes may call this at the same time.

    Raises SchemaNewerError, SchemaChangedError and DatabaseUnreachableError; a migration that
    fails leaves the database at the one before it.
    """
    migrations = load_migrations(directory)
    connection = await connect(database_url)
    try:
        # A session lock, since each migration commits by itself; it ends with the connection.
        await lock_schema(connection)
        return await _migrate(connection, migrations)
    finally:
        await connection.close()


async def migrate_within(connection: Connection, *, up_to: int | None = None) -> None:
    """Apply what is missing, up to a number, in the transaction that is open: all of it or nothing.

    The caller has the lock of the schema.
    """
    await _migrate(connection, load_migrations()[:up_to])


async def lock_schema(connection: Connection) -> None:
    """Keep every other Jeton from changing the schema until this connection is closed."""
    await connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK_KEY])


async def check_schema(database_url: str, *, directory: Path = MIGRATIONS_DIR) -> None:
    """Change nothing, and raise unless the schema is exactly the packaged one.

    SchemaOlderError, SchemaNewerError, SchemaChangedError, DatabaseUnreachableError.
    """
    migrations = load_migrations(directory)
    connection = await connect(database_url)
    try:
        cursor = await connection.execute("SELECT to_regclass('schema_migrations') IS NOT NULL")
        row = await cursor.fetchone()
        applied = await _list_applied(connection) if row and row[0] else {}
    finally:
        await connection.close()
    missing = _select_missing(migrations, applied)
    if missing:
        raise SchemaOlderError(missing[0].number - 1, len(migrations))


async def _migrate(connection: Connection, migrations: tuple[Migration, ...]) -> tuple[Migration, ...]:
    await connection.execute(_CREATE_RECORD)
    missing = _select_missing(migrations, await _list_applied(connection))
    for migration in missing:
        await _apply(connection, migration)
    return missing


def _select_missing(migrations: tuple[Migration, ...], applied: dict[int, str]) -> tuple[Migration, ...]:
    newest = max(applied, default=0)
    if newest > len(migrations):
        raise SchemaNewerError(newest, len(migrations))
    for migration in migrations:
        digest = applied.get(migration.number)
        if digest is not None and digest != migration.digest:
            raise SchemaChangedError(migration.number, applied=digest, packaged=migration.digest)
    return tuple(migration for migration in migrations if migration.number not in applied)


async def _list_applied(connection: Connection) -> dict[int, str]:
    cursor = await connection.execute("SELECT number, digest FROM schema_migrations")
    return {int(number): str(digest) for number, digest in await cursor.fetchall()}


async def _apply(connection: Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(_INCLUDE.sub(_read_included, migration.sql))
        await connection.execute(
            "INSERT INTO schema_migrations (number, name, digest) VALUES (%s, %s, %s)",
            [migration.number, migration.name, migration.digest],
        )


def _read_included(line: re.Match[bytes]) -> bytes:
    """The file that a line names; ConfigurationError if it is not the one that was meant."""
    package, path, digest = (part.decode() for part in line.groups())
    installed = importlib.metadata.distribution(package)
    sql = Path(str(installed.locate_file(f"{package}/{path}"))).read_bytes()
    found = hashlib.sha256(sql).hexdigest()
    if found != digest:
        mistake = (
            f"{package} {installed.version}: its {path} has the digest sha256:{found}, and this Jeton was"
            f" made for sha256:{digest}; install the version that requirements.txt names."
        )
        raise ConfigurationError([mistake])
    return sql
