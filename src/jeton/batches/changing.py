"""Changing: what may be done to a batch that is there: cancel it, also with a key that leaked; delete it."""

from datetime import datetime
from uuid import UUID

from jeton.batches.errors import BatchNotEndedError, UnknownBatchError
from jeton.batches.reading import Standing, get_batch
from jeton.db.pool import Connection
from jeton.identity.audit import Actor
from jeton.identity.audit.entries import record_audit
from jeton.identity.key_life.stopping import announce_stop
from jeton.identity.keys import Key, get_key, record_key_audit, revoke_key

_CANCEL = """
    UPDATE batches SET state = 'canceling', cancel_initiated_at = %s
    WHERE batch_id = %s AND state = 'in_progress' RETURNING organization_id
"""
_CANCEL_OF_KEY = """
    UPDATE batches SET state = 'canceling', cancel_initiated_at = %s
    WHERE organization_id = %s AND key_id = %s AND state = 'in_progress'
"""
_DELETE = """
    UPDATE batches SET deleted_at = %s WHERE batch_id = %s AND deleted_at IS NULL RETURNING organization_id
"""
_FORGET = (
    "DELETE FROM batch_leftovers WHERE batch_id = %s",
    "DELETE FROM batch_results WHERE batch_id = %s",
    "DELETE FROM batch_chunks WHERE batch_id = %s",
)
_ARCHIVE_DUE = """
    SELECT batch_id FROM batches WHERE archived_at IS NULL AND state = 'ended' AND created_at < %s
    ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
"""
_ARCHIVE = "UPDATE batches SET archived_at = %s WHERE batch_id = %s"


async def cancel_batch(
    connection: Connection, workspace_id: str, batch_id: str, *, by: Actor, at: datetime
) -> Standing:
    """Begin nothing more of it, audited; what runs is finished, what has ended stays. UnknownBatchError."""
    await get_batch(connection, workspace_id, batch_id)
    async with connection.transaction():
        row = await (await connection.execute(_CANCEL, (at, batch_id))).fetchone()
        if row is not None:
            await record_audit(connection, by, "batches.canceled", subject=batch_id, organization_id=row[0])
    return await get_batch(connection, workspace_id, batch_id)


async def end_leaked_key(
    connection: Connection, organization_id: UUID, key_id: str, *, by: Actor, at: datetime
) -> tuple[Key, int]:
    """Revoke a key that leaked and end what it has in flight; return it, and how many batches were canceled.

    Streams are cut on every node and charged as if their client had left; answers that are made as a whole
    come to their end; of batches nothing more is begun. A second time changes nothing. UnknownKeyIdError.
    """
    before = await get_key(connection, organization_id, key_id)
    key = await revoke_key(connection, organization_id, key_id)
    cursor = await connection.execute(_CANCEL_OF_KEY, (at, organization_id, key_id))
    await announce_stop(connection, key_id)
    if before.revoked_at is None or cursor.rowcount:
        await record_key_audit(connection, by, "key.leaked", key, batches_canceled=str(cursor.rowcount))
    return key, cursor.rowcount


async def delete_batch(
    connection: Connection, workspace_id: str, batch_id: str, *, by: Actor, at: datetime
) -> None:
    """Forget a batch and its results, audited; its charges stay. UnknownBatchError or BatchNotEndedError."""
    batch = await get_batch(connection, workspace_id, batch_id)
    if batch.state != "ended":
        raise BatchNotEndedError(batch_id, "its deletion")
    async with connection.transaction():
        row = await (await connection.execute(_DELETE, (at, batch_id))).fetchone()
        # Of two at once the second finds it deleted.
        if row is None:
            raise UnknownBatchError(batch_id)
        await _forget(connection, batch_id)
        await record_audit(connection, by, "batches.deleted", subject=batch_id, organization_id=row[0])


async def archive_results(connection: Connection, at: datetime, *, before: datetime, limit: int) -> int:
    """Forget the results of batches created before an instant; return how many batches that were."""
    rows = await (await connection.execute(_ARCHIVE_DUE, (before, limit))).fetchall()
    for (batch_id,) in rows:
        await connection.execute(_ARCHIVE, (at, batch_id))
        await _forget(connection, batch_id)
    return len(rows)


async def _forget(connection: Connection, batch_id: str) -> None:
    for statement in _FORGET:
        await connection.execute(statement, (batch_id,))
