"""Requests: what was asked for under an idempotency key is done once, and something else is refused."""

from collections.abc import Mapping
from hashlib import sha256
from uuid import UUID

import msgspec

from jeton import clock
from jeton.charging.credits.errors import CreditRequestError, IdempotencyError
from jeton.db.pool import Connection

KEY_CHARS_MAX = 200

# Of two at once with one key, the second waits for the first one's transaction and finds its outcome.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_FIND = """
    SELECT digest, outcome FROM credit_requests WHERE organization_id = %s AND idempotency_key = %s
"""
_RECORD = """
    INSERT INTO credit_requests (organization_id, idempotency_key, digest, outcome, requested_at)
    VALUES (%s, %s, %s, %s, %s)
"""


def check_key(key: str) -> None:
    """Raise CreditRequestError for a key that cannot be one."""
    if len(key) > KEY_CHARS_MAX or not key.isprintable():
        raise CreditRequestError(f"An idempotency key has at most {KEY_CHARS_MAX} printable characters.")


class CreditRequest:
    """One request under its key ("" for none): looked up first, recorded with its outcome."""

    def __init__(self, organization_id: UUID, key: str, asked: Mapping[str, object]) -> None:
        """``asked`` is JSON-able and reads the same whenever the same is asked; CreditRequestError."""
        check_key(key)
        self._organization_id = organization_id
        self._key = key
        self._digest = sha256(msgspec.json.encode(asked, order="deterministic")).digest()

    async def find_outcome(self, connection: Connection) -> str | None:
        """The outcome of the first time; None if this is it. IdempotencyError if it was another request.

        Until the caller's transaction ends, the same key waits.
        """
        if not self._key:
            return None
        await connection.execute(_LOCK, (f"credit request {self._organization_id} {self._key}",))
        cursor = await connection.execute(_FIND, (self._organization_id, self._key))
        row = await cursor.fetchone()
        if row is None:
            return None
        if bytes(row[0]) != self._digest:
            raise IdempotencyError(self._key)
        return str(row[1])

    async def record_outcome(self, connection: Connection, outcome: str) -> None:
        """Remember what came of it, for ever."""
        if self._key:
            values = (self._organization_id, self._key, self._digest, outcome, clock.now())
            await connection.execute(_RECORD, values)
