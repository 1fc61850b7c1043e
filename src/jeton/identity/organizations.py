"""Organizations and their workspaces: who pays, and the divisions of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.errors import UnknownOrganizationError, UnknownWorkspaceError
from jeton.identity.names import parse_name
from jeton.ids import new_id, new_uuid

DEFAULT_WORKSPACE_NAME = "Default"
WORKSPACES_LISTED_MAX = 1000


@dataclass(frozen=True, slots=True)
class Organization:
    """Who pays."""

    organization_id: UUID
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Workspace:
    """A division of an organization; ``is_default`` is true of exactly one."""

    workspace_id: str
    organization_id: UUID
    name: str
    is_default: bool
    created_at: datetime
    archived_at: datetime | None


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


async def create_workspace(connection: Connection, organization_id: UUID, *, name: str) -> Workspace:
    """Add a workspace to an organization; InvalidNameError for a bad name."""
    workspace = Workspace(
        workspace_id=new_id("wrkspc"),
        organization_id=organization_id,
        name=parse_name(name),
        is_default=False,
        created_at=clock.now(),
        archived_at=None,
    )
    await _insert_workspace(connection, workspace)
    return workspace


async def list_workspaces(connection: Connection, organization_id: UUID) -> list[Workspace]:
    """An organization's workspaces, the default one first, at most WORKSPACES_LISTED_MAX."""
    async with connection.cursor(row_factory=class_row(Workspace)) as cursor:
        await cursor.execute(
            "SELECT workspace_id, organization_id, name, is_default, created_at, archived_at"
            " FROM workspaces WHERE organization_id = %s"
            " ORDER BY is_default DESC, workspace_id LIMIT %s",
            (organization_id, WORKSPACES_LISTED_MAX),
        )
        return await cursor.fetchall()


async def get_workspace(connection: Connection, organization_id: UUID, workspace_id: str) -> Workspace:
    """The workspace, if it is of this organization; else UnknownWorkspaceError."""
    if not workspace_id.isprintable():
        raise UnknownWorkspaceError(ascii(workspace_id))
    async with connection.cursor(row_factory=class_row(Workspace)) as cursor:
        await cursor.execute(
            "SELECT workspace_id, organization_id, name, is_default, created_at, archived_at"
            " FROM workspaces WHERE organization_id = %s AND workspace_id = %s",
            (organization_id, workspace_id),
        )
        workspace = await cursor.fetchone()
    if workspace is None:
        raise UnknownWorkspaceError(workspace_id)
    return workspace


async def get_default_workspace(connection: Connection, organization_id: UUID) -> Workspace:
    """The default workspace; UnknownOrganizationError if there is no such organization."""
    async with connection.cursor(row_factory=class_row(Workspace)) as cursor:
        await cursor.execute(
            "SELECT workspace_id, organization_id, name, is_default, created_at, archived_at"
            " FROM workspaces WHERE organization_id = %s AND is_default",
            (organization_id,),
        )
        workspace = await cursor.fetchone()
    if workspace is None:
        raise UnknownOrganizationError(organization_id)
    return workspace


async def _insert_workspace(connection: Connection, workspace: Workspace) -> None:
    await connection.execute(
        "INSERT INTO workspaces (workspace_id, organization_id, name, is_default, created_at)"
        " VALUES (%s, %s, %s, %s, %s)",
        (
            workspace.workspace_id,
            workspace.organization_id,
            workspace.name,
            workspace.is_default,
            workspace.created_at,
        ),
    )
