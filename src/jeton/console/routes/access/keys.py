"""Keys: the list, a new one (shown once), and revoking."""

from collections.abc import Mapping
from datetime import timedelta
from typing import cast

from jeton import clock
from jeton.console.errors import InvalidFormError
from jeton.console.visit import View, Visit
from jeton.db.pool import Connection
from jeton.identity.audit import Actor
from jeton.identity.credentials import KeyKind
from jeton.identity.errors import UnknownKeyIdError
from jeton.identity.keys import Key, create_key, get_key, list_keys, record_key_audit, revoke_key
from jeton.identity.roles.permissions import Permission

# What the form offers, in days; 0 is never.
LIVES = {"0": "never", "1": "after 1 day", "7": "after 7 days", "30": "after 30 days", "365": "after a year"}
KINDS = ("api", "admin")


async def show_keys(visit: Visit) -> View:
    """Every key of the organization, without its secret."""
    async with visit.deps.pool.connection() as connection:
        return await _view(visit, connection)


async def create(visit: Visit, form: Mapping[str, str]) -> View:
    """Create a key and show its secret, this one time."""
    kind, life = form.get("kind", "api"), form.get("life", "0")
    if kind not in KINDS or life not in LIVES:
        raise InvalidFormError("it has a choice that the page does not offer")
    _require_role(visit, cast("KeyKind", kind))
    expires_at = clock.now() + timedelta(days=int(life)) if life != "0" else None
    async with visit.deps.pool.connection() as connection:
        key, secret = await create_key(
            connection,
            visit.session.organization_id,
            name=form.get("name", ""),
            kind=cast("KeyKind", kind),
            expires_at=expires_at,
        )
        await record_key_audit(connection, Actor("member", visit.session.email), "key.created", key)
        return await _view(visit, connection, created=key, secret=secret)


async def revoke(visit: Visit, form: Mapping[str, str]) -> str:
    """Revoke a key, for good."""
    del form
    key_id = visit.request.path_params["key_id"]
    if not key_id.isprintable():
        raise UnknownKeyIdError(ascii(key_id))
    organization_id = visit.session.organization_id
    async with visit.deps.pool.connection() as connection:
        _require_role(visit, (await get_key(connection, organization_id, key_id)).kind)
        key = await revoke_key(connection, organization_id, key_id)
        await record_key_audit(connection, Actor("member", visit.session.email), "key.revoked", key)
    return "/console/keys"


def _require_role(visit: Visit, kind: KeyKind) -> None:
    visit.require(Permission.MANAGE_ADMIN_KEYS if kind == "admin" else Permission.MANAGE_KEYS)


async def _view(
    visit: Visit, connection: Connection, *, created: Key | None = None, secret: str = ""
) -> View:
    keys = await list_keys(connection, visit.session.organization_id)
    at = clock.now()
    context = {
        "keys": [(key, key.status_at(at)) for key in reversed(keys)],
        "as_of": at,
        "created": created,
        "secret": secret,
        "lives": LIVES,
        "may_create": visit.may(Permission.MANAGE_KEYS),
        "may_create_admin": visit.may(Permission.MANAGE_ADMIN_KEYS),
    }
    data = {
        "type": "key_list",
        "as_of": at.isoformat(),
        "data": [_render(key, key.status_at(at)) for key in keys],
    }
    return View("access/keys.html", context, data)


def _render(key: Key, status: str) -> dict[str, object]:
    return {
        "id": key.key_id,
        "type": "api_key",
        "kind": key.kind,
        "name": key.name,
        "status": status,
        "partial_key_hint": key.hint,
        "workspace_id": key.workspace_id,
        "created_at": key.created_at.isoformat(),
        "expires_at": None if key.expires_at is None else key.expires_at.isoformat(),
        "revoked_at": None if key.revoked_at is None else key.revoked_at.isoformat(),
    }
