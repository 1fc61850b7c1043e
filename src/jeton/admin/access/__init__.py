"""Access over the Admin API: keys, workspaces, members and invites, in the shapes of the Claude API."""

from starlette.routing import BaseRoute

from jeton.admin.access.invites import invite_routes
from jeton.admin.access.keys import key_routes, render_key
from jeton.admin.access.opening import opening_routes
from jeton.admin.access.users import user_routes
from jeton.admin.access.workspaces import workspace_routes
from jeton.admin.deps import AdminDeps

__all__ = ["access_routes", "render_key"]


def access_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The routes of who and what may use the organization."""
    return [
        *key_routes(deps),
        *workspace_routes(deps),
        *user_routes(deps),
        *invite_routes(deps),
        *opening_routes(deps),
    ]
