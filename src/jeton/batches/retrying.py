"""Retrying: the requests of a batch that failed are kept until its results go, and make a new batch once.

Kept are those that expired, or that an upstream failed; not those that were refused for what they ask, which
would be refused again. What succeeded is forgotten at the end of its batch.
"""

import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from jeton.batches.errors import NothingToRetryError, RetriedError, RetryRefusedError, UnknownBatchError
from jeton.batches.items import BatchHead, StoredItem, decode_chunk, encode_chunk, new_batch_id
from jeton.db.pool import Connection, Pool
from jeton.errors import JetonError
from jeton.identity.audit import Actor
from jeton.identity.audit.entries import record_audit

# A process that died between noting a retry and making it keeps nobody from trying again for longer.
NOTED = timedelta(minutes=10)
# They would be refused again, whenever they are asked.
REFUSED_TYPES = frozenset({"invalid_request_error", "not_found_error", "request_too_large"})

_FAILED_CHUNKS = """
    SELECT c.chunk_no, c.requests,
        ARRAY(SELECT r.lines FROM batch_results AS r WHERE r.batch_id = c.batch_id AND r.chunk_no = c.chunk_no
              AND r.errored + r.expired > 0 AND r.lines IS NOT NULL ORDER BY r.part_no)
    FROM batch_chunks AS c
    WHERE c.batch_id = %(batch_id)s AND c.chunk_no > %(after_no)s AND c.requests IS NOT NULL
      AND EXISTS (SELECT FROM batch_results AS r WHERE r.batch_id = c.batch_id AND r.chunk_no = c.chunk_no
                  AND r.errored + r.expired > 0)
    ORDER BY c.chunk_no LIMIT 1
"""
_KEEP = """
    INSERT INTO batch_leftovers (batch_id, chunk_no, items, requests) VALUES (%s, %s, %s, %s)
    ON CONFLICT (batch_id, chunk_no) DO NOTHING
"""
_COUNT = """
    SELECT (SELECT coalesce(sum(items), 0) FROM batch_leftovers WHERE batch_id = %(batch_id)s)::bigint,
           (SELECT t.retry_id FROM batch_retries AS t WHERE t.batch_id = %(batch_id)s
            AND (t.noted_at > %(since_at)s OR EXISTS (
                SELECT FROM batches AS b WHERE b.batch_id = t.retry_id AND b.state <> 'uploading')))
"""
_NOTE = """
    INSERT INTO batch_retries AS t (batch_id, retry_id, noted_by, noted_at)
    VALUES (%(batch_id)s, %(retry_id)s, %(by)s, %(at)s)
    ON CONFLICT (batch_id) DO UPDATE
        SET retry_id = excluded.retry_id, noted_by = excluded.noted_by, noted_at = excluded.noted_at
        WHERE t.noted_at <= %(since_at)s AND NOT EXISTS (
            SELECT FROM batches AS b WHERE b.batch_id = t.retry_id AND b.state <> 'uploading')
    RETURNING retry_id
"""
_FORGET = "DELETE FROM batch_retries WHERE batch_id = %s AND retry_id = %s"
_HEAD = """
    SELECT b.organization_id, b.workspace_id, b.key_id, b.api_version, b.beta, b.tag, k.models,
        k.revoked_at IS NULL AND k.paused_at IS NULL AND coalesce(k.expires_at > %(at)s, true)
        AND w.archived_at IS NULL AND o.suspended_at IS NULL AND o.arrears <> 'stopped'
    FROM batches AS b JOIN organizations AS o USING (organization_id)
    JOIN api_keys AS k USING (key_id) JOIN workspaces AS w ON w.workspace_id = b.workspace_id
    WHERE b.batch_id = %(batch_id)s
"""
_PAGE = """
    SELECT chunk_no, requests FROM batch_leftovers WHERE batch_id = %s AND chunk_no > %s
    ORDER BY chunk_no LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Leftover:
    """How many requests of a batch can be sent again, and the batch that did; None if none did."""

    items: int
    retry_id: str | None


class _Problem(msgspec.Struct):
    type: str = ""


class _Envelope(msgspec.Struct):
    error: _Problem


class _Result(msgspec.Struct):
    type: str
    error: _Envelope | None = None


class _Line(msgspec.Struct):
    custom_id: str
    result: _Result


_LINE = msgspec.json.Decoder(_Line)


async def keep_failed(connection: Connection, batch_id: str) -> None:
    """Keep what of a batch can be retried, a chunk at a time; before it is ended, as often as need be."""
    after_no = -1
    while True:
        parameters = {"batch_id": batch_id, "after_no": after_no}
        row = await (await connection.execute(_FAILED_CHUNKS, parameters)).fetchone()
        if row is None:
            return
        after_no, requests, parts = row
        wanted = find_retryable(parts)
        items = [item for item in decode_chunk(requests) if item.custom_id in wanted]
        if items:
            await connection.execute(_KEEP, (batch_id, after_no, len(items), encode_chunk(items)))


def find_retryable(parts: list[bytes]) -> set[str]:
    """The custom_ids in compressed lines of results that may succeed another time."""
    found = set()
    for part in parts:
        for text in zlib.decompress(part).splitlines():
            line = _LINE.decode(text)
            kind = line.result.error.error.type if line.result.error else ""
            if line.result.type == "expired" or (line.result.type == "errored" and kind not in REFUSED_TYPES):
                found.add(line.custom_id)
    return found


async def get_leftover(connection: Connection, batch_id: str, *, at: datetime) -> Leftover:
    """What of a batch can be retried, and whether it was."""
    parameters = {"batch_id": batch_id, "since_at": at - NOTED}
    row = await (await connection.execute(_COUNT, parameters)).fetchone()
    return Leftover(*(row or (0, None)))


async def note_retry(connection: Connection, batch_id: str, *, by: Actor, at: datetime) -> BatchHead:
    """Note and audit that a batch is retried, once; the head of the batch that does, to be made now.

    Raises UnknownBatchError, NothingToRetryError, RetriedError if it was retried already, and
    RetryRefusedError where its key, workspace or organization may not send requests any more.
    """
    async with connection.transaction():
        found = await (await connection.execute(_HEAD, {"batch_id": batch_id, "at": at})).fetchone()
        if found is None:
            raise UnknownBatchError(batch_id)
        if not found[-1]:
            raise RetryRefusedError(batch_id)
        leftover = await get_leftover(connection, batch_id, at=at)
        if leftover.retry_id:
            raise RetriedError(batch_id, leftover.retry_id)
        if not leftover.items:
            raise NothingToRetryError(batch_id)
        retry_id = new_batch_id()
        parameters = {
            "batch_id": batch_id,
            "retry_id": retry_id,
            "by": by.name,
            "at": at,
            "since_at": at - NOTED,
        }
        if await (await connection.execute(_NOTE, parameters)).fetchone() is None:
            raise RetriedError(batch_id, "")
        await record_audit(
            connection,
            by,
            "batches.retried",
            subject=batch_id,
            organization_id=found[0],
            details={"retry_id": retry_id},
        )
    organization_id, workspace_id, key_id, api_version, beta, tag, models, _ = found
    return BatchHead(
        batch_id=retry_id,
        organization_id=organization_id,
        workspace_id=workspace_id,
        key_id=key_id,
        api_version=api_version,
        beta=beta,
        tag=tag,
        models=None if models is None else frozenset(models),
    )


async def forget_retry(
    connection: Connection, batch_id: str, head: BatchHead, *, by: Actor, error: JetonError
) -> None:
    """Take the note back, and audit why: the batch of ``head`` could not be made."""
    async with connection.transaction():
        await connection.execute(_FORGET, (batch_id, head.batch_id))
        await record_audit(
            connection,
            by,
            "batches.retry_refused",
            subject=batch_id,
            organization_id=head.organization_id,
            details={"retry_id": head.batch_id, "error_code": error.code},
        )


async def read_retry(pool: Pool, batch_id: str) -> AsyncIterator[bytes]:
    """The body of the batch that retries, a chunk at a time."""
    after_no, separator = -1, b'{"requests":['
    while True:
        async with pool.connection() as connection:
            row = await (await connection.execute(_PAGE, (batch_id, after_no))).fetchone()
        if row is None:
            break
        after_no = row[0]
        for item in decode_chunk(row[1]):
            yield separator + _render(item)
            separator = b","
    yield b"]}"


def _render(item: StoredItem) -> bytes:
    return b'{"custom_id":"%s","params":%s}' % (item.custom_id.encode(), item.params)
