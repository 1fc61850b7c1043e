"""Users over the Admin API: an organization's members, by the Claude API's name for them."""

import msgspec
from starlette.routing import BaseRoute, Route

from jeton.admin.deps import AdminDeps
from jeton.admin.resource import Call, Resource, render_list
from jeton.identity.audit import Actor
from jeton.identity.members import (
    MEMBERS_LISTED_MAX,
    Member,
    Role,
    change_role,
    get_member,
    list_members,
    remove_member,
)

USERS_LISTED = 20


class ChangeUser(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that gives a member another role."""

    role: Role


def user_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The routes of members."""
    one = {"GET": _get, "POST": _change, "DELETE": _remove}
    return [
        Route("/v1/organizations/users", Resource(deps, {"GET": _list})),
        Route("/v1/organizations/users/{user_id}", Resource(deps, one)),
    ]


async def _list(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    limit = call.find_count("limit", default=USERS_LISTED, count_max=MEMBERS_LISTED_MAX - 1)
    after_id = call.find_text("after_id")
    async with call.connect() as connection:
        members = await list_members(connection, caller.organization_id, after_id=after_id, limit=limit + 1)
    return render_list([_render(member) for member in members[:limit]], has_more=len(members) > limit)


async def _get(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        return _render(await get_member(connection, caller.organization_id, _user_id(call)))


async def _change(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    role = call.read_body(ChangeUser).role
    async with call.connect() as connection:
        by = Actor("key", caller.key_id)
        return _render(await change_role(connection, caller.organization_id, _user_id(call), role, by=by))


async def _remove(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        by = Actor("key", caller.key_id)
        member = await remove_member(connection, caller.organization_id, _user_id(call), by=by)
    return {"id": member.member_id, "type": "user_deleted"}


def _user_id(call: Call) -> str:
    return str(call.request.path_params["user_id"])


def _render(member: Member) -> dict[str, object]:
    return {
        "type": "user",
        "id": member.member_id,
        "email": member.email,
        "name": member.email,
        "role": member.role,
        "added_at": member.created_at.isoformat(),
    }
