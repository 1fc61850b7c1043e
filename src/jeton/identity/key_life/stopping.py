"""Stopping: a key that leaked ends at once, with what it has in flight on every node."""

from jeton.db.pool import Connection

# Where changes of keys are announced, by the digest of each; and, with this before its id, that a key stops.
CHANNEL = "jeton_keys"
STOP = "stop:"


async def announce_stop(connection: Connection, key_id: str) -> None:
    """Tell every node to end the key's requests in flight, once this transaction is committed."""
    await connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, f"{STOP}{key_id}"))
