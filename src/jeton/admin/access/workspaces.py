"""Workspaces over the Admin API: made, renamed, given references, archived."""

import msgspec
from starlette.routing import BaseRoute, Route

from jeton.admin.deps import AdminDeps
from jeton.admin.resource import Call, Resource, render_list
from jeton.identity.audit import Actor
from jeton.identity.organizations import (
    WORKSPACES_LISTED_MAX,
    Workspace,
    WorkspaceChange,
    archive_workspace,
    change_workspace,
    create_workspace,
    get_workspace,
    list_workspaces,
)


class CreateWorkspace(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that makes a workspace."""

    name: str
    cost_center: str = ""
    purchase_order: str = ""


class ChangeWorkspaceBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that changes a workspace; what is not there stays."""

    name: str | None = None
    cost_center: str | None = None
    purchase_order: str | None = None


def workspace_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The routes of workspaces."""
    path = "/v1/organizations/workspaces/{workspace_id}"
    return [
        Route("/v1/organizations/workspaces", Resource(deps, {"GET": _list, "POST": _create})),
        Route("/v1/organizations/workspaces/{workspace_id}", Resource(deps, {"GET": _get, "POST": _change})),
        Route(f"{path}/archive", Resource(deps, {"POST": _archive})),
    ]


async def _list(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    limit = call.find_count("limit", default=WORKSPACES_LISTED_MAX - 1, count_max=WORKSPACES_LISTED_MAX - 1)
    has_archived = call.find_text("include_archived").lower() == "true"
    async with call.connect() as connection:
        workspaces = await list_workspaces(
            connection,
            caller.organization_id,
            has_archived=has_archived,
            after_id=call.find_text("after_id"),
            limit=limit + 1,
        )
    data = [_render(workspace) for workspace in workspaces[:limit]]
    return render_list(data, has_more=len(workspaces) > limit)


async def _create(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    body = call.read_body(CreateWorkspace)
    async with call.connect() as connection:
        workspace = await create_workspace(
            connection,
            caller.organization_id,
            name=body.name,
            cost_center=body.cost_center,
            purchase_order=body.purchase_order,
            by=Actor("key", caller.key_id),
        )
    return _render(workspace)


async def _get(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        return _render(await get_workspace(connection, caller.organization_id, _workspace_id(call)))


async def _change(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    body = call.read_body(ChangeWorkspaceBody)
    change = WorkspaceChange(body.name, body.cost_center, body.purchase_order)
    async with call.connect() as connection:
        by = Actor("key", caller.key_id)
        workspace = await change_workspace(
            connection, caller.organization_id, _workspace_id(call), change, by=by
        )
    return _render(workspace)


async def _archive(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        by = Actor("key", caller.key_id)
        workspace_id = _workspace_id(call)
        return _render(await archive_workspace(connection, caller.organization_id, workspace_id, by=by))


def _workspace_id(call: Call) -> str:
    return str(call.request.path_params["workspace_id"])


def _render(workspace: Workspace) -> dict[str, object]:
    return {
        "type": "workspace",
        "id": workspace.workspace_id,
        "name": workspace.name,
        "is_default": workspace.is_default,
        "cost_center": workspace.cost_center,
        "purchase_order": workspace.purchase_order,
        "created_at": workspace.created_at.isoformat(),
        "archived_at": None if workspace.archived_at is None else workspace.archived_at.isoformat(),
    }
