"""Changing: a key gets another name or workspace, pauses, resumes, or gets a new secret.

What it was used for stays where it was: every charge names the workspace of its own time. A key's id
stays too, so that its budgets go on counting, whatever its secret is.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import Actor
from jeton.identity.credentials import digest_of, hint_of, new_key_secret
from jeton.identity.errors import AdminKeyWorkspaceError, InvalidOverlapError, KeyEndedError
from jeton.identity.keys import Key, get_key, record_key_audit
from jeton.identity.names import parse_name
from jeton.identity.organizations import get_open_workspace
from jeton.identity.restricting.restrictions import Restriction, RestrictionError

OVERLAP_MAX = timedelta(days=30)

_CHANGE = "UPDATE api_keys SET name = %s, workspace_id = %s, paused_at = %s WHERE key_id = %s"
_ROTATE = """
    UPDATE api_keys SET previous_digest = digest, previous_until = %s, digest = %s, hint = %s, rotated_at = %s
    WHERE key_id = %s
"""
_RESTRICT = "UPDATE api_keys SET models = %s, networks = %s WHERE key_id = %s"
_LOCK = "SELECT FROM api_keys WHERE organization_id = %s AND key_id = %s FOR UPDATE"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What becomes of a key; None leaves it as it is."""

    name: str | None = None
    workspace_id: str | None = None
    is_paused: bool | None = None


async def change_key(
    connection: Connection, organization_id: UUID, key_id: str, change: KeyChange, *, by: Actor
) -> Key:
    """Rename, move, pause or resume a key, on every node at once.

    Raises UnknownKeyIdError, KeyEndedError, InvalidNameError, AdminKeyWorkspaceError, UnknownWorkspaceError
    and WorkspaceArchivedError.
    """
    key = await _lock_key(connection, organization_id, key_id)
    workspace_id = key.workspace_id
    if change.workspace_id is not None and change.workspace_id != workspace_id:
        if key.kind == "admin":
            raise AdminKeyWorkspaceError(key_id)
        workspace = await get_open_workspace(connection, organization_id, change.workspace_id)
        workspace_id = workspace.workspace_id
    paused_at = key.paused_at
    if change.is_paused is not None:
        paused_at = (key.paused_at or clock.now()) if change.is_paused else None
    name = key.name if change.name is None else parse_name(change.name)
    await connection.execute(_CHANGE, (name, workspace_id, paused_at, key_id))
    after = await get_key(connection, organization_id, key_id)
    for action, details in _list_changes(key, after):
        await record_key_audit(connection, by, action, after, **details)
    return after


async def restrict_key(
    connection: Connection, organization_id: UUID, key_id: str, restriction: Restriction, *, by: Actor
) -> Key:
    """Restrict an API key to models and networks, on every node at once, instead of to those before.

    Raises UnknownKeyIdError, KeyEndedError and RestrictionError.
    """
    key = await _lock_key(connection, organization_id, key_id)
    if key.kind == "admin":
        raise RestrictionError("An admin key calls no models, so it is not restricted.")
    models = None if restriction.models is None else list(restriction.models)
    networks = None if restriction.networks is None else list(restriction.networks)
    await connection.execute(_RESTRICT, (models, networks, key_id))
    after = await get_key(connection, organization_id, key_id)
    said = {"models": " ".join(models or ()), "networks": " ".join(networks or ())}
    await record_key_audit(connection, by, "key.restricted", after, **said)
    return after


async def rotate_key(
    connection: Connection, organization_id: UUID, key_id: str, *, overlap: timedelta, by: Actor
) -> tuple[Key, str]:
    """Give a key a new secret, shown once; the one before works for ``overlap`` more, none before it.

    Raises UnknownKeyIdError, KeyEndedError, and InvalidOverlapError for an overlap beyond OVERLAP_MAX.
    """
    key = await _lock_key(connection, organization_id, key_id)
    at = clock.now()
    if not timedelta(0) <= overlap <= OVERLAP_MAX:
        raise InvalidOverlapError(OVERLAP_MAX.days)
    secret = new_key_secret(key.kind)
    await connection.execute(
        _ROTATE, (at + overlap, digest_of(secret), hint_of(secret, key.kind), at, key_id)
    )
    rotated = await get_key(connection, organization_id, key_id)
    await record_key_audit(
        connection, by, "key.rotated", rotated, previous_until=(at + overlap).isoformat(timespec="seconds")
    )
    return rotated, secret


def _list_changes(before: Key, after: Key) -> list[tuple[str, dict[str, str]]]:
    changes: list[tuple[str, dict[str, str]]] = []
    if after.name != before.name:
        changes.append(("key.renamed", {"name_before": before.name}))
    if after.workspace_id != before.workspace_id:
        changes.append(("key.moved", {"from": before.workspace_id or "", "to": after.workspace_id or ""}))
    if (after.paused_at is None) != (before.paused_at is None):
        changes.append(("key.resumed" if after.paused_at is None else "key.paused", {}))
    return changes


async def _lock_key(connection: Connection, organization_id: UUID, key_id: str) -> Key:
    if key_id.isprintable():
        await connection.execute(_LOCK, (organization_id, key_id))
    key = await get_key(connection, organization_id, key_id)
    status = key.status_at(clock.now())
    if status in {"archived", "expired"}:
        raise KeyEndedError(key_id, "revoked" if status == "archived" else status)
    return key
