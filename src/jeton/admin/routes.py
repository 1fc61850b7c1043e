"""Routes: what an admin key may ask about its organization, and the receipt for either kind of key."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.admin.budgets import budget_routes
from jeton.admin.deps import AdminDeps
from jeton.admin.limits import limit_routes
from jeton.admin.resource import Call, Resource, render_list
from jeton.admin.webhooks import webhook_routes
from jeton.identity.audit import Actor
from jeton.identity.errors import UnknownKeyIdError
from jeton.identity.keys import KEYS_LISTED_MAX, Key, create_key, list_keys, record_key_audit, revoke_key
from jeton.identity.organizations import Workspace, get_organization, list_workspaces
from jeton.insight.balance import get_balance, render_balance, render_lot
from jeton.insight.receipt import get_receipt
from jeton.insight.receipt_json import render_receipt

KEYS_LISTED = 20


class CreateKey(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that creates a key."""

    name: str
    kind: Literal["api", "admin"] = "api"
    workspace_id: str | None = None
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class ChangeKey(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that changes a key: revoking is the one change there is, and it is for good."""

    status: Literal["inactive"]


def admin_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The Admin API's routes and the receipt's."""
    keys = {"GET": _list_keys, "POST": _create_key}
    return [
        Route("/v1/organizations/me", Resource(deps, {"GET": _get_organization})),
        Route("/v1/organizations/balance", Resource(deps, {"GET": _get_balance})),
        Route("/v1/organizations/credits", Resource(deps, {"GET": _list_credits})),
        Route("/v1/organizations/workspaces", Resource(deps, {"GET": _list_workspaces})),
        Route("/v1/organizations/api_keys", Resource(deps, keys)),
        Route("/v1/organizations/api_keys/{key_id}", Resource(deps, {"POST": _change_key})),
        Route("/v1/receipts/{request_id}", Resource(deps, {"GET": _get_receipt})),
        *budget_routes(deps),
        *limit_routes(deps),
        *webhook_routes(deps),
    ]


async def _get_organization(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        organization = await get_organization(connection, caller.organization_id)
    return {"type": "organization", "id": str(organization.organization_id), "name": organization.name}


async def _get_balance(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        return render_balance(await get_balance(connection, caller.organization_id))


async def _list_credits(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        balance = await get_balance(connection, caller.organization_id)
    data = [render_lot(lot) for lot in balance.lots]
    return render_list(data, has_more=balance.lots_count > len(data))


async def _list_workspaces(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        workspaces = await list_workspaces(connection, caller.organization_id)
    data = [_render_workspace(workspace) for workspace in workspaces]
    return render_list(data, has_more=False)


async def _list_keys(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    limit = call.find_count("limit", default=KEYS_LISTED, count_max=KEYS_LISTED_MAX - 1)
    after_id = call.find_text("after_id")
    async with call.connect() as connection:
        # One more than asked for tells whether there are more.
        keys = await list_keys(connection, caller.organization_id, after_id=after_id, limit=limit + 1)
    return render_list([render_key(key) for key in keys[:limit]], has_more=len(keys) > limit)


async def _create_key(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    wanted = call.read_body(CreateKey)
    async with call.connect() as connection:
        key, secret = await create_key(
            connection,
            caller.organization_id,
            name=wanted.name,
            kind=wanted.kind,
            workspace_id=wanted.workspace_id,
            expires_at=wanted.expires_at,
        )
        await record_key_audit(connection, Actor("key", caller.key_id), "key.created", key)
    return {**render_key(key), "secret": secret}


async def _change_key(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    call.read_body(ChangeKey)
    key_id = call.request.path_params["key_id"]
    if not key_id.isprintable():
        raise UnknownKeyIdError(ascii(key_id))
    async with call.connect() as connection:
        key = await revoke_key(connection, caller.organization_id, key_id)
        await record_key_audit(connection, Actor("key", caller.key_id), "key.revoked", key)
    return render_key(key)


async def _get_receipt(call: Call) -> dict[str, object]:
    # An API key sees its own workspace; an admin key has none and sees its whole organization.
    caller = call.caller
    async with call.connect() as connection:
        receipt = await get_receipt(
            connection,
            caller.organization_id,
            call.request.path_params["request_id"],
            workspace_id=caller.workspace_id,
        )
    return render_receipt(receipt)


def render_key(key: Key) -> dict[str, object]:
    """A key as the Admin API shows it, without its secret."""
    scope = (
        {"type": "organization"}
        if key.workspace_id is None
        else {
            "type": "workspace",
            "workspace_id": key.workspace_id,
        }
    )
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
        "created_by": None,
        "expires_at": None if key.expires_at is None else key.expires_at.isoformat(),
        "revoked_at": None if key.revoked_at is None else key.revoked_at.isoformat(),
    }


def _render_workspace(workspace: Workspace) -> dict[str, object]:
    return {
        "type": "workspace",
        "id": workspace.workspace_id,
        "name": workspace.name,
        "is_default": workspace.is_default,
        "created_at": workspace.created_at.isoformat(),
        "archived_at": None if workspace.archived_at is None else workspace.archived_at.isoformat(),
    }
