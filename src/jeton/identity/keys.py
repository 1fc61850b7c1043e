"""Keys: created once, shown once, found by digest, revoked for good. The ring is in key_ring."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.identity.credentials import KeyKind, digest_of, hint_of, new_key_secret
from jeton.identity.errors import InvalidExpiryError, UnknownKeyIdError
from jeton.identity.key_ring import KeyRing
from jeton.identity.names import parse_name
from jeton.identity.organizations import get_default_workspace, get_workspace
from jeton.ids import new_id

__all__ = ["Key", "KeyRing", "KeyStatus", "create_key", "get_key", "list_keys", "revoke_key"]

KEYS_LISTED_MAX = 1000

KeyStatus = Literal["active", "expired", "inactive"]


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret; ``workspace_id`` is None for admin keys only."""

    key_id: str
    organization_id: UUID
    workspace_id: str | None
    kind: KeyKind
    name: str
    hint: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def status_at(self, at: datetime) -> KeyStatus:
        """What the key is at an instant: ``inactive`` once revoked, else ``expired`` or ``active``."""
        if self.revoked_at is not None:
            return "inactive"
        if self.expires_at is not None and self.expires_at <= at:
            return "expired"
        return "active"


async def create_key(
    connection: Connection,
    organization_id: UUID,
    *,
    name: str,
    kind: KeyKind = "api",
    workspace_id: str | None = None,
    expires_at: datetime | None = None,
) -> tuple[Key, str]:
    """Create a key; return it with its secret, which exists nowhere else from then on.

    An API key without a workspace goes to the default one; an admin key has none. Raises
    InvalidNameError, InvalidExpiryError, UnknownWorkspaceError, UnknownOrganizationError.
    """
    at = clock.now()
    if expires_at is not None and expires_at <= at:
        raise InvalidExpiryError(expires_at)
    secret = new_key_secret(kind)
    key = Key(
        key_id=new_id("apikey"),
        organization_id=organization_id,
        workspace_id=await _workspace_of(connection, organization_id, kind, workspace_id),
        kind=kind,
        name=parse_name(name),
        hint=hint_of(secret, kind),
        created_at=at,
        expires_at=expires_at,
        revoked_at=None,
    )
    await connection.execute(
        "INSERT INTO api_keys (key_id, organization_id, workspace_id, kind, name, digest, hint,"
        " created_at, expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            key.key_id,
            key.organization_id,
            key.workspace_id,
            key.kind,
            key.name,
            digest_of(secret),
            key.hint,
            key.created_at,
            key.expires_at,
        ),
    )
    return key, secret


async def list_keys(
    connection: Connection,
    organization_id: UUID,
    *,
    after_id: str = "",
    limit: int = KEYS_LISTED_MAX,
) -> list[Key]:
    """An organization's keys in the order of their creation, from ``after_id`` on."""
    async with connection.cursor(row_factory=class_row(Key)) as cursor:
        await cursor.execute(
            "SELECT key_id, organization_id, workspace_id, kind, name, hint, created_at,"
            " expires_at, revoked_at FROM api_keys"
            " WHERE organization_id = %s AND key_id > %s ORDER BY key_id LIMIT %s",
            (organization_id, after_id, min(limit, KEYS_LISTED_MAX)),
        )
        return await cursor.fetchall()


async def get_key(connection: Connection, organization_id: UUID, key_id: str) -> Key:
    """The key, if it is of this organization; else UnknownKeyIdError."""
    async with connection.cursor(row_factory=class_row(Key)) as cursor:
        await cursor.execute(
            "SELECT key_id, organization_id, workspace_id, kind, name, hint, created_at,"
            " expires_at, revoked_at FROM api_keys WHERE organization_id = %s AND key_id = %s",
            (organization_id, key_id),
        )
        key = await cursor.fetchone()
    if key is None:
        raise UnknownKeyIdError(key_id)
    return key


async def revoke_key(connection: Connection, organization_id: UUID, key_id: str) -> Key:
    """Revoke a key for good; a second time changes nothing. UnknownKeyIdError if there is none."""
    await connection.execute(
        "UPDATE api_keys SET revoked_at = %s"
        " WHERE organization_id = %s AND key_id = %s AND revoked_at IS NULL",
        (clock.now(), organization_id, key_id),
    )
    return await get_key(connection, organization_id, key_id)


async def record_key_audit(connection: Connection, actor: Actor, action: str, key: Key) -> None:
    """Record in the audit log, in the transaction of the change, what was done to a key."""
    await record_audit(
        connection,
        actor,
        action,
        subject=key.key_id,
        organization_id=key.organization_id,
        details={"kind": key.kind, "name": key.name},
    )


async def _workspace_of(
    connection: Connection, organization_id: UUID, kind: KeyKind, workspace_id: str | None
) -> str | None:
    if kind == "admin":
        return None
    if workspace_id is None:
        return (await get_default_workspace(connection, organization_id)).workspace_id
    return (await get_workspace(connection, organization_id, workspace_id)).workspace_id
