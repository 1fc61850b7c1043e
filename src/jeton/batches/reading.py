"""Reading: batches as they stand: one, a page of them, what one came to, and its results."""

import zlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from jeton.batches.errors import BatchNotEndedError, ResultsGoneError, UnknownBatchError
from jeton.db.pool import Connection, Pool

PAGE_DEFAULT = 20
PAGE_MAX = 1000

COLUMNS = """
    batch_id, organization_id, workspace_id, state, items, succeeded, errored, canceled, expired, created_at,
    expires_at, cancel_initiated_at, ended_at, archived_at, held_nano, list_nano, saved_batch_nano,
    saved_cache_nano, saved_other_nano, net_nano
"""
_VISIBLE = "workspace_id = %(workspace_id)s AND state <> 'uploading' AND deleted_at IS NULL"
_GET = f"SELECT {COLUMNS} FROM batches WHERE batch_id = %(batch_id)s AND {_VISIBLE}"  # noqa: S608 - our own text
_OLDER = f"""
    SELECT {COLUMNS} FROM batches WHERE {_VISIBLE} AND (%(cursor)s::text IS NULL OR batch_id < %(cursor)s)
    ORDER BY batch_id DESC LIMIT %(limit)s
"""  # noqa: S608 - our own text
_NEWER = f"""
    SELECT {COLUMNS} FROM batches WHERE {_VISIBLE} AND batch_id > %(cursor)s
    ORDER BY batch_id LIMIT %(limit)s
"""  # noqa: S608 - our own text
_SO_FAR = """
    SELECT coalesce(sum(items), 0)::bigint AS done, coalesce(sum(list_nano), 0)::bigint AS list_nano,
        coalesce(sum(saved_batch_nano), 0)::bigint AS saved_batch_nano,
        coalesce(sum(saved_cache_nano), 0)::bigint AS saved_cache_nano,
        coalesce(sum(saved_other_nano), 0)::bigint AS saved_other_nano,
        coalesce(sum(net_nano), 0)::bigint AS net_nano
    FROM batch_results WHERE batch_id = %s
"""
_PARTS = """
    SELECT chunk_no, part_no, lines FROM batch_results
    WHERE batch_id = %s AND (chunk_no, part_no) > (%s, %s) ORDER BY chunk_no, part_no LIMIT %s
"""
# Some hundred kilobytes at a time.
_PARTS_A_FETCH = 8


class Standing(msgspec.Struct, frozen=True):
    """A batch as it stands; amounts in nano, final once it has ended."""

    batch_id: str
    organization_id: UUID
    workspace_id: str
    state: Literal["in_progress", "canceling", "ended"]
    items: int
    succeeded: int
    errored: int
    canceled: int
    expired: int
    created_at: datetime
    expires_at: datetime
    cancel_initiated_at: datetime | None
    ended_at: datetime | None
    archived_at: datetime | None
    held_nano: int
    list_nano: int
    saved_batch_nano: int
    saved_cache_nano: int
    saved_other_nano: int
    net_nano: int

    @property
    def processing(self) -> int:
        """How many count as under way: all of them until the end, then none."""
        return 0 if self.state == "ended" else self.items


class Sums(msgspec.Struct, frozen=True):
    """What ``done`` items have come to (nano): list amount less what was saved is the net amount."""

    done: int = 0
    list_nano: int = 0
    saved_batch_nano: int = 0
    saved_cache_nano: int = 0
    saved_other_nano: int = 0
    net_nano: int = 0


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch is held for (nano), and what it has come to so far."""

    batch_id: str
    state: str
    items: int
    held_nano: int
    sums: Sums


class Page(msgspec.Struct, frozen=True):
    """Some batches, newest first, and whether there are more in the direction that was asked for."""

    batches: list[Standing]
    has_more: bool


async def get_batch(connection: Connection, workspace_id: str, batch_id: str) -> Standing:
    """A batch of a workspace; UnknownBatchError."""
    async with connection.cursor(row_factory=class_row(Standing)) as cursor:
        await cursor.execute(_GET, {"workspace_id": workspace_id, "batch_id": batch_id})
        found = await cursor.fetchone()
    if found is None:
        raise UnknownBatchError(batch_id)
    return found


async def list_batches(
    connection: Connection,
    workspace_id: str,
    *,
    limit: int = PAGE_DEFAULT,
    after_id: str | None = None,
    before_id: str | None = None,
) -> Page:
    """Batches older than ``after_id``, or those just newer than ``before_id``; newest first."""
    query = _OLDER if before_id is None else _NEWER
    cursor_id = after_id if before_id is None else before_id
    parameters = {"workspace_id": workspace_id, "cursor": cursor_id, "limit": limit + 1}
    async with connection.cursor(row_factory=class_row(Standing)) as cursor:
        await cursor.execute(query, parameters)
        found = await cursor.fetchall()
    shown = found[:limit]
    if before_id is not None:
        shown.reverse()
    return Page(shown, len(found) > limit)


async def get_amounts(connection: Connection, workspace_id: str, batch_id: str) -> Amounts:
    """What a batch has come to so far; UnknownBatchError."""
    batch = await get_batch(connection, workspace_id, batch_id)
    if batch.state == "ended":
        sums = Sums(
            batch.items,
            batch.list_nano,
            batch.saved_batch_nano,
            batch.saved_cache_nano,
            batch.saved_other_nano,
            batch.net_nano,
        )
    else:
        async with connection.cursor(row_factory=class_row(Sums)) as cursor:
            found = await (await cursor.execute(_SO_FAR, (batch_id,))).fetchone()
        sums = found or Sums()
    return Amounts(
        batch_id=batch_id, state=batch.state, items=batch.items, held_nano=batch.held_nano, sums=sums
    )


async def require_results(connection: Connection, workspace_id: str, batch_id: str) -> Standing:
    """A batch whose results may be read; UnknownBatchError, BatchNotEndedError or ResultsGoneError."""
    batch = await get_batch(connection, workspace_id, batch_id)
    if batch.state != "ended":
        raise BatchNotEndedError(batch_id, "its results")
    if batch.archived_at is not None:
        raise ResultsGoneError(batch_id, batch.archived_at)
    return batch


async def read_results(pool: Pool, batch_id: str) -> AsyncIterator[bytes]:
    """Every line of the results, some hundred at a time; nothing is held in between."""
    place = (-1, -1)
    while True:
        async with pool.connection() as connection:
            rows = await (await connection.execute(_PARTS, (batch_id, *place, _PARTS_A_FETCH))).fetchall()
        for chunk_no, part_no, lines in rows:
            place = (chunk_no, part_no)
            if lines is not None:
                yield zlib.decompress(lines)
        if len(rows) < _PARTS_A_FETCH:
            return
