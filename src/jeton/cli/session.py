"""Session: how a command gets at the database, whether or not a server is running.

A running server keeps its database's address in the data directory, for its user only. Without
one the embedded PostgreSQL is started for as long as the command takes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from jeton.cli.options import chosen_settings
from jeton.db.data_directory import ADDRESS_FILE
from jeton.db.embedded import EmbeddedServer
from jeton.db.errors import DatabaseUnreachableError
from jeton.db.migrating import check_schema
from jeton.db.pool import Pool, open_pool
from jeton.errors import NotFoundError
from jeton.settings import Settings

CONNECTIONS_MAX = 4


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Pool]:
    """A pool on the database of these settings, whose schema is this Jeton's.

    The command's own ``--data-dir`` and ``--database-url`` win. Raises NotFoundError where no
    database was ever made, and what EmbeddedServer, check_schema and open_pool raise.
    """
    chosen = chosen_settings()
    settings = replace(settings, data_dir=chosen.data_dir, database_url=chosen.database_url)
    url = settings.database_url or await _find_running(settings)
    if url:
        async with _open(url) as pool:
            yield pool
        return
    if not (settings.data_dir / "postgres").exists():
        raise NotFoundError(
            f"There is no database in {settings.data_dir} yet: start the server once, "
            "or say where it is with --data-dir or --database-url."
        )
    server = EmbeddedServer(settings.data_dir)
    url = await server.start()
    try:
        async with _open(url) as pool:
            yield pool
    finally:
        await server.stop()


async def _find_running(settings: Settings) -> str:
    """The address that a running server left, if somebody answers there."""
    try:
        url = (settings.data_dir / ADDRESS_FILE).read_text(encoding="utf-8").strip()
        await check_schema(url)
    except (OSError, DatabaseUnreachableError):
        # No server, or one that was killed and could not clear its address.
        return ""
    return url


@asynccontextmanager
async def _open(url: str) -> AsyncIterator[Pool]:
    await check_schema(url)
    pool = await open_pool(url, connections_min=1, connections_max=CONNECTIONS_MAX)
    try:
        yield pool
    finally:
        await pool.close()
