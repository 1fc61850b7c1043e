"""Workspaces as people look at them: keys in force, the month's spending, and what limits them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jeton.db.pool import Connection
from jeton.identity.organizations import Workspace, list_workspaces
from jeton.insight.access.spending import Spending, read_month
from jeton.insight.budgets.standing import BudgetStanding, list_budgets, render_budget
from jeton.money import render_usd

_COUNT_KEYS = """
    SELECT workspace_id, count(*) FROM api_keys
    WHERE organization_id = %s AND revoked_at IS NULL AND paused_at IS NULL AND workspace_id IS NOT NULL
      AND (expires_at IS NULL OR expires_at > %s)
    GROUP BY workspace_id
"""
_LIST_LIMITED = """
    SELECT workspace_id, array_agg(model_group ORDER BY model_group) FROM rate_limits
    WHERE organization_id = %s AND workspace_id IS NOT NULL GROUP BY workspace_id
"""


@dataclass(frozen=True, slots=True)
class WorkspaceStanding:
    """A workspace as it stands; ``limited_groups``: groups of models with rate limits of its own."""

    workspace: Workspace
    keys: int
    month: Spending
    budgets: tuple[BudgetStanding, ...]
    limited_groups: tuple[str, ...]


async def list_workspace_standings(
    connection: Connection, organization_id: UUID, *, at: datetime
) -> list[WorkspaceStanding]:
    """Every workspace, the default one first, archived ones included."""
    workspaces = await list_workspaces(connection, organization_id)
    month = await read_month(connection, organization_id, at=at)
    budgets = await list_budgets(connection, organization_id, at=at)
    counted = await connection.execute(_COUNT_KEYS, (organization_id, at))
    keys: dict[str, int] = dict(await counted.fetchall())
    listed = await connection.execute(_LIST_LIMITED, (organization_id,))
    limited: dict[str, list[str]] = dict(await listed.fetchall())
    return [
        WorkspaceStanding(
            workspace=workspace,
            keys=keys.get(workspace.workspace_id, 0),
            month=month.by_workspace.get(workspace.workspace_id, Spending()),
            budgets=tuple(
                one for one in budgets if (one.scope, one.scope_id) == ("workspace", workspace.workspace_id)
            ),
            limited_groups=tuple(limited.get(workspace.workspace_id, ())),
        )
        for workspace in workspaces
    ]


def render_workspace_standing(standing: WorkspaceStanding) -> dict[str, object]:
    """A workspace as the Console's twin gives it."""
    workspace = standing.workspace
    return {
        "id": workspace.workspace_id,
        "type": "workspace",
        "name": workspace.name,
        "is_default": workspace.is_default,
        "cost_center": workspace.cost_center,
        "purchase_order": workspace.purchase_order,
        "created_at": workspace.created_at.isoformat(),
        "archived_at": None if workspace.archived_at is None else workspace.archived_at.isoformat(),
        "active_keys": standing.keys,
        "month_requests": standing.month.requests,
        "month_net_amount": render_usd(standing.month.net_nano),
        "budgets": [render_budget(one) for one in standing.budgets],
        "limited_groups": list(standing.limited_groups),
    }
