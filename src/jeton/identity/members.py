"""Members: the people of an organization, each with a role.

A person is an e-mail, and may be a member of several organizations. Whoever becomes a member has shown that
the e-mail is theirs (an invite's link, or a provider's word), or was named by the operator.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.identity.errors import EmailTakenError, LastAdminError, UnknownMemberError
from jeton.identity.names import parse_email
from jeton.ids import new_id

Role = Literal["developer", "billing", "admin", "auditor"]
MEMBERS_LISTED_MAX = 1000
MEMBERSHIPS_LISTED_MAX = 100

_COLUMNS = "member_id, organization_id, email, role, created_at"
# The lock under which the number of an organization's admins changes; it stands in nobody's way else.
_LOCK_ORGANIZATION = "SELECT FROM organizations WHERE organization_id = %s FOR NO KEY UPDATE"
_COUNT_OTHER_ADMINS = """
    SELECT count(*) FROM members WHERE organization_id = %s AND role = 'admin' AND member_id <> %s
"""


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an organization."""

    member_id: str
    organization_id: UUID
    email: str
    role: Role
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """One of the organizations of a person."""

    member_id: str
    organization_id: UUID
    organization_name: str
    role: Role


async def create_member(
    connection: Connection, organization_id: UUID, *, email: str, role: Role, password_hash: str | None = None
) -> Member:
    """Add a member; EmailTakenError if the e-mail is one of this organization already.

    ``password_hash`` is for somebody who has no password yet; one that has keeps it.
    """
    member = Member(new_id("user"), organization_id, parse_email(email), role, clock.now())
    cursor = await connection.execute(
        "INSERT INTO members (member_id, organization_id, email, role, created_at)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (email, organization_id) DO NOTHING",
        (member.member_id, organization_id, member.email, role, member.created_at),
    )
    if cursor.rowcount == 0:
        raise EmailTakenError(member.email)
    if password_hash is not None:
        await connection.execute(
            "INSERT INTO passwords (email, password_hash, set_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (member.email, password_hash, member.created_at),
        )
    return member


async def find_password_hash(connection: Connection, email: str) -> str | None:
    """The hash of a person's password; None without one, or for nobody."""
    cursor = await connection.execute("SELECT password_hash FROM passwords WHERE email = %s", (email,))
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def set_password_hash(connection: Connection, email: str, password_hash: str) -> None:
    """Give a person another password, or a first one."""
    await connection.execute(
        "INSERT INTO passwords (email, password_hash, set_at) VALUES (%s, %s, %s)"
        " ON CONFLICT (email) DO UPDATE SET password_hash = excluded.password_hash, set_at = excluded.set_at",
        (email, password_hash, clock.now()),
    )


async def find_member(connection: Connection, email: str) -> Member | None:
    """The person's membership that was used last (``email`` in lower case), if there is one."""
    async with connection.cursor(row_factory=class_row(Member)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM members AS m WHERE email = %s"  # noqa: S608 - the columns above
            " ORDER BY (SELECT max(s.last_used_at) FROM sessions AS s WHERE s.member_id = m.member_id)"
            " DESC NULLS LAST, member_id LIMIT 1",
            (email,),
        )
        return await cursor.fetchone()


async def list_memberships(connection: Connection, email: str) -> list[Membership]:
    """A person's organizations by name, MEMBERSHIPS_LISTED_MAX at most."""
    async with connection.cursor(row_factory=class_row(Membership)) as cursor:
        await cursor.execute(
            "SELECT m.member_id, m.organization_id, o.name AS organization_name, m.role FROM members AS m"
            " JOIN organizations AS o USING (organization_id) WHERE m.email = %s ORDER BY o.name, m.member_id"
            " LIMIT %s",
            (email, MEMBERSHIPS_LISTED_MAX),
        )
        return await cursor.fetchall()


async def list_members(
    connection: Connection, organization_id: UUID, *, after_id: str = "", limit: int = MEMBERS_LISTED_MAX
) -> list[Member]:
    """An organization's members in the order in which they joined, from ``after_id`` on."""
    async with connection.cursor(row_factory=class_row(Member)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM members WHERE organization_id = %s AND member_id > %s"  # noqa: S608 - the columns above
            " ORDER BY member_id LIMIT %s",
            (organization_id, after_id, min(limit, MEMBERS_LISTED_MAX)),
        )
        return await cursor.fetchall()


async def get_member(connection: Connection, organization_id: UUID, member_id: str) -> Member:
    """The member, if it is of this organization; else UnknownMemberError."""
    if not member_id.isprintable():
        raise UnknownMemberError(ascii(member_id))
    async with connection.cursor(row_factory=class_row(Member)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM members WHERE organization_id = %s AND member_id = %s",  # noqa: S608 - the columns above
            (organization_id, member_id),
        )
        member = await cursor.fetchone()
    if member is None:
        raise UnknownMemberError(member_id)
    return member


async def change_role(
    connection: Connection, organization_id: UUID, member_id: str, role: Role, *, by: Actor
) -> Member:
    """Give a member another role, from the next page on; UnknownMemberError or LastAdminError."""
    await connection.execute(_LOCK_ORGANIZATION, (organization_id,))
    member = await get_member(connection, organization_id, member_id)
    if member.role == role:
        return member
    if role != "admin":
        await _check_admins(connection, member)
    await connection.execute("UPDATE members SET role = %s WHERE member_id = %s", (role, member_id))
    await _record(connection, by, "member.role_changed", member, role=role, role_before=member.role)
    return await get_member(connection, organization_id, member_id)


async def remove_member(
    connection: Connection, organization_id: UUID, member_id: str, *, by: Actor
) -> Member:
    """Take a member out, with every session; its keys stay. UnknownMemberError or LastAdminError."""
    await connection.execute(_LOCK_ORGANIZATION, (organization_id,))
    member = await get_member(connection, organization_id, member_id)
    await _check_admins(connection, member)
    await connection.execute("DELETE FROM sessions WHERE member_id = %s", (member_id,))
    await connection.execute("DELETE FROM members WHERE member_id = %s", (member_id,))
    # Whoever is a member nowhere leaves nothing to sign in with.
    for table in ("passwords", "passkeys"):
        await connection.execute(
            f"DELETE FROM {table} AS p WHERE p.email = %s"  # noqa: S608 - one of the two above
            " AND NOT EXISTS (SELECT FROM members AS m WHERE m.email = p.email)",
            (member.email,),
        )
    await _record(connection, by, "member.removed", member, role=member.role)
    return member


async def record_joining(connection: Connection, by: Actor, member: Member, *, how: str) -> None:
    """Record that somebody became a member, in the transaction in which that was."""
    await _record(connection, by, "member.joined", member, role=member.role, how=how)


async def _check_admins(connection: Connection, member: Member) -> None:
    """Raise LastAdminError where this member is the only admin."""
    if member.role != "admin":
        return
    cursor = await connection.execute(_COUNT_OTHER_ADMINS, (member.organization_id, member.member_id))
    row = await cursor.fetchone()
    if not (row and row[0]):
        raise LastAdminError(member.email)


async def _record(connection: Connection, by: Actor, action: str, member: Member, **details: str) -> None:
    await record_audit(
        connection,
        by,
        action,
        subject=member.member_id,
        organization_id=member.organization_id,
        details={"email": member.email, **details},
    )
