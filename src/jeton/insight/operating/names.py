"""Names: what organizations are called, for pages that list things of several."""

from collections.abc import Collection
from uuid import UUID

from jeton.db.pool import Connection

_NAMES = "SELECT organization_id, name FROM organizations WHERE organization_id = ANY (%s)"


async def list_organization_names(connection: Connection, ids: Collection[UUID]) -> dict[UUID, str]:
    """The names of those of these organizations that there are."""
    return dict(await (await connection.execute(_NAMES, (list(ids),))).fetchall())
