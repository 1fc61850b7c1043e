"""Viewings: an operator's session shows another organization's Console for a while, to read only.

The cookie stays the same; a row under the session's digest says whom it shows. Whoever asks has to make
sure that the session is an operator's, every time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.identity.credentials import digest_of
from jeton.identity.organizations import get_organization

VIEWING_LIFE = timedelta(hours=1)

_START = """
    INSERT INTO viewings (digest, organization_id, started_at, expires_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (digest) DO UPDATE SET organization_id = excluded.organization_id,
        started_at = excluded.started_at, expires_at = excluded.expires_at
"""
_FORGET = "DELETE FROM viewings WHERE expires_at <= %s"
_FIND = """
    SELECT organization_id, name AS organization_name, v.expires_at
    FROM viewings AS v JOIN organizations USING (organization_id) WHERE digest = %s AND v.expires_at > %s
"""
_END = "DELETE FROM viewings WHERE digest = %s RETURNING organization_id"


@dataclass(frozen=True, slots=True)
class Viewing:
    """Whose Console a session shows, and until when."""

    organization_id: UUID
    organization_name: str
    expires_at: datetime


async def start_viewing(connection: Connection, secret: str, organization_id: UUID, *, by: Actor) -> None:
    """Show this organization to the session of ``secret`` from now on; UnknownOrganizationError."""
    at = clock.now()
    async with connection.transaction():
        await get_organization(connection, organization_id)
        await connection.execute(_FORGET, (at,))
        await connection.execute(_START, (digest_of(secret), organization_id, at, at + VIEWING_LIFE))
        await _record(connection, organization_id, "organization.viewed", by)


async def find_viewing(connection: Connection, secret: str, *, at: datetime) -> Viewing | None:
    """Whom a session shows at an instant; None where it shows its own organization."""
    async with connection.cursor(row_factory=class_row(Viewing)) as cursor:
        await cursor.execute(_FIND, (digest_of(secret), at))
        return await cursor.fetchone()


async def end_viewing(connection: Connection, secret: str, *, by: Actor) -> UUID | None:
    """Show the session its own organization again; return whom it showed, if anybody."""
    async with connection.transaction():
        row = await (await connection.execute(_END, (digest_of(secret),))).fetchone()
        if row is None:
            return None
        organization_id: UUID = row[0]
        await _record(connection, organization_id, "organization.view_ended", by)
    return organization_id


async def _record(connection: Connection, organization_id: UUID, action: str, by: Actor) -> None:
    await record_audit(connection, by, action, subject=str(organization_id), organization_id=organization_id)
