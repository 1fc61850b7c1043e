"""Keys over the Admin API: made, changed, rotated, paused and revoked.

``inactive`` is a key that is paused and may become ``active`` again; ``archived`` is one revoked for good.
"""

from datetime import datetime, timedelta
from typing import Annotated, Literal, cast

import msgspec
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.errors import InvalidQueryError
from jeton.admin.resource import Call, Resource, render_list
from jeton.identity.audit import Actor
from jeton.identity.key_life.changing import KeyChange, change_key, restrict_key, rotate_key
from jeton.identity.key_life.owning import give_key
from jeton.identity.keys import (
    KEYS_LISTED_MAX,
    Key,
    KeyFilter,
    KeyStatus,
    WantedKey,
    get_key,
    issue_key,
    list_keys,
    record_key_audit,
    revoke_key,
)
from jeton.identity.restricting.restrictions import Restriction
from jeton.insight.access.naming import name_restriction

KEYS_LISTED = 20
_STATUSES = ("active", "inactive", "expired", "archived")


class CreateKey(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that creates a key."""

    name: str
    kind: Literal["api", "admin"] = "api"
    workspace_id: str | None = None
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    models: list[str] | None = None
    networks: list[str] | None = None


class ChangeKeyBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that changes a key; what is not there stays."""

    name: str | None = None
    status: Literal["active", "inactive", "archived"] | None = None
    workspace_id: str | None = None
    models: list[str] | msgspec.UnsetType | None = msgspec.UNSET
    networks: list[str] | msgspec.UnsetType | None = msgspec.UNSET
    member_id: str | msgspec.UnsetType | None = msgspec.UNSET


class RotateKey(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that gives a key a new secret; the former one works ``overlap_s`` seconds more."""

    overlap_s: Annotated[int, msgspec.Meta(ge=0, le=31_536_000)] = 0


def key_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The routes of keys."""
    path = "/v1/organizations/api_keys/{key_id}"
    return [
        Route("/v1/organizations/api_keys", Resource(deps, {"GET": _list, "POST": _create})),
        Route("/v1/organizations/api_keys/{key_id}", Resource(deps, {"GET": _get, "POST": _change})),
        Route(f"{path}/rotate", Resource(deps, {"POST": _rotate})),
    ]


async def _list(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    limit = call.find_count("limit", default=KEYS_LISTED, count_max=KEYS_LISTED_MAX - 1)
    status = call.find_text("status")
    if status and status not in _STATUSES:
        raise InvalidQueryError("status", f"must be one of {', '.join(_STATUSES)}")
    wanted = KeyFilter(cast("KeyStatus", status) or None, call.find_text("workspace_id") or None)
    after_id = call.find_text("after_id")
    async with call.connect() as connection:
        # One more than asked for tells whether there are more.
        keys = await list_keys(
            connection, caller.organization_id, after_id=after_id, limit=limit + 1, filter_=wanted
        )
    return render_list([render_key(key) for key in keys[:limit]], has_more=len(keys) > limit)


async def _create(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    body = call.read_body(CreateKey)
    restriction = name_restriction(call.deps.book, body.models or (), networks=body.networks or ())
    wanted = WantedKey(body.name, body.kind, body.workspace_id, body.expires_at, restriction)
    async with call.connect() as connection:
        key, secret = await issue_key(connection, caller.organization_id, wanted, created_by=caller.key_id)
        await record_key_audit(connection, _actor(call), "key.created", key)
    return {**render_key(key), "secret": secret}


async def _get(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        return render_key(await get_key(connection, caller.organization_id, _key_id(call)))


async def _change(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    body = call.read_body(ChangeKeyBody)
    async with call.connect() as connection:
        key = await get_key(connection, caller.organization_id, _key_id(call))
        is_paused = {"active": False, "inactive": True}.get(body.status or "")
        change = KeyChange(body.name, body.workspace_id, is_paused)
        if change != KeyChange():
            key = await change_key(connection, caller.organization_id, key.key_id, change, by=_actor(call))
        if body.models is not msgspec.UNSET or body.networks is not msgspec.UNSET:
            wanted = _restrict(call, body, key)
            key = await restrict_key(connection, caller.organization_id, key.key_id, wanted, by=_actor(call))
        if body.member_id is not msgspec.UNSET:
            key = await give_key(
                connection,
                caller.organization_id,
                key.key_id,
                member_id=body.member_id or "",
                by=_actor(call),
            )
        if body.status == "archived" and key.revoked_at is None:
            key = await revoke_key(connection, caller.organization_id, key.key_id)
            await record_key_audit(connection, _actor(call), "key.revoked", key)
    return render_key(key)


async def _rotate(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    overlap = timedelta(seconds=call.read_body(RotateKey).overlap_s if call.body else 0)
    async with call.connect() as connection:
        key, secret = await rotate_key(
            connection, caller.organization_id, _key_id(call), overlap=overlap, by=_actor(call)
        )
    return {**render_key(key), "secret": secret}


def _restrict(call: Call, body: ChangeKeyBody, key: Key) -> Restriction:
    """What the key is restricted to then: what the body does not name stays."""
    models = key.models if body.models is msgspec.UNSET else body.models
    networks = key.networks if body.networks is msgspec.UNSET else body.networks
    return name_restriction(call.deps.book, models or (), networks=networks or ())


def _actor(call: Call) -> Actor:
    return Actor("key", call.caller.key_id)


def _key_id(call: Call) -> str:
    return str(call.request.path_params["key_id"])


def render_key(key: Key) -> dict[str, object]:
    """A key as the Admin API shows it, without its secret."""
    scope: dict[str, object] = {"type": "organization"}
    if key.workspace_id is not None:
        scope = {"type": "workspace", "workspace_id": key.workspace_id}
    return {
        "type": "api_key",
        "id": key.key_id,
        "kind": key.kind,
        "name": key.name,
        "status": key.status_at(clock.now()),
        "partial_key_hint": key.hint,
        "workspace_id": key.workspace_id,
        "scope": scope,
        "created_at": key.created_at.isoformat(),
        "created_by": _render_creator(key.created_by),
        "member_id": key.member_id,
        "expires_at": _render_time(key.expires_at),
        "models": None if key.models is None else list(key.models),
        "networks": None if key.networks is None else list(key.networks),
        "paused_at": _render_time(key.paused_at),
        "rotated_at": _render_time(key.rotated_at),
        "previous_until": _render_time(key.previous_until),
        "revoked_at": _render_time(key.revoked_at),
    }


def _render_creator(created_by: str) -> dict[str, object] | None:
    if not created_by:
        return None
    return {"type": "user" if created_by.startswith("user_") else "api_key", "id": created_by}


def _render_time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
