"""Storing: an upload's rows: the batch while it is received, its chunks, and their removal."""

from datetime import datetime, timedelta
from uuid import UUID

from jeton.batches.items import BatchHead
from jeton.db.pool import Connection

# Counted from the creation of the batch, and what it is held for beyond that.
VALIDITY = timedelta(hours=24)
HOLD_GRACE = timedelta(hours=1)

_INSERT_BATCH = """
    INSERT INTO batches (batch_id, organization_id, workspace_id, key_id, api_version, beta, tag, state,
                         created_at, expires_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, 'uploading', %s, %s)
"""
_INSERT_CHUNK = """
    INSERT INTO batch_chunks (batch_id, chunk_no, first_item, items, left_items, requests)
    VALUES (%s, %s, %s, %s, %s, %s)
"""
_FORGET = (
    "DELETE FROM batch_chunks WHERE batch_id = ANY(%s)",
    "DELETE FROM batches WHERE batch_id = ANY(%s) AND state = 'uploading'",
)
_WAITING = """
    SELECT coalesce(sum(c.left_items), 0) FROM batches AS b JOIN batch_chunks AS c USING (batch_id)
    WHERE b.organization_id = %s AND b.state IN ('in_progress', 'canceling') AND c.finished_at IS NULL
"""
_BUDGETED = """
    SELECT scope_id FROM budgets
    WHERE organization_id = %s AND ended_at IS NULL AND scope = 'end_user' AND is_hard
"""
_STALE = "SELECT batch_id FROM batches WHERE state = 'uploading' AND created_at < %s LIMIT %s FOR UPDATE"


async def insert_batch(connection: Connection, head: BatchHead, at: datetime) -> None:
    """Note a batch that is being received; nobody sees it yet."""
    row = (head.batch_id, head.organization_id, head.workspace_id, head.key_id, head.api_version, head.beta)
    await connection.execute(_INSERT_BATCH, (*row, head.tag, at, at + VALIDITY))


async def count_waiting(connection: Connection, organization_id: UUID) -> int:
    """How many requests of an organization's batches have no result yet."""
    row = await (await connection.execute(_WAITING, (organization_id,))).fetchone()
    return int(row[0]) if row else 0


async def list_budgeted(connection: Connection, organization_id: UUID) -> frozenset[str]:
    """The end users that have a hard budget; an organization has a bounded number of budgets."""
    rows = await (await connection.execute(_BUDGETED, (organization_id,))).fetchall()
    return frozenset(str(row[0]) for row in rows)


async def insert_chunk(
    connection: Connection, batch_id: str, chunk_no: int, *, first_item: int, items: int, requests: bytes
) -> None:
    """Keep some requests of it."""
    await connection.execute(_INSERT_CHUNK, (batch_id, chunk_no, first_item, items, items, requests))


async def forget_upload(connection: Connection, batch_id: str) -> None:
    """Remove a batch that came to nothing."""
    await _forget(connection, [batch_id])


async def forget_stale_uploads(connection: Connection, before: datetime, *, limit: int) -> int:
    """Remove batches whose upload ended without a word; return how many."""
    rows = await (await connection.execute(_STALE, (before, limit))).fetchall()
    if rows:
        await _forget(connection, [row[0] for row in rows])
    return len(rows)


async def _forget(connection: Connection, batch_ids: list[str]) -> None:
    for statement in _FORGET:
        await connection.execute(statement, (batch_ids,))
