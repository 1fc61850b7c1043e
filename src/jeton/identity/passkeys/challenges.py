"""Challenges: what an authenticator signs; random, good once, for a short while, and in one browser."""

from dataclasses import dataclass
from datetime import timedelta
from secrets import token_bytes
from typing import Literal

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.credentials import digest_of
from jeton.identity.passkeys.terms import PasskeyError

CHALLENGE_LIFE = timedelta(minutes=5)
CHALLENGE_BYTES = 32
# Ended ones go whenever a new one is made, so many at most.
SWEPT_MAX = 100

Purpose = Literal["add", "sign_in"]

_SWEEP = """
    DELETE FROM passkey_challenges WHERE digest IN (
        SELECT digest FROM passkey_challenges WHERE expires_at <= %s LIMIT %s FOR UPDATE SKIP LOCKED)
"""
_USE = """
    DELETE FROM passkey_challenges
    WHERE digest = %s AND purpose = %s AND browser = %s AND expires_at > %s RETURNING email, user_handle
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a new passkey is for; ``handle`` is what authenticators know the person by, and says nothing."""

    email: str
    handle: bytes


async def create_challenge(
    connection: Connection, purpose: Purpose, *, browser: str, person: Person | None = None
) -> bytes:
    """A new challenge for the browser with this secret in its cookie, good for CHALLENGE_LIFE."""
    at, challenge = clock.now(), token_bytes(CHALLENGE_BYTES)
    await connection.execute(_SWEEP, (at, SWEPT_MAX))
    await connection.execute(
        "INSERT INTO passkey_challenges (digest, purpose, browser, email, user_handle, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (
            digest_of(challenge.hex()),
            purpose,
            digest_of(browser),
            None if person is None else person.email,
            None if person is None else person.handle,
            at + CHALLENGE_LIFE,
        ),
    )
    return challenge


async def use_challenge(
    connection: Connection, challenge: bytes, purpose: Purpose, *, browser: str
) -> Person | None:
    """Use a challenge up, and say whom it was for; PasskeyError unless it was made for this, here and lately.

    Of two at once one succeeds.
    """
    cursor = await connection.execute(
        _USE, (digest_of(challenge.hex()), purpose, digest_of(browser), clock.now())
    )
    row = await cursor.fetchone()
    if row is None:
        raise PasskeyError
    return None if row[0] is None else Person(str(row[0]), bytes(row[1]))
