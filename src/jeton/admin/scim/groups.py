"""Groups over SCIM: who is in them; what being in one gives is said in the Console, not here."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as change
from uuid import UUID

from jeton.admin.scim.endpoint import CREATED, NO_CONTENT, Answer, ScimCall, render_list
from jeton.admin.scim.words import (
    GROUP_SCHEMA,
    InvalidPathError,
    Operation,
    find_member,
    find_value,
    is_path,
    make_filter,
    read_operations,
    read_text,
    strip_schema,
)
from jeton.identity.scim.groups import (
    create_group,
    delete_group,
    get_group,
    list_groups,
    rename_group,
    set_group_members,
)
from jeton.identity.scim.terms import InvalidScimValueError, ScimGroup

_find_filter = make_filter({"displayname": "displayName", "externalid": "externalId", "id": "id"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a group is to be; its members by the ids of users."""

    name: str
    external_id: str | None
    members: frozenset[str]


async def list_all(call: ScimCall) -> Answer:
    """A page of groups."""
    page, has_members = call.read_page(_find_filter), call.wants("members")
    total, found = await list_groups(
        call.connection, call.token.organization_id, page, has_members=has_members
    )
    return render_list(total, page, [render_group(call, group) for group in found])


async def create(call: ScimCall) -> Answer:
    """A new group; one that the operator's single sign-on gives a role to gives it from the start."""
    wanted = _read(call.read_body(), Wanted("", None, frozenset()))
    role = call.deps.group_roles.get((call.token.organization_id, wanted.name))
    group = await create_group(
        call.connection,
        call.token.organization_id,
        name=wanted.name,
        external_id=wanted.external_id,
        role=role,
    )
    await set_group_members(
        call.connection, call.token.organization_id, group.group_id, set(wanted.members), by=call.by
    )
    made = await get_group(call.connection, call.token.organization_id, group.group_id)
    return Answer(render_group(call, made), CREATED)


async def get(call: ScimCall) -> Answer:
    """One group."""
    return Answer(render_group(call, await get_group(call.connection, *_name(call))))


async def replace(call: ScimCall) -> Answer:
    """Make a group what the body says; whom it does not name is in it no more."""
    await get_group(call.connection, *_name(call))
    return await _change(call, _read(call.read_body(), Wanted("", None, frozenset())))


async def patch(call: ScimCall) -> Answer:
    """Change what the steps say, all of them or none."""
    group = await get_group(call.connection, *_name(call))
    wanted = Wanted(group.name, group.external_id, frozenset(one for one, _ in group.members))
    for step in read_operations(call.read_body()):
        wanted = _take(wanted, step)
    return await _change(call, wanted)


async def delete(call: ScimCall) -> Answer:
    """Forget a group; whoever was in it loses the role that it gave."""
    await delete_group(call.connection, *_name(call), by=call.by)
    return Answer(None, NO_CONTENT)


async def _change(call: ScimCall, wanted: Wanted) -> Answer:
    organization_id, group_id = _name(call)
    await rename_group(
        call.connection, organization_id, group_id, name=wanted.name, external_id=wanted.external_id
    )
    await set_group_members(call.connection, organization_id, group_id, set(wanted.members), by=call.by)
    return Answer(render_group(call, await get_group(call.connection, organization_id, group_id)))


def _name(call: ScimCall) -> tuple[UUID, str]:
    return call.token.organization_id, str(call.request.path_params["group_id"])


def _take(wanted: Wanted, step: Operation) -> Wanted:
    """One step of a patch."""
    member = find_member(step.path)
    if member is not None:
        if step.op != "remove":
            raise InvalidPathError(step.path)
        return change(wanted, members=wanted.members - {member})
    if not step.path:
        if step.op == "remove" or not isinstance(step.value, dict):
            raise InvalidScimValueError("value", "must be an object where there is no path")
        named = {strip_schema(name): value for name, value in step.value.items()}
        if step.op == "add" and "members" in named:
            named["members"] = [{"value": one} for one in wanted.members | _read_members(named["members"])]
        return _read(named, wanted)
    if step.path.lower() != "members":
        return _read({step.path: None if step.op == "remove" else step.value}, wanted)
    given = _read_members(step.value)
    if step.op == "add":
        return change(wanted, members=wanted.members | given)
    if step.op == "replace":
        return change(wanted, members=given)
    # Without a value all of them, as RFC 7644 has it; with one those, as some directories mean it.
    return change(wanted, members=wanted.members - given if step.value else frozenset())


def _read(body: Mapping[str, object], wanted: Wanted) -> Wanted:
    for key, value in body.items():
        name = strip_schema(key).lower()
        if name == "displayname":
            wanted = change(wanted, name=read_text(value, key))
        elif name == "externalid":
            wanted = change(wanted, external_id=read_text(value, key) or None)
        elif name == "members":
            wanted = change(wanted, members=_read_members(value))
        elif not is_path(key):
            raise InvalidPathError(key)
    return wanted


def _read_members(value: object) -> frozenset[str]:
    """The ids in a list of members, or in one member."""
    if value is None:
        return frozenset()
    ones = value if isinstance(value, list) else [value]
    ids = [find_value(one, "value") if isinstance(one, dict) else None for one in ones]
    texts = frozenset(one for one in ids if isinstance(one, str))
    if len(texts) != len(set(map(str, ids))):
        raise InvalidScimValueError("members", "must be objects with the id of a user as their value")
    return texts


def render_group(call: ScimCall, group: ScimGroup) -> dict[str, object]:
    """A group as SCIM has it."""
    shown: dict[str, object] = {
        "schemas": [GROUP_SCHEMA],
        "id": group.group_id,
        "displayName": group.name,
        "members": [
            {"value": user_id, "display": email, "$ref": f"{call.base}/Users/{user_id}"}
            for user_id, email in group.members
        ],
        "meta": {
            "resourceType": "Group",
            "created": group.created_at.isoformat(),
            "lastModified": group.changed_at.isoformat(),
            "location": f"{call.base}/Groups/{group.group_id}",
        },
    }
    if group.external_id is not None:
        shown["externalId"] = group.external_id
    if not call.wants("members"):
        del shown["members"]
    return shown
