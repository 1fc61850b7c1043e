"""Mailed: to whom a document was sent, and whether it arrived at their mail server."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from jeton.db.pool import Connection
from jeton.notifications.catalogue.documents import DocumentIssued

_MAILED = """
    SELECT d.email, d.delivered_at, d.gave_up_at, coalesce(d.last_problem, '') AS problem
    FROM events AS e JOIN deliveries AS d USING (event_id)
    WHERE e.dedup_key = %s AND d.email IS NOT NULL ORDER BY d.email
"""


@dataclass(frozen=True, slots=True)
class Mailed:
    """One address; neither delivered nor given up is under way."""

    email: str
    delivered_at: datetime | None
    gave_up_at: datetime | None
    problem: str


async def list_mailed(connection: Connection, document_id: str) -> tuple[Mailed, ...]:
    """The addresses that a document went to, in their order; none where nobody is told."""
    async with connection.cursor(row_factory=class_row(Mailed)) as cursor:
        await cursor.execute(_MAILED, (f"{DocumentIssued.type}:{document_id}",))
        return tuple(await cursor.fetchall())
