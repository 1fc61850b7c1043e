"""Authority: a directory's word goes before every other way in: before invites, and before a provider's word.

A directory is connected as long as a token of it is good. Whom it deactivated no invite lets in, and nobody
joins by a provider's word alone. Once every token is revoked an admin decides again, by a new invite.
"""

from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.errors import ConflictError
from jeton.identity.audit import Actor, record_audit

# The lock under which an organization's directory changes: that of the number of its admins.
_LOCK = "SELECT FROM organizations WHERE organization_id = %s FOR NO KEY UPDATE"
_DEACTIVATED = """
    SELECT FROM scim_users AS u WHERE organization_id = %s AND email = %s AND NOT EXISTS
        (SELECT FROM members AS m WHERE m.organization_id = u.organization_id AND m.email = u.email)
"""
_TAKE_BACK = """
    UPDATE invites SET deleted_at = %s WHERE organization_id = %s AND email = %s
        AND accepted_at IS NULL AND deleted_at IS NULL RETURNING invite_id, role
"""


class DirectoryDecidesError(ConflictError):
    """An invite of somebody whom the organization's directory deactivated."""

    code = "scim_deactivated"

    def __init__(self, email: str) -> None:
        """Name the person and where this is decided."""
        super().__init__(
            f"{email} is deactivated in the directory of this organization, which decides who is a member."
            " Activate them there."
        )


async def lock_directory(connection: Connection, organization_id: UUID) -> None:
    """Be the only one who changes this directory until the transaction ends."""
    await connection.execute(_LOCK, (organization_id,))


async def is_connected(connection: Connection, organization_id: UUID) -> bool:
    """Whether a directory may call for this organization."""
    cursor = await connection.execute(
        "SELECT FROM scim_tokens WHERE organization_id = %s AND revoked_at IS NULL LIMIT 1",
        (organization_id,),
    )
    return await cursor.fetchone() is not None


async def is_deactivated(connection: Connection, organization_id: UUID, email: str) -> bool:
    """Whether the directory knows this e-mail (in lower case) as of somebody who is no member."""
    return await (await connection.execute(_DEACTIVATED, (organization_id, email))).fetchone() is not None


async def check_invitable(connection: Connection, organization_id: UUID, email: str) -> None:
    """Raise DirectoryDecidesError for whom a connected directory deactivated; it waits for the answer."""
    await lock_directory(connection, organization_id)
    if await is_connected(connection, organization_id) and await is_deactivated(
        connection, organization_id, email
    ):
        raise DirectoryDecidesError(email)


async def take_back_invites(connection: Connection, organization_id: UUID, email: str, *, by: Actor) -> None:
    """What somebody was asked is void: the directory says that they are no member."""
    cursor = await connection.execute(_TAKE_BACK, (clock.now(), organization_id, email))
    for invite_id, role in await cursor.fetchall():
        await record_audit(
            connection,
            by,
            "invite.deleted",
            subject=invite_id,
            organization_id=organization_id,
            details={"email": email, "role": role},
        )
