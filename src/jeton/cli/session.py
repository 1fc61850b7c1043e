"""Session: how a command gets at the database, and at whose books, whether or not a server is running.

A running server keeps its database's address in the data directory, for its user only. Without
one the embedded PostgreSQL is started for as long as the command takes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

from jeton.cli.options import chosen_settings
from jeton.db.data_directory import ADDRESS_FILE
from jeton.db.embedded import EmbeddedServer
from jeton.db.errors import DatabaseUnreachableError
from jeton.db.migrating import check_schema
from jeton.db.pool import Connection, Pool, open_pool
from jeton.errors import InvalidInputError, NotFoundError
from jeton.identity.organizations import list_organizations
from jeton.settings import Settings

CONNECTIONS_MAX = 4
# More than these are not named.
NAMED_MAX = 10


class ChooseOrganizationError(InvalidInputError):
    """None or several organizations, and none was chosen."""

    code = "choose_organization"

    def __init__(self, names: list[str]) -> None:
        """Name those there are."""
        listed = ", ".join(names) if names else "none yet"
        how = "--organization ID, or the id itself where a command takes it"
        super().__init__(f"Say which organization ({how}); there are: {listed}.")


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


async def choose_organization(connection: Connection, organization_id: UUID | None) -> UUID:
    """The organization asked for, or the only one; ChooseOrganizationError if it is not clear."""
    if organization_id is not None:
        return organization_id
    organizations = await list_organizations(connection, limit=NAMED_MAX)
    if len(organizations) != 1:
        raise ChooseOrganizationError([f"{item.organization_id} ({item.name})" for item in organizations])
    return organizations[0].organization_id
