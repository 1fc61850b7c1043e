"""Keys: created once, shown once, found by digest, revoked for good. Other changes are in key_life."""

from collections.abc import Sequence
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
from jeton.identity.names import parse_name
from jeton.identity.organizations import get_default_workspace, get_open_workspace
from jeton.identity.restricting.restrictions import UNRESTRICTED, Restriction, RestrictionError
from jeton.ids import new_id

KEYS_LISTED_MAX = 1000
# Whose the key of a member is from its beginning on. Nodes decide on the books that they remember, with the
# keys that a member's budget counts: so the version counts up.
_OWN = "INSERT INTO member_keys VALUES (%s, 'epoch', NULL, %s, %s)"
_LOCK_BOOK = "UPDATE balances SET version = version + 1 WHERE organization_id = %s"
KEY_COLUMNS = (
    "key_id, organization_id, workspace_id, kind, name, hint, created_at, expires_at, revoked_at, created_by,"
    " paused_at, rotated_at, previous_until, models, networks, (SELECT o.member_id FROM member_keys AS o"
    " WHERE o.key_id = api_keys.key_id AND o.owned_until IS NULL) AS member_id"
)

# As the Admin API says them: inactive is paused, archived is revoked for good.
KeyStatus = Literal["active", "inactive", "expired", "archived"]


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret; ``workspace_id`` is None for admin keys only.

    ``created_by``: the member or the admin key that made it, by id; "" for the command line. The secret that
    it had before its rotation works until ``previous_until``. ``models`` and ``networks`` are what it is
    restricted to, None: nothing. ``member_id``: the member whose it is, None: nobody's.
    """

    key_id: str
    organization_id: UUID
    workspace_id: str | None
    kind: KeyKind
    name: str
    hint: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    created_by: str = ""
    paused_at: datetime | None = None
    rotated_at: datetime | None = None
    previous_until: datetime | None = None
    models: Sequence[str] | None = None
    networks: Sequence[str] | None = None
    member_id: str | None = None

    def status_at(self, at: datetime) -> KeyStatus:
        """What the key is at an instant: what is for good comes before what may end."""
        if self.revoked_at is not None:
            return "archived"
        if self.expires_at is not None and self.expires_at <= at:
            return "expired"
        return "active" if self.paused_at is None else "inactive"


@dataclass(frozen=True, slots=True)
class WantedKey:
    """A key to create."""

    name: str
    kind: KeyKind = "api"
    workspace_id: str | None = None
    expires_at: datetime | None = None
    restriction: Restriction = UNRESTRICTED


async def create_key(
    connection: Connection,
    organization_id: UUID,
    *,
    name: str,
    kind: KeyKind = "api",
    workspace_id: str | None = None,
    expires_at: datetime | None = None,
) -> tuple[Key, str]:
    """Create a key that nobody in particular asked for; see ``issue_key``."""
    return await issue_key(connection, organization_id, WantedKey(name, kind, workspace_id, expires_at))


async def issue_key(
    connection: Connection, organization_id: UUID, wanted: WantedKey, *, created_by: str = ""
) -> tuple[Key, str]:
    """Create a key; return it with its secret, which exists nowhere else from then on.

    An API key without a workspace goes to the default one; an admin key has none. Raises InvalidNameError,
    InvalidExpiryError, RestrictionError, UnknownWorkspaceError, WorkspaceArchivedError and
    UnknownOrganizationError.
    """
    kind, expires_at = wanted.kind, wanted.expires_at
    at = clock.now()
    if expires_at is not None and expires_at <= at:
        raise InvalidExpiryError(expires_at)
    secret = new_key_secret(kind)
    is_owned = kind == "api" and created_by.startswith("user_")
    key = Key(
        key_id=new_id("apikey"),
        organization_id=organization_id,
        workspace_id=await _workspace_of(connection, organization_id, kind, wanted.workspace_id),
        kind=kind,
        name=parse_name(wanted.name),
        hint=hint_of(secret, kind),
        created_at=at,
        expires_at=expires_at,
        revoked_at=None,
        created_by=created_by,
        models=wanted.restriction.models,
        networks=wanted.restriction.networks,
        member_id=created_by if is_owned else None,
    )
    if kind == "admin" and wanted.restriction != UNRESTRICTED:
        raise RestrictionError("An admin key calls no models, so it is not restricted.")
    await connection.execute(
        "INSERT INTO api_keys (key_id, organization_id, workspace_id, kind, name, digest, hint,"
        " created_at, expires_at, created_by, models, networks)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
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
            key.created_by,
            None if key.models is None else list(key.models),
            None if key.networks is None else list(key.networks),
        ),
    )
    if is_owned:
        await lock_book(connection, organization_id)
        await connection.execute(_OWN, (key.key_id, organization_id, created_by))
    return key, secret


async def lock_book(connection: Connection, organization_id: UUID) -> None:
    """Have every node read the organization's book again; nothing is held until the transaction ends."""
    await connection.execute(_LOCK_BOOK, (organization_id,))


@dataclass(frozen=True, slots=True)
class KeyFilter:
    """Which keys to list; None means every one."""

    status: KeyStatus | None = None
    workspace_id: str | None = None


async def list_keys(
    connection: Connection,
    organization_id: UUID,
    *,
    after_id: str = "",
    limit: int = KEYS_LISTED_MAX,
    filter_: KeyFilter | None = None,
) -> list[Key]:
    """An organization's keys in the order of their creation, from ``after_id`` on."""
    wanted = filter_ or KeyFilter()
    async with connection.cursor(row_factory=class_row(Key)) as cursor:
        await cursor.execute(
            f"SELECT {KEY_COLUMNS} FROM api_keys"  # noqa: S608 - the columns above
            " WHERE organization_id = %(organization_id)s AND key_id > %(after_id)s"
            " AND (%(workspace_id)s::text IS NULL OR workspace_id = %(workspace_id)s)"
            " AND (%(status)s::text IS NULL OR %(status)s = CASE WHEN revoked_at IS NOT NULL THEN 'archived'"
            " WHEN expires_at <= %(at)s THEN 'expired' WHEN paused_at IS NOT NULL THEN 'inactive'"
            " ELSE 'active' END) ORDER BY key_id LIMIT %(limit)s",
            {
                "organization_id": organization_id,
                "after_id": after_id,
                "workspace_id": wanted.workspace_id,
                "status": wanted.status,
                "at": clock.now(),
                "limit": min(limit, KEYS_LISTED_MAX),
            },
        )
        return await cursor.fetchall()


async def get_key(connection: Connection, organization_id: UUID, key_id: str) -> Key:
    """The key, if it is of this organization; else UnknownKeyIdError."""
    if not key_id.isprintable():
        raise UnknownKeyIdError(ascii(key_id))
    async with connection.cursor(row_factory=class_row(Key)) as cursor:
        await cursor.execute(
            f"SELECT {KEY_COLUMNS} FROM api_keys WHERE organization_id = %s AND key_id = %s",  # noqa: S608 - the columns above
            (organization_id, key_id),
        )
        key = await cursor.fetchone()
    if key is None:
        raise UnknownKeyIdError(key_id)
    return key


async def revoke_key(connection: Connection, organization_id: UUID, key_id: str) -> Key:
    """Revoke a key for good; a second time changes nothing. UnknownKeyIdError if there is none."""
    if not key_id.isprintable():
        raise UnknownKeyIdError(ascii(key_id))
    await connection.execute(
        "UPDATE api_keys SET revoked_at = %s"
        " WHERE organization_id = %s AND key_id = %s AND revoked_at IS NULL",
        (clock.now(), organization_id, key_id),
    )
    return await get_key(connection, organization_id, key_id)


async def record_key_audit(
    connection: Connection, actor: Actor, action: str, key: Key, **details: str
) -> None:
    """Record in the audit log, in the transaction of the change, what was done to a key."""
    await record_audit(
        connection,
        actor,
        action,
        subject=key.key_id,
        organization_id=key.organization_id,
        details={"kind": key.kind, "name": key.name, **details},
    )


async def _workspace_of(
    connection: Connection, organization_id: UUID, kind: KeyKind, workspace_id: str | None
) -> str | None:
    if kind == "admin":
        return None
    if workspace_id is None:
        return (await get_default_workspace(connection, organization_id)).workspace_id
    return (await get_open_workspace(connection, organization_id, workspace_id)).workspace_id
