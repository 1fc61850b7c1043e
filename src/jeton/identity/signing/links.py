"""Links: a mail that signs in once, for a short while. The mail holds the secret, the table its digest.

A link shows that whoever uses it reads the mail of its e-mail; so the e-mail is all that comes of it.
"""

from datetime import datetime, timedelta

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.credentials import SECRET_CHARS_MAX, digest_of, new_session_secret
from jeton.identity.errors import SignInLinkError

LINK_LIFE = timedelta(minutes=15)
# Whatever node they are asked of: beyond it nothing is mailed, and nobody is told so.
OPEN_LINKS_MAX = 5
KEPT_FOR = timedelta(days=1)


async def create_link(connection: Connection, email: str) -> str | None:
    """A new link's secret, good for LINK_LIFE; None if the e-mail has OPEN_LINKS_MAX of them by now."""
    at = clock.now()
    await connection.execute(
        "DELETE FROM sign_in_links WHERE email = %s AND expires_at < %s", (email, at - KEPT_FOR)
    )
    cursor = await connection.execute(
        "SELECT count(*) FROM sign_in_links WHERE email = %s AND created_at > %s", (email, at - LINK_LIFE)
    )
    row = await cursor.fetchone()
    if row is not None and row[0] >= OPEN_LINKS_MAX:
        return None
    secret = new_session_secret()
    await connection.execute(
        "INSERT INTO sign_in_links (digest, email, created_at, expires_at) VALUES (%s, %s, %s, %s)",
        (digest_of(secret), email, at, at + LINK_LIFE),
    )
    return secret


async def find_link(connection: Connection, secret: str, *, at: datetime) -> str | None:
    """The e-mail that a link is good for at ``at``; None if it is unknown, used or too old."""
    if not secret or len(secret) > SECRET_CHARS_MAX:
        return None
    cursor = await connection.execute(
        "SELECT email FROM sign_in_links WHERE digest = %s AND used_at IS NULL AND expires_at > %s",
        (digest_of(secret), at),
    )
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def use_link(connection: Connection, secret: str) -> str:
    """Use a link up and return its e-mail; SignInLinkError for every other. Of two at once one succeeds."""
    at = clock.now()
    if len(secret) <= SECRET_CHARS_MAX:
        cursor = await connection.execute(
            "UPDATE sign_in_links SET used_at = %s WHERE digest = %s AND used_at IS NULL AND expires_at > %s"
            " RETURNING email",
            (at, digest_of(secret), at),
        )
        row = await cursor.fetchone()
        if row is not None:
            return str(row[0])
    raise SignInLinkError
