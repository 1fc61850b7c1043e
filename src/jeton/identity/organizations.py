"""Organizations and their workspaces: who pays, and the divisions of it.

An archived workspace keeps its history and its keys, which are refused from then on.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import SYSTEM, Actor, record_audit
from jeton.identity.errors import (
    DefaultWorkspaceError,
    UnknownOrganizationError,
    UnknownWorkspaceError,
    WorkspaceArchivedError,
)
from jeton.identity.names import parse_name, parse_reference
from jeton.ids import new_id, new_uuid

DEFAULT_WORKSPACE_NAME = "Default"
WORKSPACES_LISTED_MAX = 1000

_COLUMNS = (
    "workspace_id, organization_id, name, is_default, created_at, archived_at, cost_center, purchase_order"
)


@dataclass(frozen=True, slots=True)
class Organization:
    """Who pays."""

    organization_id: UUID
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Workspace:
    """A division of an organization; ``is_default`` is true of exactly one.

    ``cost_center`` and ``purchase_order`` are the organization's own words, for its bookkeeping.
    """

    workspace_id: str
    organization_id: UUID
    name: str
    is_default: bool
    created_at: datetime
    archived_at: datetime | None
    cost_center: str = ""
    purchase_order: str = ""


@dataclass(frozen=True, slots=True)
class WorkspaceChange:
    """What becomes of a workspace; None leaves it as it is."""

    name: str | None = None
    cost_center: str | None = None
    purchase_order: str | None = None


async def create_organization(connection: Connection, name: str) -> Organization:
    """Create an organization with its default workspace; InvalidNameError for a bad name."""
    organization = Organization(new_uuid(), parse_name(name), clock.now())
    await connection.execute(
        "INSERT INTO organizations (organization_id, name, created_at) VALUES (%s, %s, %s)",
        (organization.organization_id, organization.name, organization.created_at),
    )
    await _insert_workspace(
        connection,
        Workspace(
            workspace_id=new_id("wrkspc"),
            organization_id=organization.organization_id,
            name=DEFAULT_WORKSPACE_NAME,
            is_default=True,
            created_at=organization.created_at,
            archived_at=None,
        ),
    )
    return organization


async def get_organization(connection: Connection, organization_id: UUID) -> Organization:
    """The organization; UnknownOrganizationError if there is none."""
    async with connection.cursor(row_factory=class_row(Organization)) as cursor:
        await cursor.execute(
            "SELECT organization_id, name, created_at FROM organizations WHERE organization_id = %s",
            (organization_id,),
        )
        organization = await cursor.fetchone()
    if organization is None:
        raise UnknownOrganizationError(organization_id)
    return organization


async def list_organizations(connection: Connection, limit: int) -> list[Organization]:
    """The first ``limit`` organizations, oldest first."""
    async with connection.cursor(row_factory=class_row(Organization)) as cursor:
        await cursor.execute(
            "SELECT organization_id, name, created_at FROM organizations ORDER BY organization_id LIMIT %s",
            (limit,),
        )
        return await cursor.fetchall()


async def create_workspace(
    connection: Connection,
    organization_id: UUID,
    *,
    name: str,
    cost_center: str = "",
    purchase_order: str = "",
    by: Actor = SYSTEM,
) -> Workspace:
    """Add a workspace to an organization; InvalidNameError for a bad name or reference."""
    workspace = Workspace(
        workspace_id=new_id("wrkspc"),
        organization_id=organization_id,
        name=parse_name(name),
        is_default=False,
        created_at=clock.now(),
        archived_at=None,
        cost_center=parse_reference(cost_center),
        purchase_order=parse_reference(purchase_order),
    )
    await _insert_workspace(connection, workspace)
    await _record(connection, by, "workspace.created", workspace)
    return workspace


async def change_workspace(
    connection: Connection,
    organization_id: UUID,
    workspace_id: str,
    change: WorkspaceChange,
    *,
    by: Actor = SYSTEM,
) -> Workspace:
    """Rename a workspace, or give it other references; what was billed keeps its workspace.

    Raises InvalidNameError, UnknownWorkspaceError and WorkspaceArchivedError.
    """
    before = await get_open_workspace(connection, organization_id, workspace_id)
    await connection.execute(
        "UPDATE workspaces SET name = %s, cost_center = %s, purchase_order = %s WHERE workspace_id = %s",
        (
            before.name if change.name is None else parse_name(change.name),
            before.cost_center if change.cost_center is None else parse_reference(change.cost_center),
            before.purchase_order
            if change.purchase_order is None
            else parse_reference(change.purchase_order),
            workspace_id,
        ),
    )
    after = await get_workspace(connection, organization_id, workspace_id)
    await _record(connection, by, "workspace.changed", after)
    return after


async def archive_workspace(
    connection: Connection, organization_id: UUID, workspace_id: str, *, by: Actor = SYSTEM
) -> Workspace:
    """Archive a workspace for good: its keys are refused at once; a second time changes nothing.

    Raises UnknownWorkspaceError, and DefaultWorkspaceError for the default one.
    """
    if (await get_workspace(connection, organization_id, workspace_id)).is_default:
        raise DefaultWorkspaceError
    cursor = await connection.execute(
        "UPDATE workspaces SET archived_at = %s WHERE workspace_id = %s AND archived_at IS NULL",
        (clock.now(), workspace_id),
    )
    workspace = await get_workspace(connection, organization_id, workspace_id)
    if cursor.rowcount:
        await _record(connection, by, "workspace.archived", workspace)
    return workspace


async def list_workspaces(
    connection: Connection,
    organization_id: UUID,
    *,
    has_archived: bool = True,
    after_id: str = "",
    limit: int = WORKSPACES_LISTED_MAX,
) -> list[Workspace]:
    """An organization's workspaces, the default one first, from ``after_id`` on."""
    async with connection.cursor(row_factory=class_row(Workspace)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM workspaces WHERE organization_id = %s AND workspace_id > %s"  # noqa: S608 - the columns above
            " AND (%s OR archived_at IS NULL) ORDER BY is_default DESC, workspace_id LIMIT %s",
            (organization_id, after_id, has_archived, min(limit, WORKSPACES_LISTED_MAX)),
        )
        return await cursor.fetchall()


async def get_workspace(connection: Connection, organization_id: UUID, workspace_id: str) -> Workspace:
    """The workspace, if it is of this organization; else UnknownWorkspaceError."""
    if not workspace_id.isprintable():
        raise UnknownWorkspaceError(ascii(workspace_id))
    async with connection.cursor(row_factory=class_row(Workspace)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM workspaces WHERE organization_id = %s AND workspace_id = %s",  # noqa: S608 - the columns above
            (organization_id, workspace_id),
        )
        workspace = await cursor.fetchone()
    if workspace is None:
        raise UnknownWorkspaceError(workspace_id)
    return workspace


async def get_open_workspace(connection: Connection, organization_id: UUID, workspace_id: str) -> Workspace:
    """The workspace, if it is not archived; UnknownWorkspaceError or WorkspaceArchivedError."""
    workspace = await get_workspace(connection, organization_id, workspace_id)
    if workspace.archived_at is not None:
        raise WorkspaceArchivedError(workspace_id, workspace.archived_at)
    return workspace


async def get_default_workspace(connection: Connection, organization_id: UUID) -> Workspace:
    """The default workspace; UnknownOrganizationError if there is no such organization."""
    async with connection.cursor(row_factory=class_row(Workspace)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM workspaces WHERE organization_id = %s AND is_default",  # noqa: S608 - the columns above
            (organization_id,),
        )
        workspace = await cursor.fetchone()
    if workspace is None:
        raise UnknownOrganizationError(organization_id)
    return workspace


async def _insert_workspace(connection: Connection, workspace: Workspace) -> None:
    await connection.execute(
        "INSERT INTO workspaces (workspace_id, organization_id, name, is_default, created_at, cost_center,"
        " purchase_order) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            workspace.workspace_id,
            workspace.organization_id,
            workspace.name,
            workspace.is_default,
            workspace.created_at,
            workspace.cost_center,
            workspace.purchase_order,
        ),
    )


async def _record(connection: Connection, by: Actor, action: str, workspace: Workspace) -> None:
    await record_audit(
        connection,
        by,
        action,
        subject=workspace.workspace_id,
        organization_id=workspace.organization_id,
        details={
            "name": workspace.name,
            "cost_center": workspace.cost_center,
            "purchase_order": workspace.purchase_order,
        },
    )
