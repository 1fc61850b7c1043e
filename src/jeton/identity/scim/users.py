"""Users: whom an organization's directory knows. To be active is to be a member, and nothing else.

Who is deactivated is removed as the Console removes somebody: sessions end at once, keys stay with the
organization, and the last admin stays. A new member signs in only by what shows that the e-mail is theirs.
"""

from contextlib import suppress
from typing import Any
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import Actor
from jeton.identity.errors import LastAdminError
from jeton.identity.members import Role, change_role, create_member, record_joining, remove_member
from jeton.identity.names import parse_email
from jeton.identity.scim.authority import lock_directory, take_back_invites
from jeton.identity.scim.terms import (
    CHANGED_MAX,
    ROLE_ORDER,
    TEXT_CHARS_MAX,
    USERS_MAX,
    InvalidScimValueError,
    Page,
    Profile,
    ScimTakenError,
    ScimUser,
    TooManyOfScimError,
    UnknownScimUserError,
)
from jeton.ids import new_id

HOW = "scim"
# Who became a member otherwise is known to the directory from the moment on in which it asks.
_LIST_STRANGERS = """
    SELECT email, created_at FROM members AS m WHERE organization_id = %(id)s AND NOT EXISTS (
        SELECT FROM scim_users AS u WHERE u.organization_id = m.organization_id AND u.email = m.email)
    LIMIT %(limit)s
"""
_ADOPT = """
    INSERT INTO scim_users (scim_user_id, organization_id, email, created_at, changed_at)
    VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_READ = """
    SELECT u.scim_user_id, u.email, u.external_id, u.display_name, u.given_name, u.family_name, m.role,
           m.member_id, u.created_at, u.changed_at,
           (SELECT coalesce(array_agg(ARRAY[g.scim_group_id, g.name] ORDER BY g.scim_group_id), '{}')
            FROM scim_group_users AS gu JOIN scim_groups AS g USING (scim_group_id)
            WHERE gu.scim_user_id = u.scim_user_id)
    FROM scim_users AS u LEFT JOIN members AS m USING (organization_id, email)
"""
_MATCHING = """
    u.organization_id = %(id)s AND CASE %(field)s
        WHEN 'userName' THEN u.email = lower(%(value)s)
        WHEN 'externalId' THEN u.external_id = %(value)s
        WHEN 'id' THEN u.scim_user_id = %(value)s
        ELSE true END
"""
_ROLES = """
    SELECT o.scim_role, array_agg(g.role) FILTER (WHERE g.role IS NOT NULL)
    FROM organizations AS o
    LEFT JOIN scim_group_users AS gu ON gu.scim_user_id = %(user_id)s
    LEFT JOIN scim_groups AS g USING (scim_group_id)
    WHERE o.organization_id = %(id)s GROUP BY o.scim_role
"""
USER_FIELDS = frozenset({"userName", "externalId", "id"})


async def list_users(connection: Connection, organization_id: UUID, page: Page) -> tuple[int, list[ScimUser]]:
    """How many there are that the page's filter wants, and those of the page, in the order of their ids."""
    await _adopt(connection, organization_id)
    wanted = {"id": organization_id, "field": page.field, "value": page.value}
    row = await (
        await connection.execute(f"SELECT count(*) FROM scim_users AS u WHERE {_MATCHING}", wanted)  # noqa: S608 - the text above
    ).fetchone()
    cursor = await connection.execute(
        f"{_READ} WHERE {_MATCHING} ORDER BY u.scim_user_id LIMIT %(limit)s OFFSET %(offset)s",
        {**wanted, "limit": page.limit, "offset": page.offset},
    )
    return int(row[0]) if row else 0, [_build(one) for one in await cursor.fetchall()]


async def get_user(connection: Connection, organization_id: UUID, user_id: str) -> ScimUser:
    """The user, if it is of this organization; else UnknownScimUserError."""
    if not user_id.isprintable():
        raise UnknownScimUserError(ascii(user_id))
    cursor = await connection.execute(
        f"{_READ} WHERE u.organization_id = %s AND u.scim_user_id = %s", (organization_id, user_id)
    )
    row = await cursor.fetchone()
    if row is None:
        raise UnknownScimUserError(user_id)
    return _build(row)


async def create_user(
    connection: Connection, organization_id: UUID, profile: Profile, *, is_active: bool, by: Actor
) -> ScimUser:
    """Take somebody in, as a member unless they are not active.

    Raises InvalidEmailError, InvalidScimValueError, ScimTakenError and TooManyOfScimError.
    """
    await lock_directory(connection, organization_id)
    checked, at = _check(profile), clock.now()
    await _adopt(connection, organization_id)
    total, found = await list_users(connection, organization_id, Page(0, 1, "userName", checked.email))
    if found:
        raise ScimTakenError("user", checked.email)
    total, _ = await list_users(connection, organization_id, Page(0, 0))
    if total >= USERS_MAX:
        raise TooManyOfScimError("users", USERS_MAX)
    user_id = new_id("scimuser")
    await connection.execute(
        "INSERT INTO scim_users (scim_user_id, organization_id, email, external_id, display_name, given_name,"
        " family_name, created_at, changed_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            user_id,
            organization_id,
            checked.email,
            checked.external_id,
            checked.display_name,
            checked.given_name,
            checked.family_name,
            at,
            at,
        ),
    )
    if is_active:
        await _join(connection, organization_id, user_id, checked.email, by=by)
    else:
        await take_back_invites(connection, organization_id, checked.email, by=by)
    return await get_user(connection, organization_id, user_id)


async def change_user(
    connection: Connection,
    organization_id: UUID,
    user_id: str,
    profile: Profile,
    *,
    is_active: bool,
    by: Actor,
) -> ScimUser:
    """Make somebody what the directory says: another name, another e-mail, a member or none.

    Raises as ``create_user``, and UnknownScimUserError and LastAdminError.
    """
    await lock_directory(connection, organization_id)
    before, checked = await get_user(connection, organization_id, user_id), _check(profile)
    if checked.email != before.profile.email:
        await _adopt(connection, organization_id)
        _, found = await list_users(connection, organization_id, Page(0, 1, "userName", checked.email))
        if found:
            raise ScimTakenError("user", checked.email)
    await connection.execute(
        "UPDATE scim_users SET email = %s, external_id = %s, display_name = %s, given_name = %s,"
        " family_name = %s, changed_at = %s WHERE scim_user_id = %s",
        (
            checked.email,
            checked.external_id,
            checked.display_name,
            checked.given_name,
            checked.family_name,
            clock.now(),
            user_id,
        ),
    )
    is_renamed = checked.email != before.profile.email
    if is_active and (is_renamed or not before.is_active):
        # Somebody under another e-mail has to show that it is theirs; the new one first, as the last admin's.
        role = before.role if is_renamed else None
        await _join(connection, organization_id, user_id, checked.email, by=by, role=role)
    if before.member_id is not None and (is_renamed or not is_active):
        await remove_member(connection, organization_id, before.member_id, by=by)
    if is_renamed or not is_active:
        await take_back_invites(connection, organization_id, before.profile.email, by=by)
    if not is_active:
        await take_back_invites(connection, organization_id, checked.email, by=by)
    return await get_user(connection, organization_id, user_id)


async def delete_user(connection: Connection, organization_id: UUID, user_id: str, *, by: Actor) -> None:
    """Forget somebody, who is no member any more; UnknownScimUserError or LastAdminError."""
    await lock_directory(connection, organization_id)
    user = await get_user(connection, organization_id, user_id)
    if user.member_id is not None:
        await remove_member(connection, organization_id, user.member_id, by=by)
    await take_back_invites(connection, organization_id, user.profile.email, by=by)
    await connection.execute("DELETE FROM scim_users WHERE scim_user_id = %s", (user_id,))


async def apply_roles(
    connection: Connection, organization_id: UUID, user_ids: set[str], *, by: Actor
) -> None:
    """Give each of these users who is a member the role of their groups; the last admin stays one.

    TooManyOfScimError for more than CHANGED_MAX of them.
    """
    if len(user_ids) > CHANGED_MAX:
        raise TooManyOfScimError("changed members in one request", CHANGED_MAX)
    for user_id in sorted(user_ids):
        user = await get_user(connection, organization_id, user_id)
        if user.member_id is not None:
            role = await _find_role(connection, organization_id, user_id)
            with suppress(LastAdminError):
                await change_role(connection, organization_id, user.member_id, role, by=by)


async def _find_role(connection: Connection, organization_id: UUID, user_id: str) -> Role:
    """The role of somebody's groups, of several the one that allows most; without any the usual one."""
    row = await (await connection.execute(_ROLES, {"id": organization_id, "user_id": user_id})).fetchone()
    usual, given = row or ("developer", None)
    chosen: Role = next((role for role in ROLE_ORDER if role in (given or ())), usual)
    return chosen


async def _join(
    connection: Connection,
    organization_id: UUID,
    user_id: str,
    email: str,
    *,
    by: Actor,
    role: Role | None = None,
) -> None:
    given = role or await _find_role(connection, organization_id, user_id)
    member = await create_member(connection, organization_id, email=email, role=given)
    # What they were asked is answered.
    await connection.execute(
        "UPDATE invites SET accepted_at = %s WHERE organization_id = %s AND email = %s"
        " AND accepted_at IS NULL AND deleted_at IS NULL",
        (member.created_at, organization_id, email),
    )
    await record_joining(connection, by, member, how=HOW)


async def _adopt(connection: Connection, organization_id: UUID) -> None:
    cursor = await connection.execute(_LIST_STRANGERS, {"id": organization_id, "limit": USERS_MAX})
    rows = [
        (new_id("scimuser"), organization_id, email, created_at, created_at)
        for email, created_at in await cursor.fetchall()
    ]
    if rows:
        async with connection.cursor() as writing:
            await writing.executemany(_ADOPT, rows)


def _check(profile: Profile) -> Profile:
    """The profile as it is kept; InvalidEmailError or InvalidScimValueError."""
    texts = {
        "externalId": profile.external_id,
        "displayName": profile.display_name,
        "name.givenName": profile.given_name,
        "name.familyName": profile.family_name,
    }
    for name, text in texts.items():
        if text is not None and (len(text) > TEXT_CHARS_MAX or "\0" in text):
            raise InvalidScimValueError(name, f"has more than {TEXT_CHARS_MAX} characters, or a zero byte")
    return Profile(
        parse_email(profile.email),
        profile.external_id or None,
        profile.display_name,
        profile.given_name,
        profile.family_name,
    )


def _build(row: tuple[Any, ...]) -> ScimUser:
    profile = Profile(row[1], row[2], row[3], row[4], row[5])
    groups = tuple((str(group[0]), str(group[1])) for group in row[10])
    return ScimUser(row[0], profile, row[6], row[7], groups, row[8], row[9])
