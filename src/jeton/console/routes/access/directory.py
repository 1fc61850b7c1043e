"""Directory: the tokens that an organization's directory calls with, and what its groups give here."""

from collections.abc import Mapping
from typing import get_args

from jeton import clock
from jeton.console.errors import InvalidFormError
from jeton.console.visit import View, Visit
from jeton.db.pool import Connection
from jeton.identity.audit import Actor
from jeton.identity.members import Role
from jeton.identity.roles.permissions import Permission
from jeton.identity.scim.groups import get_usual_role, list_groups, set_group_role, set_usual_role
from jeton.identity.scim.terms import GROUPS_MAX, TOKENS_MAX, Page, ScimGroup, ScimToken
from jeton.identity.scim.tokens import create_token, list_tokens, revoke_token

PLACE = "/console/directory"
ENDPOINT = "/scim/v2"
ROLES: tuple[Role, ...] = get_args(Role)


async def show_directory(visit: Visit) -> View:
    """The tokens, and the groups with their roles."""
    visit.require(Permission.MANAGE_MEMBERS)
    async with visit.deps.pool.connection() as connection:
        return await _view(visit, connection)


async def create(visit: Visit, form: Mapping[str, str]) -> View:
    """Make a token and show its secret, this one time."""
    visit.require(Permission.MANAGE_MEMBERS)
    async with visit.deps.pool.connection() as connection:
        token, secret = await create_token(
            connection, visit.session.organization_id, name=form.get("name", ""), by=_by(visit)
        )
        return await _view(visit, connection, token=token, secret=secret)


async def revoke(visit: Visit, form: Mapping[str, str]) -> str:
    """End a token."""
    del form
    visit.require(Permission.MANAGE_MEMBERS)
    token_id = str(visit.request.path_params["token_id"])
    async with visit.deps.pool.connection() as connection:
        await revoke_token(connection, visit.session.organization_id, token_id, by=_by(visit))
    return PLACE


async def change_usual_role(visit: Visit, form: Mapping[str, str]) -> str:
    """Say what somebody in no group with a role becomes."""
    visit.require(Permission.MANAGE_MEMBERS)
    role = _parse_role(form)
    if role is None:
        raise InvalidFormError("it has a choice that the page does not offer")
    async with visit.deps.pool.connection() as connection:
        await set_usual_role(connection, visit.session.organization_id, role, by=_by(visit))
    return PLACE


async def change_group_role(visit: Visit, form: Mapping[str, str]) -> str:
    """Say what being in a group gives."""
    visit.require(Permission.MANAGE_MEMBERS)
    role = _parse_role(form)
    group_id = str(visit.request.path_params["group_id"])
    async with visit.deps.pool.connection() as connection:
        await set_group_role(connection, visit.session.organization_id, group_id, role, by=_by(visit))
    return PLACE


async def _view(
    visit: Visit, connection: Connection, *, token: ScimToken | None = None, secret: str = ""
) -> View:
    at, own = clock.now(), visit.session.organization_id
    tokens = await list_tokens(connection, own)
    _, groups = await list_groups(connection, own, Page(0, GROUPS_MAX), has_members=False)
    usual = await get_usual_role(connection, own)
    base = visit.deps.base_url or f"{visit.request.url.scheme}://{visit.request.url.netloc}"
    context = {
        "as_of": at,
        "tokens": tokens,
        "tokens_max": TOKENS_MAX,
        "groups": groups,
        "usual": usual,
        "roles": ROLES,
        "endpoint": f"{base.rstrip('/')}{ENDPOINT}",
        "token": token,
        "secret": secret,
    }
    data = {
        "type": "directory",
        "as_of": at.isoformat(),
        "usual_role": usual,
        "tokens": [_render_token(one) for one in tokens],
        "groups": [_render_group(one) for one in groups],
    }
    return View("access/directory.html", context, data)


def _by(visit: Visit) -> Actor:
    return Actor("member", visit.session.email)


def _parse_role(form: Mapping[str, str]) -> Role | None:
    text = form.get("role", "")
    role = next((one for one in ROLES if one == text), None)
    if text and role is None:
        raise InvalidFormError("it has a choice that the page does not offer")
    return role


def _render_token(token: ScimToken) -> dict[str, object]:
    return {
        "id": token.token_id,
        "name": token.name,
        "hint": token.hint,
        "created_by": token.created_by,
        "created_at": token.created_at.isoformat(),
        "last_used_at": None if token.last_used_at is None else token.last_used_at.isoformat(),
    }


def _render_group(group: ScimGroup) -> dict[str, object]:
    return {"id": group.group_id, "name": group.name, "role": group.role, "members": group.member_count}
