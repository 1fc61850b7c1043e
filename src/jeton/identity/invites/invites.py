"""Invites: asked by a member or a key, mailed, accepted once, with an end.

A link that was opened shows that its e-mail is read by whoever opened it. So it is mailed; where there is
no mail only the operator is shown it, who could do anything here anyway. An organization that invites
somebody again replaces the link, never adds one.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.errors import ConflictError
from jeton.identity.audit import Actor, record_audit
from jeton.identity.credentials import SECRET_CHARS_MAX, digest_of, new_session_secret
from jeton.identity.errors import EmailTakenError, SignInLinkError, UnknownInviteError
from jeton.identity.members import Member, Role, create_member, record_joining
from jeton.identity.names import parse_email
from jeton.identity.scim.authority import DirectoryDecidesError, check_invitable
from jeton.ids import new_id

# As long as an invite of the Claude API.
INVITE_LIFE = timedelta(days=21)
OPEN_INVITES_MAX = 500
INVITES_LISTED_MAX = 1000

_COLUMNS = (
    "i.invite_id, i.organization_id, o.name AS organization_name, i.email, i.role, i.invited_by,"
    " i.invited_at, i.expires_at, i.accepted_at, i.deleted_at"
)
_READ = f"SELECT {_COLUMNS} FROM invites AS i JOIN organizations AS o USING (organization_id)"  # noqa: S608 - the columns above
_OPEN = "accepted_at IS NULL AND deleted_at IS NULL"

InviteStatus = Literal["pending", "accepted", "expired", "deleted"]


class TooManyInvitesError(ConflictError):
    """More open invites than one organization may have."""

    code = "too_many_invites"

    def __init__(self) -> None:
        """Name the limit and what helps."""
        super().__init__(f"{OPEN_INVITES_MAX} invites are open already; delete some first.")


@dataclass(frozen=True, slots=True)
class Invite:
    """A question to somebody, and what became of it; ``invited_by`` is an e-mail or a key's id."""

    invite_id: str
    organization_id: UUID
    organization_name: str
    email: str
    role: Role
    invited_by: str
    invited_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    deleted_at: datetime | None

    def status_at(self, at: datetime) -> InviteStatus:
        """What the invite is at an instant."""
        if self.accepted_at is not None:
            return "accepted"
        if self.deleted_at is not None:
            return "deleted"
        return "expired" if self.expires_at <= at else "pending"


async def create_invite(
    connection: Connection, organization_id: UUID, *, email: str, role: Role, by: Actor
) -> tuple[Invite, str]:
    """Invite an e-mail, or again with a new link; return it with the link's secret, which nobody keeps.

    Raises InvalidEmailError, EmailTakenError for a member, DirectoryDecidesError and TooManyInvitesError.
    """
    address, at, secret = parse_email(email), clock.now(), new_session_secret()
    await check_invitable(connection, organization_id, address)
    await _check_wanted(connection, organization_id, address)
    cursor = await connection.execute(
        "INSERT INTO invites AS i (invite_id, organization_id, email, role, digest, invited_by, invited_at,"
        " expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (organization_id, email) WHERE accepted_at IS NULL AND deleted_at IS NULL DO UPDATE SET"
        " role = excluded.role, digest = excluded.digest, invited_by = excluded.invited_by,"
        " invited_at = excluded.invited_at, expires_at = excluded.expires_at RETURNING i.invite_id",
        (new_id("invite"), organization_id, address, role, digest_of(secret), by.name, at, at + INVITE_LIFE),
    )
    row = await cursor.fetchone()
    invite = await get_invite(connection, organization_id, str(row[0]) if row else "")
    await _record(connection, by, "invite.created", invite)
    return invite, secret


async def get_invite(connection: Connection, organization_id: UUID, invite_id: str) -> Invite:
    """The invite, if it is of this organization; else UnknownInviteError."""
    if not invite_id.isprintable():
        raise UnknownInviteError(ascii(invite_id))
    async with connection.cursor(row_factory=class_row(Invite)) as cursor:
        await cursor.execute(
            f"{_READ} WHERE i.organization_id = %s AND i.invite_id = %s", (organization_id, invite_id)
        )
        invite = await cursor.fetchone()
    if invite is None:
        raise UnknownInviteError(invite_id)
    return invite


async def list_invites(
    connection: Connection,
    organization_id: UUID,
    *,
    is_open: bool = False,
    after_id: str = "",
    limit: int = INVITES_LISTED_MAX,
) -> list[Invite]:
    """An organization's invites, oldest first, from ``after_id`` on; with ``is_open`` the unanswered ones."""
    async with connection.cursor(row_factory=class_row(Invite)) as cursor:
        await cursor.execute(
            f"{_READ} WHERE i.organization_id = %(id)s AND i.invite_id > %(after_id)s"
            f" AND (NOT %(is_open)s OR {_OPEN}) ORDER BY i.invite_id LIMIT %(limit)s",
            {
                "id": organization_id,
                "after_id": after_id,
                "is_open": is_open,
                "limit": min(limit, INVITES_LISTED_MAX),
            },
        )
        return await cursor.fetchall()


async def delete_invite(
    connection: Connection, organization_id: UUID, invite_id: str, *, by: Actor
) -> Invite:
    """Take an open invite back: its link is worth nothing from now on; else UnknownInviteError."""
    invite = await get_invite(connection, organization_id, invite_id)
    cursor = await connection.execute(
        f"UPDATE invites SET deleted_at = %s WHERE invite_id = %s AND {_OPEN}",  # noqa: S608 - the condition above
        (clock.now(), invite_id),
    )
    if cursor.rowcount == 0:
        raise UnknownInviteError(invite_id)
    await _record(connection, by, "invite.deleted", invite)
    return await get_invite(connection, organization_id, invite_id)


async def find_invite(connection: Connection, secret: str, *, at: datetime) -> Invite | None:
    """The invite of a link; None if it is unknown, answered, taken back or over at ``at``."""
    if not secret or len(secret) > SECRET_CHARS_MAX:
        return None
    async with connection.cursor(row_factory=class_row(Invite)) as cursor:
        await cursor.execute(
            f"{_READ} WHERE i.digest = %s AND {_OPEN} AND i.expires_at > %s", (digest_of(secret), at)
        )
        return await cursor.fetchone()


async def accept_invite(connection: Connection, secret: str, *, password_hash: str | None) -> Member:
    """Become a member by a link, which is used up; SignInLinkError for a link that is not good any more.

    DirectoryDecidesError for whom the directory deactivated. The link has shown whose e-mail it is, so
    ``password_hash`` is their first password, if any.
    """
    at = clock.now()
    invite = await find_invite(connection, secret, at=at)
    if invite is not None:
        await check_invitable(connection, invite.organization_id, invite.email)
    if invite is None or not await _close(connection, invite.invite_id, at):
        raise SignInLinkError
    return await _join(connection, invite, password_hash=password_hash, how="invite")


async def accept_invites_of(connection: Connection, email: str, *, how: str) -> list[Member]:
    """Accept every open invite of an e-mail that a provider has vouched for; the new members.

    Those of organizations whose directory deactivated them stay open.
    """
    at = clock.now()
    async with connection.cursor(row_factory=class_row(Invite)) as cursor:
        await cursor.execute(
            f"{_READ} WHERE i.email = %s AND {_OPEN} AND i.expires_at > %s ORDER BY i.invite_id", (email, at)
        )
        invites = await cursor.fetchall()
    members = []
    for invite in invites:
        with suppress(DirectoryDecidesError):
            await check_invitable(connection, invite.organization_id, invite.email)
            if await _close(connection, invite.invite_id, at):
                members.append(await _join(connection, invite, password_hash=None, how=how))
    return members


async def _close(connection: Connection, invite_id: str, at: datetime) -> bool:
    cursor = await connection.execute(
        f"UPDATE invites SET accepted_at = %s WHERE invite_id = %s AND {_OPEN}",  # noqa: S608 - the condition above
        (at, invite_id),
    )
    return cursor.rowcount == 1


async def _join(connection: Connection, invite: Invite, *, password_hash: str | None, how: str) -> Member:
    member = await create_member(
        connection,
        invite.organization_id,
        email=invite.email,
        role=invite.role,
        password_hash=password_hash,
    )
    await record_joining(connection, Actor("member", invite.email), member, how=how)
    return member


async def _check_wanted(connection: Connection, organization_id: UUID, email: str) -> None:
    cursor = await connection.execute(
        "SELECT EXISTS (SELECT FROM members WHERE organization_id = %(id)s AND email = %(email)s),"
        " (SELECT count(*) FROM invites WHERE organization_id = %(id)s AND email <> %(email)s"
        " AND accepted_at IS NULL AND deleted_at IS NULL)",
        {"id": organization_id, "email": email},
    )
    row = await cursor.fetchone()
    is_member, open_count = row or (False, 0)
    if is_member:
        raise EmailTakenError(email)
    if open_count >= OPEN_INVITES_MAX:
        raise TooManyInvitesError


async def _record(connection: Connection, by: Actor, action: str, invite: Invite) -> None:
    await record_audit(
        connection,
        by,
        action,
        subject=invite.invite_id,
        organization_id=invite.organization_id,
        details={"email": invite.email, "role": invite.role},
    )
