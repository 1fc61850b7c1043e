"""Tokens: what a directory calls with: shown once, stored by digest, of one organization, revocable."""

from datetime import timedelta
from uuid import UUID

from psycopg.rows import class_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.identity.credentials import SECRET_CHARS_MAX, digest_of, new_session_secret
from jeton.identity.names import parse_name
from jeton.identity.scim.terms import (
    TOKENS_MAX,
    ScimToken,
    ScimTokenError,
    TooManyOfScimError,
    UnknownScimTokenError,
)
from jeton.ids import new_id

PREFIX = "jtn-scim-"
USE_NOTED_EVERY = timedelta(minutes=1)
_HINT_CHARS = 4

_COLUMNS = "token_id, organization_id, name, hint, created_by, created_at, last_used_at, revoked_at"
_READ = f"SELECT {_COLUMNS} FROM scim_tokens"  # noqa: S608 - the columns above


async def create_token(
    connection: Connection, organization_id: UUID, *, name: str, by: Actor
) -> tuple[ScimToken, str]:
    """A new token with its secret, which is kept nowhere; InvalidNameError or TooManyOfScimError."""
    named = parse_name(name)
    if len(await list_tokens(connection, organization_id)) >= TOKENS_MAX:
        raise TooManyOfScimError("tokens", TOKENS_MAX)
    secret = f"{PREFIX}{new_session_secret()}"
    token = ScimToken(
        new_id("scimtoken"),
        organization_id,
        named,
        f"{PREFIX}…{secret[-_HINT_CHARS:]}",
        by.name,
        clock.now(),
        last_used_at=None,
        revoked_at=None,
    )
    await connection.execute(
        "INSERT INTO scim_tokens (token_id, organization_id, name, digest, hint, created_by, created_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            token.token_id,
            organization_id,
            named,
            digest_of(secret),
            token.hint,
            token.created_by,
            token.created_at,
        ),
    )
    await _record(connection, by, "scim.token_created", token)
    return token, secret


async def list_tokens(connection: Connection, organization_id: UUID) -> list[ScimToken]:
    """An organization's tokens that are good for something, oldest first."""
    async with connection.cursor(row_factory=class_row(ScimToken)) as cursor:
        await cursor.execute(
            f"{_READ} WHERE organization_id = %s AND revoked_at IS NULL ORDER BY token_id LIMIT %s",
            (organization_id, TOKENS_MAX),
        )
        return await cursor.fetchall()


async def revoke_token(
    connection: Connection, organization_id: UUID, token_id: str, *, by: Actor
) -> ScimToken:
    """End a token, from the next request on; UnknownScimTokenError for one that is none, or ended."""
    token = None
    if token_id.isprintable():
        async with connection.cursor(row_factory=class_row(ScimToken)) as cursor:
            await cursor.execute(
                "UPDATE scim_tokens SET revoked_at = %s WHERE organization_id = %s AND token_id = %s"  # noqa: S608 - the columns above
                f" AND revoked_at IS NULL RETURNING {_COLUMNS}",
                (clock.now(), organization_id, token_id),
            )
            token = await cursor.fetchone()
    if token is None:
        raise UnknownScimTokenError(ascii(token_id).strip("'"))
    await _record(connection, by, "scim.token_revoked", token)
    return token


async def authenticate(connection: Connection, secret: str) -> ScimToken:
    """The token with this secret; ScimTokenError for every other."""
    token = None
    if 0 < len(secret) <= SECRET_CHARS_MAX:
        async with connection.cursor(row_factory=class_row(ScimToken)) as cursor:
            await cursor.execute(f"{_READ} WHERE digest = %s AND revoked_at IS NULL", (digest_of(secret),))
            token = await cursor.fetchone()
    if token is None:
        raise ScimTokenError
    at = clock.now()
    if token.last_used_at is None or token.last_used_at + USE_NOTED_EVERY <= at:
        await connection.execute(
            "UPDATE scim_tokens SET last_used_at = %s WHERE token_id = %s", (at, token.token_id)
        )
    return token


async def _record(connection: Connection, by: Actor, action: str, token: ScimToken) -> None:
    await record_audit(
        connection,
        by,
        action,
        subject=token.token_id,
        organization_id=token.organization_id,
        details={"name": token.name},
    )
