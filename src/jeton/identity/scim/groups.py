"""Groups: those of a directory, who is in them, and the role that being in one gives.

A member's role follows when they come into a group with a role or leave one; of somebody in several the role
that allows most counts. Whoever is in none, and was in none, keeps the role that was given by hand.
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.identity.members import Role
from jeton.identity.scim.authority import lock_directory
from jeton.identity.scim.terms import (
    GROUPS_MAX,
    PAGE_MEMBERS_MAX,
    TEXT_CHARS_MAX,
    USERS_MAX,
    InvalidScimValueError,
    Page,
    ScimGroup,
    ScimTakenError,
    TooManyOfScimError,
    UnknownScimGroupError,
    UnknownScimUserError,
)
from jeton.identity.scim.users import apply_roles
from jeton.ids import new_id

_COLUMNS = "g.scim_group_id, g.name, g.external_id, g.role, g.created_at, g.changed_at"
_MEMBERS = """
    SELECT scim_user_id, email FROM scim_group_users JOIN scim_users USING (scim_user_id)
    WHERE scim_group_id = %s ORDER BY scim_user_id
"""
_COUNTS = """
    SELECT scim_group_id, count(*) FROM scim_group_users WHERE scim_group_id = ANY (%s) GROUP BY scim_group_id
"""
_MATCHING = """
    g.organization_id = %(id)s AND CASE %(field)s
        WHEN 'displayName' THEN lower(g.name) = lower(%(value)s)
        WHEN 'externalId' THEN g.external_id = %(value)s
        WHEN 'id' THEN g.scim_group_id = %(value)s
        ELSE true END
"""
_KNOWN = "SELECT scim_user_id FROM scim_users WHERE organization_id = %s AND scim_user_id = ANY (%s)"
GROUP_FIELDS = frozenset({"displayName", "externalId", "id"})


async def list_groups(
    connection: Connection, organization_id: UUID, page: Page, *, has_members: bool = True
) -> tuple[int, list[ScimGroup]]:
    """How many there are that the page's filter wants, and those of the page, in the order of their ids.

    A page with members ends sooner where its groups would have more than PAGE_MEMBERS_MAX together.
    """
    wanted = {"id": organization_id, "field": page.field, "value": page.value}
    row = await (
        await connection.execute(f"SELECT count(*) FROM scim_groups AS g WHERE {_MATCHING}", wanted)  # noqa: S608 - the text above
    ).fetchone()
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM scim_groups AS g WHERE {_MATCHING}"  # noqa: S608 - the texts above
        " ORDER BY g.scim_group_id LIMIT %(limit)s OFFSET %(offset)s",
        {**wanted, "limit": page.limit, "offset": page.offset},
    )
    rows = await cursor.fetchall()
    counting = await connection.execute(_COUNTS, ([one[0] for one in rows],))
    counts = {str(group_id): int(count) for group_id, count in await counting.fetchall()}
    groups, listed = [], 0
    for one in rows:
        count = counts.get(str(one[0]), 0)
        listed += count if has_members else 0
        if listed > PAGE_MEMBERS_MAX:
            break
        group = await _build(connection, one, has_members=has_members)
        groups.append(replace(group, member_count=count))
    return int(row[0]) if row else 0, groups


async def get_group(connection: Connection, organization_id: UUID, group_id: str) -> ScimGroup:
    """The group, if it is of this organization; else UnknownScimGroupError."""
    if not group_id.isprintable():
        raise UnknownScimGroupError(ascii(group_id))
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM scim_groups AS g WHERE organization_id = %s AND scim_group_id = %s",  # noqa: S608 - the columns above
        (organization_id, group_id),
    )
    row = await cursor.fetchone()
    if row is None:
        raise UnknownScimGroupError(group_id)
    return await _build(connection, row, has_members=True)


async def create_group(
    connection: Connection, organization_id: UUID, *, name: str, external_id: str | None, role: Role | None
) -> ScimGroup:
    """A new group without anybody; InvalidScimValueError, ScimTakenError or TooManyOfScimError."""
    await lock_directory(connection, organization_id)
    named, at, group_id = _check_name(name), clock.now(), new_id("scimgroup")
    total, _ = await list_groups(connection, organization_id, Page(0, 0))
    if total >= GROUPS_MAX:
        raise TooManyOfScimError("groups", GROUPS_MAX)
    await _check_free(connection, organization_id, named, but="")
    await connection.execute(
        "INSERT INTO scim_groups (scim_group_id, organization_id, name, external_id, role, created_at,"
        " changed_at) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (group_id, organization_id, named, _check_external(external_id), role, at, at),
    )
    return await get_group(connection, organization_id, group_id)


async def rename_group(
    connection: Connection, organization_id: UUID, group_id: str, *, name: str, external_id: str | None
) -> None:
    """Give a group another name; what it gives stays. Raises as ``create_group``, UnknownScimGroupError."""
    await lock_directory(connection, organization_id)
    group, named = await get_group(connection, organization_id, group_id), _check_name(name)
    await _check_free(connection, organization_id, named, but=group.group_id)
    await connection.execute(
        "UPDATE scim_groups SET name = %s, external_id = %s, changed_at = %s WHERE scim_group_id = %s",
        (named, _check_external(external_id), clock.now(), group_id),
    )


async def set_group_members(
    connection: Connection, organization_id: UUID, group_id: str, user_ids: set[str], *, by: Actor
) -> None:
    """Make these users the group's, and nobody else; roles follow where the group gives one.

    Raises UnknownScimGroupError, UnknownScimUserError and TooManyOfScimError.
    """
    await lock_directory(connection, organization_id)
    group = await get_group(connection, organization_id, group_id)
    await _check_known(connection, organization_id, user_ids)
    before = {user_id for user_id, _ in group.members}
    added, removed = user_ids - before, before - user_ids
    await connection.execute(
        "DELETE FROM scim_group_users WHERE scim_group_id = %s AND scim_user_id = ANY (%s)",
        (group_id, sorted(removed)),
    )
    await connection.execute(
        "INSERT INTO scim_group_users SELECT %s, unnest(%s::text[])", (group_id, sorted(added))
    )
    await connection.execute(
        "UPDATE scim_groups SET changed_at = %s WHERE scim_group_id = %s", (clock.now(), group_id)
    )
    if group.role is not None:
        await apply_roles(connection, organization_id, added | removed, by=by)


async def delete_group(connection: Connection, organization_id: UUID, group_id: str, *, by: Actor) -> None:
    """Forget a group; whoever was in it loses the role that it gave. UnknownScimGroupError."""
    await set_group_members(connection, organization_id, group_id, set(), by=by)
    await connection.execute("DELETE FROM scim_groups WHERE scim_group_id = %s", (group_id,))


async def set_group_role(
    connection: Connection, organization_id: UUID, group_id: str, role: Role | None, *, by: Actor
) -> ScimGroup:
    """Say what being in a group gives, from now on and to all in it; UnknownScimGroupError."""
    await lock_directory(connection, organization_id)
    group = await get_group(connection, organization_id, group_id)
    if group.role == role:
        return group
    await connection.execute("UPDATE scim_groups SET role = %s WHERE scim_group_id = %s", (role, group_id))
    await record_audit(
        connection,
        by,
        "scim.group_role_changed",
        subject=group_id,
        organization_id=organization_id,
        details={"group": group.name, "role": role, "role_before": group.role},
    )
    await apply_roles(connection, organization_id, {user_id for user_id, _ in group.members}, by=by)
    return await get_group(connection, organization_id, group_id)


async def get_usual_role(connection: Connection, organization_id: UUID) -> Role:
    """What somebody in no group with a role becomes."""
    cursor = await connection.execute(
        "SELECT scim_role FROM organizations WHERE organization_id = %s", (organization_id,)
    )
    row = await cursor.fetchone()
    role: Role = row[0] if row else "developer"
    return role


async def set_usual_role(connection: Connection, organization_id: UUID, role: Role, *, by: Actor) -> None:
    """Say what somebody in no group with a role becomes, from now on; nobody's role changes by it."""
    await lock_directory(connection, organization_id)
    before = await get_usual_role(connection, organization_id)
    await connection.execute(
        "UPDATE organizations SET scim_role = %s WHERE organization_id = %s", (role, organization_id)
    )
    await record_audit(
        connection,
        by,
        "scim.usual_role_changed",
        subject=str(organization_id),
        organization_id=organization_id,
        details={"role": role, "role_before": before},
    )


async def _check_known(connection: Connection, organization_id: UUID, user_ids: set[str]) -> None:
    if len(user_ids) > USERS_MAX:
        raise TooManyOfScimError("members of a group", USERS_MAX)
    printable = sorted(one for one in user_ids if one.isprintable())
    rows = await (await connection.execute(_KNOWN, (organization_id, printable))).fetchall()
    for missing in sorted(user_ids - {str(row[0]) for row in rows}):
        raise UnknownScimUserError(ascii(missing).strip("'"))


async def _check_free(connection: Connection, organization_id: UUID, name: str, *, but: str) -> None:
    _, found = await list_groups(
        connection, organization_id, Page(0, 1, "displayName", name), has_members=False
    )
    if found and found[0].group_id != but:
        raise ScimTakenError("group", name)


def _check_name(name: str) -> str:
    text = name.strip()
    if not 1 <= len(text) <= TEXT_CHARS_MAX or not text.isprintable():
        raise InvalidScimValueError("displayName", f"must have 1 to {TEXT_CHARS_MAX} printable characters")
    return text


def _check_external(text: str | None) -> str | None:
    if text is not None and (len(text) > TEXT_CHARS_MAX or "\0" in text):
        raise InvalidScimValueError(
            "externalId", f"has more than {TEXT_CHARS_MAX} characters, or a zero byte"
        )
    return text or None


async def _build(connection: Connection, row: tuple[Any, ...], *, has_members: bool) -> ScimGroup:
    members: tuple[tuple[str, str], ...] = ()
    if has_members:
        cursor = await connection.execute(_MEMBERS, (row[0],))
        members = tuple((str(one[0]), str(one[1])) for one in await cursor.fetchall())
    return replace(ScimGroup(*row), members=members, member_count=len(members))
