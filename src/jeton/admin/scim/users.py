"""Users over SCIM: userName is the e-mail, active is being a member; what is not kept is read and left."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as change
from uuid import UUID

from jeton.admin.scim.endpoint import CREATED, NO_CONTENT, Answer, ScimCall, render_list
from jeton.admin.scim.words import (
    USER_SCHEMA,
    InvalidPathError,
    find_value,
    is_path,
    make_filter,
    read_operations,
    read_text,
    read_truth,
    strip_schema,
)
from jeton.identity.scim.terms import InvalidScimValueError, Profile, ScimUser
from jeton.identity.scim.users import change_user, create_user, delete_user, get_user, list_users

_find_filter = make_filter(
    {
        "username": "userName",
        "emails": "userName",
        "emails.value": "userName",
        "externalid": "externalId",
        "id": "id",
    }
)
# Attributes of a path, in lower case, and the fields that they are kept in.
_FIELDS: Mapping[str, str] = {
    "username": "email",
    "externalid": "external_id",
    "displayname": "display_name",
    "name.givenname": "given_name",
    "name.familyname": "family_name",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a user is to be."""

    profile: Profile
    is_active: bool


async def list_all(call: ScimCall) -> Answer:
    """A page of users."""
    page = call.read_page(_find_filter)
    total, found = await list_users(call.connection, call.token.organization_id, page)
    return render_list(total, page, [render_user(call, user) for user in found])


async def create(call: ScimCall) -> Answer:
    """Take somebody in."""
    wanted = _read(call.read_body())
    user = await create_user(
        call.connection,
        call.token.organization_id,
        wanted.profile,
        is_active=wanted.is_active,
        by=call.by,
    )
    return Answer(render_user(call, user), CREATED)


async def get(call: ScimCall) -> Answer:
    """One user."""
    return Answer(render_user(call, await get_user(call.connection, *_name(call))))


async def replace(call: ScimCall) -> Answer:
    """Make somebody what the body says; what it does not say is empty."""
    return await _change(call, _read(call.read_body()))


async def patch(call: ScimCall) -> Answer:
    """Change what the steps say, all of them or none."""
    user = await get_user(call.connection, *_name(call))
    wanted = Wanted(user.profile, user.is_active)
    for step in read_operations(call.read_body()):
        if step.path:
            wanted = _set(wanted, step.path, None if step.op == "remove" else step.value)
            continue
        if step.op == "remove" or not isinstance(step.value, dict):
            raise InvalidScimValueError("value", "must be an object where there is no path")
        for path, value in _flatten(step.value):
            wanted = _set(wanted, path, value)
    return await _change(call, wanted)


async def delete(call: ScimCall) -> Answer:
    """Forget somebody."""
    await delete_user(call.connection, *_name(call), by=call.by)
    return Answer(None, NO_CONTENT)


async def _change(call: ScimCall, wanted: Wanted) -> Answer:
    organization_id, user_id = _name(call)
    user = await change_user(
        call.connection, organization_id, user_id, wanted.profile, is_active=wanted.is_active, by=call.by
    )
    return Answer(render_user(call, user))


def _name(call: ScimCall) -> tuple[UUID, str]:
    return call.token.organization_id, str(call.request.path_params["user_id"])


def _read(body: Mapping[str, object]) -> Wanted:
    wanted = Wanted(Profile(""), is_active=True)
    for path, value in _flatten(body):
        wanted = _set(wanted, path, value)
    if not wanted.profile.email:
        raise InvalidScimValueError("userName", "is needed, and is the e-mail")
    return wanted


def _flatten(body: Mapping[str, object]) -> list[tuple[str, object]]:
    """An object's attributes as paths: ``name.givenName`` of ``name``."""
    flat: list[tuple[str, object]] = []
    for key, value in body.items():
        name = strip_schema(key)
        if name.lower() == "name" and isinstance(value, dict):
            flat += [(f"name.{part}", text) for part, text in value.items()]
        else:
            flat.append((name, value))
    return flat


def _set(wanted: Wanted, path: str, value: object) -> Wanted:
    """The user with another value; one of an attribute that is not kept changes nothing."""
    name = path.lower()
    if name == "active":
        return change(wanted, is_active=read_truth(value, "active"))
    if name == "name" and (value is None or isinstance(value, dict)):
        given, family = (find_value(value or {}, part) for part in ("givenname", "familyname"))
        wanted = _set(wanted, "name.givenName", given)
        return _set(wanted, "name.familyName", family)
    field = _FIELDS.get(name)
    if field is not None:
        return change(wanted, profile=change(wanted.profile, **{field: read_text(value, path)}))
    if not is_path(path):
        raise InvalidPathError(path)
    return wanted


def render_user(call: ScimCall, user: ScimUser) -> dict[str, object]:
    """A user as SCIM has it."""
    profile = user.profile
    full = " ".join(part for part in (profile.given_name, profile.family_name) if part)
    shown: dict[str, object] = {
        "schemas": [USER_SCHEMA],
        "id": user.user_id,
        "userName": profile.email,
        "name": {
            "givenName": profile.given_name,
            "familyName": profile.family_name,
            "formatted": full or profile.display_name,
        },
        "displayName": profile.display_name or full or profile.email,
        "emails": [{"value": profile.email, "type": "work", "primary": True}],
        "active": user.is_active,
        "roles": [{"value": user.role, "primary": True}] if user.role is not None else [],
        "groups": [
            {"value": group_id, "display": name, "$ref": f"{call.base}/Groups/{group_id}"}
            for group_id, name in user.groups
        ],
        "meta": {
            "resourceType": "User",
            "created": user.created_at.isoformat(),
            "lastModified": user.changed_at.isoformat(),
            "location": f"{call.base}/Users/{user.user_id}",
        },
    }
    if profile.external_id is not None:
        shown["externalId"] = profile.external_id
    return {name: value for name, value in shown.items() if _is_always(name) or call.wants(name)}


def _is_always(name: str) -> bool:
    return name in {"schemas", "id", "meta"}
