"""Sessions: who is signed in to the Console. The cookie holds a secret, the table its digest.

A session is of one membership; people see their own sessions, in all their organizations, by an id.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.credentials import SECRET_CHARS_MAX, digest_of, new_session_secret
from jeton.identity.errors import UnknownSessionError
from jeton.identity.members import Role
from jeton.identity.signing.devices import describe_device
from jeton.ids import new_id

SESSION_LIFE = timedelta(hours=12)
SESSIONS_LISTED_MAX = 100
# A use is written down so often at most.
USE_NOTED_EVERY = timedelta(minutes=1)

Method = Literal["password", "link", "invite", "oidc", "passkey"]


@dataclass(frozen=True, slots=True)
class Session:
    """A session in force, with the member it belongs to."""

    member_id: str
    organization_id: UUID
    organization_name: str
    email: str
    role: Role
    expires_at: datetime
    session_id: str
    method: Method
    created_at: datetime
    last_used_at: datetime


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session in force, as its person sees it."""

    session_id: str
    organization_name: str
    method: Method
    device: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


async def open_session(
    connection: Connection, member_id: str, *, method: Method = "password", user_agent: str = ""
) -> str:
    """Sign a member in for SESSION_LIFE; return the cookie's secret. Ended sessions of it go."""
    at = clock.now()
    await connection.execute(
        "DELETE FROM sessions WHERE member_id = %s AND (expires_at <= %s OR revoked_at IS NOT NULL)",
        (member_id, at),
    )
    secret = new_session_secret()
    await connection.execute(
        "INSERT INTO sessions (digest, session_id, member_id, method, device, created_at, last_used_at,"
        " expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            digest_of(secret),
            new_id("session"),
            member_id,
            method,
            describe_device(user_agent),
            at,
            at,
            at + SESSION_LIFE,
        ),
    )
    return secret


async def find_session(connection: Connection, secret: str, *, at: datetime) -> Session | None:
    """The session of a cookie, unless it is unknown, revoked or past its end at ``at``."""
    if not secret or len(secret) > SECRET_CHARS_MAX:
        return None
    async with connection.cursor(row_factory=class_row(Session)) as cursor:
        await cursor.execute(
            "SELECT s.member_id, m.organization_id, o.name AS organization_name, m.email, m.role,"
            " s.expires_at, s.session_id, s.method, s.created_at, s.last_used_at"
            " FROM sessions AS s JOIN members AS m USING (member_id)"
            " JOIN organizations AS o USING (organization_id)"
            " WHERE s.digest = %s AND s.revoked_at IS NULL AND s.expires_at > %s",
            (digest_of(secret), at),
        )
        session = await cursor.fetchone()
    if session is not None and session.last_used_at + USE_NOTED_EVERY <= at:
        await connection.execute(
            "UPDATE sessions SET last_used_at = %s WHERE session_id = %s", (at, session.session_id)
        )
    return session


async def list_sessions(connection: Connection, email: str, *, at: datetime) -> list[OpenSession]:
    """A person's sessions in force in every organization, the one used last first."""
    async with connection.cursor(row_factory=class_row(OpenSession)) as cursor:
        await cursor.execute(
            "SELECT s.session_id, o.name AS organization_name, s.method, s.device, s.created_at,"
            " s.last_used_at, s.expires_at FROM members AS m JOIN sessions AS s USING (member_id)"
            " JOIN organizations AS o USING (organization_id)"
            " WHERE m.email = %s AND s.revoked_at IS NULL AND s.expires_at > %s"
            " ORDER BY s.last_used_at DESC, s.session_id LIMIT %s",
            (email, at, SESSIONS_LISTED_MAX),
        )
        return await cursor.fetchall()


async def end_session(connection: Connection, email: str, session_id: str) -> None:
    """End one session of a person; UnknownSessionError if there is none in force with this id."""
    cursor = None
    if session_id.isprintable():
        cursor = await connection.execute(
            "UPDATE sessions AS s SET revoked_at = %s FROM members AS m"
            " WHERE m.member_id = s.member_id AND m.email = %s AND s.session_id = %s"
            " AND s.revoked_at IS NULL",
            (clock.now(), email, session_id),
        )
    if cursor is None or cursor.rowcount == 0:
        raise UnknownSessionError(ascii(session_id).strip("'"))


async def end_sessions(connection: Connection, email: str, *, but: str = "") -> int:
    """End every session of a person, in every organization, but the one with this id; return how many."""
    cursor = await connection.execute(
        "UPDATE sessions AS s SET revoked_at = %s FROM members AS m"
        " WHERE m.member_id = s.member_id AND m.email = %s AND s.revoked_at IS NULL AND s.session_id <> %s",
        (clock.now(), email, but),
    )
    return cursor.rowcount


async def move_session(connection: Connection, secret: str, member_id: str) -> None:
    """Let a session go on as another membership, which has to be of the same person."""
    await connection.execute(
        "UPDATE sessions SET member_id = %s WHERE digest = %s AND revoked_at IS NULL",
        (member_id, digest_of(secret)),
    )


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
    """Whether a form was made for this session, compared in constant time; never without a secret.

    Anybody can reckon the token of an empty secret, so a browser without a cookie has no form.
    """
    return bool(secret) and hmac.compare_digest(form_token(secret).encode(), token.encode())
