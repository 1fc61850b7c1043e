"""Keeping: the passkeys of a person: listed, added, removed; each change is in the audit log."""

from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from webauthn.registration.verify_registration_response import VerifiedRegistration

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.identity.passkeys.challenges import Person
from jeton.identity.passkeys.terms import (
    PASSKEYS_MAX,
    Passkey,
    PasskeyError,
    TooManyPasskeysError,
    UnknownPasskeyError,
)
from jeton.ids import new_id

_COLUMNS = "passkey_id, email, name, is_synced, created_at, last_used_at"
_INSERT = """
    INSERT INTO passkeys (passkey_id, email, name, credential_id, public_key, user_handle, sign_count,
                          is_synced, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


class Credential(NamedTuple):
    """What an authenticator is told of a passkey that is there already."""

    credential_id: bytes
    handle: bytes


async def list_passkeys(connection: Connection, email: str) -> list[Passkey]:
    """A person's passkeys, oldest first."""
    async with connection.cursor(row_factory=class_row(Passkey)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM passkeys WHERE email = %s ORDER BY passkey_id LIMIT %s",  # noqa: S608 - the columns above
            (email, PASSKEYS_MAX),
        )
        return await cursor.fetchall()


async def list_credentials(connection: Connection, email: str) -> list[Credential]:
    """The credentials of a person who may have one more; TooManyPasskeysError for one who may not."""
    cursor = await connection.execute(
        "SELECT credential_id, user_handle FROM passkeys WHERE email = %s ORDER BY passkey_id", (email,)
    )
    credentials = [Credential(bytes(row[0]), bytes(row[1])) for row in await cursor.fetchall()]
    if len(credentials) >= PASSKEYS_MAX:
        raise TooManyPasskeysError
    return credentials


async def add_passkey(
    connection: Connection, person: Person, made: VerifiedRegistration, *, name: str, organization_id: UUID
) -> Passkey:
    """Keep a passkey that was verified; PasskeyError for a credential that is known, TooManyPasskeysError."""
    await list_credentials(connection, person.email)
    passkey = Passkey(
        new_id("passkey"), person.email, name, made.credential_backed_up, clock.now(), last_used_at=None
    )
    try:
        async with connection.transaction():
            await connection.execute(
                _INSERT,
                (
                    passkey.passkey_id,
                    person.email,
                    name,
                    made.credential_id,
                    made.credential_public_key,
                    person.handle,
                    made.sign_count,
                    passkey.is_synced,
                    passkey.created_at,
                ),
            )
    except (psycopg.errors.UniqueViolation, psycopg.errors.CheckViolation):
        raise PasskeyError from None
    await _record(connection, "passkey.added", passkey, organization_id)
    return passkey


async def remove_passkey(
    connection: Connection, email: str, passkey_id: str, *, organization_id: UUID
) -> Passkey:
    """Forget a person's passkey, which opens nothing from now on; UnknownPasskeyError."""
    removed = None
    if passkey_id.isprintable():
        async with connection.cursor(row_factory=class_row(Passkey)) as cursor:
            await cursor.execute(
                f"DELETE FROM passkeys WHERE email = %s AND passkey_id = %s RETURNING {_COLUMNS}",  # noqa: S608 - the columns above
                (email, passkey_id),
            )
            removed = await cursor.fetchone()
    if removed is None:
        raise UnknownPasskeyError(ascii(passkey_id).strip("'"))
    await _record(connection, "passkey.removed", removed, organization_id)
    return removed


async def _record(connection: Connection, action: str, passkey: Passkey, organization_id: UUID) -> None:
    await record_audit(
        connection,
        Actor("member", passkey.email),
        action,
        subject=passkey.passkey_id,
        organization_id=organization_id,
        details={"email": passkey.email, "name": passkey.name},
    )
