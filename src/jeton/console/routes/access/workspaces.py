"""Workspaces: the month's spending and the limits of each; new ones, other names, and their end."""

from collections.abc import Mapping

from jeton import clock
from jeton.console.visit import View, Visit
from jeton.identity.audit import Actor
from jeton.identity.names import REFERENCE_CHARS_MAX
from jeton.identity.organizations import (
    WorkspaceChange,
    archive_workspace,
    change_workspace,
    create_workspace,
)
from jeton.identity.roles.permissions import Permission
from jeton.insight.access.workspaces import list_workspace_standings, render_workspace_standing

PLACE = "/console/workspaces"


async def show_workspaces(visit: Visit) -> View:
    """Every workspace of the organization."""
    at = clock.now()
    async with visit.deps.pool.connection() as connection:
        standings = await list_workspace_standings(connection, visit.session.organization_id, at=at)
    context = {
        "as_of": at,
        "open": [one for one in standings if one.workspace.archived_at is None],
        "archived": [one for one in standings if one.workspace.archived_at is not None],
        "reference_chars_max": REFERENCE_CHARS_MAX,
        "may_change": visit.may(Permission.MANAGE_WORKSPACES),
    }
    data = {
        "type": "workspace_list",
        "as_of": at.isoformat(),
        "data": [render_workspace_standing(one) for one in standings],
    }
    return View("access/workspaces.html", context, data)


async def create(visit: Visit, form: Mapping[str, str]) -> str:
    """Make a workspace."""
    visit.require(Permission.MANAGE_WORKSPACES)
    async with visit.deps.pool.connection() as connection:
        await create_workspace(
            connection,
            visit.session.organization_id,
            name=form.get("name", ""),
            cost_center=form.get("cost_center", ""),
            purchase_order=form.get("purchase_order", ""),
            by=Actor("member", visit.session.email),
        )
    return PLACE


async def change(visit: Visit, form: Mapping[str, str]) -> str:
    """Give a workspace another name or other references."""
    visit.require(Permission.MANAGE_WORKSPACES)
    wanted = WorkspaceChange(form.get("name"), form.get("cost_center"), form.get("purchase_order"))
    async with visit.deps.pool.connection() as connection:
        by = Actor("member", visit.session.email)
        await change_workspace(connection, visit.session.organization_id, _workspace_id(visit), wanted, by=by)
    return PLACE


async def archive(visit: Visit, form: Mapping[str, str]) -> str:
    """Archive a workspace, for good: its keys are refused, its history stays."""
    del form
    visit.require(Permission.MANAGE_WORKSPACES)
    async with visit.deps.pool.connection() as connection:
        by = Actor("member", visit.session.email)
        await archive_workspace(connection, visit.session.organization_id, _workspace_id(visit), by=by)
    return PLACE


def _workspace_id(visit: Visit) -> str:
    return str(visit.request.path_params["workspace_id"])
