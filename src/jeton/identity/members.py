"""Members: the people of an organization, with their role and their password's hash."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.errors import EmailTakenError
from jeton.identity.names import parse_email
from jeton.ids import new_id

Role = Literal["developer", "billing", "admin", "auditor"]


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an organization."""

    member_id: str
    organization_id: UUID
    email: str
    password_hash: str
    role: Role
    created_at: datetime


async def create_member(
    connection: Connection,
    organization_id: UUID,
    *,
    email: str,
    password_hash: str,
    role: Role,
) -> Member:
    """Add a member; EmailTakenError if the e-mail is in use in any organization."""
    member = Member(
        member_id=new_id("user"),
        organization_id=organization_id,
        email=parse_email(email),
        password_hash=password_hash,
        role=role,
        created_at=clock.now(),
    )
    cursor = await connection.execute(
        "INSERT INTO members (member_id, organization_id, email, password_hash, role, created_at)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (email) DO NOTHING",
        (
            member.member_id,
            member.organization_id,
            member.email,
            member.password_hash,
            member.role,
            member.created_at,
        ),
    )
    if cursor.rowcount == 0:
        raise EmailTakenError(member.email)
    return member


async def find_member(connection: Connection, email: str) -> Member | None:
    """The member with this e-mail (in lower case), if there is one."""
    async with connection.cursor(row_factory=class_row(Member)) as cursor:
        await cursor.execute(
            "SELECT member_id, organization_id, email, password_hash, role, created_at"
            " FROM members WHERE email = %s",
            (email,),
        )
        return await cursor.fetchone()
