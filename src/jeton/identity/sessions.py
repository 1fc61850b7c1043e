"""Sessions: who is signed in to the Console. The cookie holds a secret, the table its digest."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.credentials import SECRET_CHARS_MAX, digest_of, new_session_secret
from jeton.identity.members import Role

SESSION_LIFE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Session:
    """A session in force, with the member it belongs to."""

    member_id: str
    organization_id: UUID
    organization_name: str
    email: str
    role: Role
    expires_at: datetime


async def open_session(connection: Connection, member_id: str) -> str:
    """Sign a member in for SESSION_LIFE; return the cookie's secret. Ended sessions of it go."""
    at = clock.now()
    await connection.execute(
        "DELETE FROM sessions WHERE member_id = %s AND (expires_at <= %s OR revoked_at IS NOT NULL)",
        (member_id, at),
    )
    secret = new_session_secret()
    await connection.execute(
        "INSERT INTO sessions (digest, member_id, created_at, expires_at) VALUES (%s, %s, %s, %s)",
        (digest_of(secret), member_id, at, at + SESSION_LIFE),
    )
    return secret


async def find_session(connection: Connection, secret: str, *, at: datetime) -> Session | None:
    """The session of a cookie, unless it is unknown, revoked or past its end at ``at``."""
    if not secret or len(secret) > SECRET_CHARS_MAX:
        return None
    async with connection.cursor(row_factory=class_row(Session)) as cursor:
        await cursor.execute(
            "SELECT member_id, organization_id, organizations.name AS organization_name, email,"
            " role, expires_at FROM sessions JOIN members USING (member_id)"
            " JOIN organizations USING (organization_id)"
            " WHERE digest = %s AND revoked_at IS NULL AND expires_at > %s",
            (digest_of(secret), at),
        )
        return await cursor.fetchone()


async def revoke_session(connection: Connection, secret: str) -> None:
    """End a session at once; nothing happens to one that is unknown or ended."""
    await connection.execute(
        "UPDATE sessions SET revoked_at = %s WHERE digest = %s AND revoked_at IS NULL",
        (clock.now(), digest_of(secret)),
    )


async def revoke_sessions(connection: Connection, member_id: str) -> int:
    """End every session of a member, as after a change of password; return how many."""
    cursor = await connection.execute(
        "UPDATE sessions SET revoked_at = %s WHERE member_id = %s AND revoked_at IS NULL",
        (clock.now(), member_id),
    )
    return cursor.rowcount


def form_token(secret: str) -> str:
    """The token that a form of this session carries: derived from the secret, not stored."""
    return hmac.new(secret.encode(), b"jeton form", hashlib.sha256).hexdigest()


def is_form_token(secret: str, token: str) -> bool:
    """Whether a form was made for this session, compared in constant time."""
    return hmac.compare_digest(form_token(secret).encode(), token.encode())
