"""Drafts: a batch that waits for its quote to be confirmed: what it asks is kept, and nothing is held for it.

A draft is an upload that was not begun, so nobody sees it as a batch, and it goes with the uploads that broke
off (``keeping.UPLOAD_MAX``). The batch that it becomes has its id but for the last digits: sent twice, it is
one batch.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

from jeton.batches.errors import SenderRefusedError, UnknownBatchError
from jeton.batches.items import (
    INDEX_DIGITS,
    BatchHead,
    StoredItem,
    decode_chunk,
    encode_chunk,
    new_batch_id,
    parse_element,
)
from jeton.batches.uploading.storing import forget_upload, insert_batch, insert_chunk
from jeton.db.pool import Connection, Pool

# The oldest of an organization's makes room for one more.
DRAFTS_MAX = 10
CHUNK_ITEMS_MAX = 256
_MARK = "f" * INDEX_DIGITS

_SENDER = """
    SELECT k.workspace_id, k.models FROM api_keys AS k
    JOIN workspaces AS w USING (workspace_id) JOIN organizations AS o ON o.organization_id = k.organization_id
    WHERE k.organization_id = %(organization_id)s AND k.key_id = %(key_id)s AND k.kind = 'api'
      AND k.revoked_at IS NULL AND k.paused_at IS NULL AND coalesce(k.expires_at > %(at)s, true)
      AND k.networks IS NULL AND w.archived_at IS NULL AND o.suspended_at IS NULL AND o.arrears <> 'stopped'
"""
_OLDEST = """
    SELECT batch_id FROM batches WHERE organization_id = %s AND state = 'uploading' AND batch_id LIKE %s
    ORDER BY batch_id DESC OFFSET %s
"""
_FIND = """
    SELECT key_id, api_version FROM batches
    WHERE batch_id = %s AND organization_id = %s AND state = 'uploading'
"""
_CHUNK = """
    SELECT chunk_no, requests FROM batch_chunks WHERE batch_id = %s AND chunk_no > %s
    ORDER BY chunk_no LIMIT 1
"""


async def find_sender(connection: Connection, head: BatchHead, *, at: datetime) -> BatchHead:
    """The head with the workspace and the models of its key; SenderRefusedError unless that may send now."""
    parameters = {"organization_id": head.organization_id, "key_id": head.key_id, "at": at}
    row = await (await connection.execute(_SENDER, parameters)).fetchone()
    if row is None:
        raise SenderRefusedError(head.key_id)
    workspace_id, models = row
    return BatchHead(
        head.batch_id,
        head.organization_id,
        workspace_id,
        head.key_id,
        head.api_version,
        head.beta,
        models=None if models is None else frozenset(models),
    )


async def keep_draft(connection: Connection, head: BatchHead, elements: Sequence[bytes], at: datetime) -> str:
    """Keep requests that were quoted, for the key of ``head``; the draft's id. They were read before."""
    draft_id = new_batch_id()[:-INDEX_DIGITS] + _MARK
    items = await asyncio.to_thread(_read_items, elements)
    async with connection.transaction():
        cursor = await connection.execute(_OLDEST, (head.organization_id, f"%{_MARK}", DRAFTS_MAX - 1))
        for (oldest_id,) in await cursor.fetchall():
            await forget_upload(connection, oldest_id)
        draft = BatchHead(
            draft_id, head.organization_id, head.workspace_id, head.key_id, head.api_version, head.beta
        )
        await insert_batch(connection, draft, at)
        for chunk_no, first in enumerate(range(0, len(items), CHUNK_ITEMS_MAX)):
            part = items[first : first + CHUNK_ITEMS_MAX]
            stored = await asyncio.to_thread(encode_chunk, part)
            await insert_chunk(
                connection, draft_id, chunk_no, first_item=first, items=len(part), requests=stored
            )
    return draft_id


async def get_draft(
    connection: Connection, organization_id: UUID, draft_id: str, *, at: datetime
) -> BatchHead:
    """The head of the batch that a draft becomes; UnknownBatchError, and what ``find_sender`` raises."""
    row = await _find(connection, organization_id, draft_id)
    if row is None:
        raise UnknownBatchError(ascii(draft_id))
    key_id, api_version = row
    return await find_sender(
        connection, BatchHead(find_batch_id(draft_id), organization_id, "", key_id, api_version, ""), at=at
    )


async def forget_draft(connection: Connection, organization_id: UUID, draft_id: str) -> None:
    """Remove a draft of an organization; UnknownBatchError for what is none of its drafts."""
    if await _find(connection, organization_id, draft_id) is None:
        raise UnknownBatchError(ascii(draft_id))
    await forget_upload(connection, draft_id)


def find_batch_id(draft_id: str) -> str:
    """The id of the batch that a draft becomes."""
    return draft_id[:-INDEX_DIGITS] + "0" * INDEX_DIGITS


async def read_draft(pool: Pool, draft_id: str) -> AsyncIterator[list[StoredItem]]:
    """The requests of a draft in their order, a chunk at a time."""
    after_no = -1
    while True:
        async with pool.connection() as connection:
            row = await (await connection.execute(_CHUNK, (draft_id, after_no))).fetchone()
        if row is None:
            return
        after_no = row[0]
        yield await asyncio.to_thread(decode_chunk, row[1])


async def _find(connection: Connection, organization_id: UUID, draft_id: str) -> tuple[str, str] | None:
    """The key and the API version of a draft."""
    if not (draft_id.isprintable() and draft_id.endswith(_MARK)):
        return None
    row = await (await connection.execute(_FIND, (draft_id, organization_id))).fetchone()
    return None if row is None else (row[0], row[1])


def _read_items(elements: Sequence[bytes]) -> list[StoredItem]:
    read = [parse_element(element, index) for index, element in enumerate(elements)]
    return [StoredItem(item.custom_id, bytes(item.params)) for item in read]
