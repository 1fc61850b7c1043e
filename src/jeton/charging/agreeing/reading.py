"""Reading terms: as they are stored, to be rated by."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from jeton.db.pool import Connection
from jeton.pricing.terms import Terms

_OF_ORGANIZATION = """
    SELECT terms_id, content, effective_from, effective_to FROM terms
    WHERE organization_id = %s ORDER BY terms_id
"""
_NOT_OVER = """
    SELECT terms_id, content, effective_from, effective_to, organization_id FROM terms
    WHERE effective_to IS NULL OR effective_to > %s ORDER BY terms_id
"""
_BY_ID = "SELECT terms_id, content, effective_from, effective_to FROM terms WHERE terms_id = ANY(%s)"


async def read_terms(connection: Connection, organization_id: UUID) -> list[Terms]:
    """All that an organization ever agreed on, in the order of agreeing."""
    rows = await (await connection.execute(_OF_ORGANIZATION, (organization_id,))).fetchall()
    return [Terms.from_row(row) for row in rows]


async def read_all_terms(connection: Connection, since: datetime) -> dict[UUID, list[Terms]]:
    """What is in force at ``since`` or will be, of every organization that has any."""
    found: dict[UUID, list[Terms]] = {}
    async for row in await connection.execute(_NOT_OVER, (since,)):
        found.setdefault(row[4], []).append(Terms.from_row(row))
    return found


async def find_terms(connection: Connection, terms_ids: Collection[str]) -> dict[str, Terms]:
    """Terms by id, as a hold pinned them."""
    rows = await (await connection.execute(_BY_ID, ([*terms_ids],))).fetchall()
    return {row[0]: Terms.from_row(row) for row in rows}
