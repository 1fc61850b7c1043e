"""Owning: whose an API key is, from when on, and what a key did while it was somebody's.

A hold is its owner's of the instant at which it was taken, for ever. So when a key changes hands, what it did
before stays with the former owner, and what it does from then on is the new one's.
"""

from datetime import datetime, timedelta
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.errors import InvalidInputError
from jeton.identity.audit import Actor
from jeton.identity.keys import Key, get_key, lock_book, record_key_audit
from jeton.identity.members import get_member

_LOCK = "SELECT FROM api_keys WHERE organization_id = %s AND key_id = %s FOR UPDATE"
_FIND = "SELECT member_id, owned_from FROM member_keys WHERE key_id = %s AND owned_until IS NULL"
# The clock of a node may be ahead of ours: what it held already stays with whom it was counted to.
_NEWEST = """
    SELECT greatest(
        (SELECT max(taken_at) FROM holds WHERE organization_id = %(organization_id)s AND key_id = %(key_id)s),
        (SELECT max(held_at) FROM charges
         WHERE organization_id = %(organization_id)s AND key_id = %(key_id)s AND held_at >= %(at)s))
"""
_CLOSE = "UPDATE member_keys SET owned_until = %s WHERE key_id = %s AND owned_until IS NULL"
_OPEN = "INSERT INTO member_keys VALUES (%s, %s, NULL, %s, %s)"


class KeyMemberError(InvalidInputError):
    """A key that cannot be given to somebody; the sentence says why."""

    code = "invalid_key_member"


async def find_owner(connection: Connection, key_id: str) -> str:
    """The id of the member whose the key is, who may be a member no more; "" for a key of nobody."""
    row = await (await connection.execute(_FIND, (key_id,))).fetchone()
    return str(row[0]) if row else ""


async def give_key(
    connection: Connection, organization_id: UUID, key_id: str, *, member_id: str, by: Actor
) -> Key:
    """Make an API key a member's from now on; "" for nobody's. Its secret and what it may do stay.

    Raises UnknownKeyIdError, UnknownMemberError and, for an admin key, KeyMemberError.
    """
    async with connection.transaction():
        if key_id.isprintable():
            await connection.execute(_LOCK, (organization_id, key_id))
        key = await get_key(connection, organization_id, key_id)
        if key.kind == "admin":
            raise KeyMemberError(f"{key_id} is an admin key, which is the organization's and no member's.")
        row = await (await connection.execute(_FIND, (key_id,))).fetchone()
        before = str(row[0]) if row else ""
        if before == member_id:
            return key
        if member_id:
            member_id = (await get_member(connection, organization_id, member_id)).member_id
        # Under the lock of the book nothing is held meanwhile, and whoever remembers the book reads it again.
        await lock_book(connection, organization_id)
        at = await _find_instant(connection, key)
        if row is not None:
            at = max(at, row[1] + datetime.resolution)
            await connection.execute(_CLOSE, (at, key_id))
        if member_id:
            await connection.execute(_OPEN, (key_id, at, organization_id, member_id))
        await record_key_audit(connection, by, "key.given", key, **{"from": before, "to": member_id})
        return await get_key(connection, organization_id, key_id)


async def _find_instant(connection: Connection, key: Key) -> datetime:
    at = clock.now()
    parameters = {"organization_id": key.organization_id, "key_id": key.key_id, "at": at}
    row = await (await connection.execute(_NEWEST, parameters)).fetchone()
    newest: datetime | None = row[0] if row else None
    return at if newest is None or newest < at else newest + timedelta(microseconds=1)
