"""Overview: the batches of a whole organization: which there are, how they stand, and why items failed."""

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from jeton.batches.errors import UnknownBatchError
from jeton.batches.items import BATCH_PREFIX
from jeton.batches.reading import COLUMNS, Page, Standing
from jeton.db.pool import Connection
from jeton.insight.requests import make_first_id

PAGE_ROWS = 50
COUNTED = timedelta(days=30)
# Of a batch's results so many parts with errors are looked at, of up to some hundred items each.
PARTS_MAX = 40
SENTENCE_CHARS_MAX = 300

_VISIBLE = "organization_id = %(organization_id)s AND state <> 'uploading' AND deleted_at IS NULL"
_LIST = f"""
    SELECT {COLUMNS} FROM batches
    WHERE {_VISIBLE} AND (%(before_id)s::text IS NULL OR batch_id < %(before_id)s)
      AND (%(workspace_id)s::text IS NULL OR workspace_id = %(workspace_id)s)
      AND (%(state)s::text IS NULL OR state = %(state)s)
    ORDER BY batch_id DESC LIMIT %(limit)s
"""  # noqa: S608 - our own text
_GET = f"SELECT {COLUMNS} FROM batches WHERE batch_id = %(batch_id)s AND {_VISIBLE}"  # noqa: S608 - our own text
_COUNT = f"""
    SELECT count(*) FILTER (WHERE state = 'in_progress'), count(*) FILTER (WHERE state = 'canceling'),
        count(*) FILTER (WHERE state = 'ended'),
        coalesce(sum(items), 0)::bigint, coalesce(sum(succeeded), 0)::bigint,
        coalesce(sum(errored), 0)::bigint, coalesce(sum(canceled), 0)::bigint,
        coalesce(sum(expired), 0)::bigint, coalesce(sum(list_nano), 0)::bigint,
        coalesce(sum(saved_batch_nano), 0)::bigint, coalesce(sum(saved_cache_nano), 0)::bigint,
        coalesce(sum(saved_other_nano), 0)::bigint, coalesce(sum(net_nano), 0)::bigint
    FROM batches WHERE {_VISIBLE} AND batch_id >= %(since_id)s
"""  # noqa: S608 - our own text
_ERRORED = """
    SELECT errored, lines FROM batch_results
    WHERE batch_id = %s AND errored > 0 AND lines IS NOT NULL ORDER BY chunk_no, part_no LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class BatchTotals:
    """Batches made since ``since``, by state, and the items and amounts (nano) of those that have ended."""

    since: datetime
    in_progress: int
    canceling: int
    ended: int
    items: int
    succeeded: int
    errored: int
    canceled: int
    expired: int
    list_nano: int
    saved_batch_nano: int
    saved_cache_nano: int
    saved_other_nano: int
    net_nano: int


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """Items that failed in one way, with what the first of them was told."""

    type: str
    count: int
    sentence: str


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """Errors by type, the most frequent first, among ``examined`` items that failed."""

    kinds: tuple[ErrorKind, ...]
    examined: int


@dataclass(frozen=True, slots=True)
class BatchChoice:
    """Which batches to list; None means every one."""

    workspace_id: str | None = None
    state: str | None = None


class _Problem(msgspec.Struct):
    type: str
    message: str


class _Envelope(msgspec.Struct):
    error: _Problem


class _Result(msgspec.Struct):
    type: str
    error: _Envelope | None = None


class _Line(msgspec.Struct):
    result: _Result


_LINE = msgspec.json.Decoder(_Line)


async def list_organization_batches(
    connection: Connection,
    organization_id: UUID,
    choice: BatchChoice,
    *,
    before_id: str | None = None,
    limit: int = PAGE_ROWS,
) -> Page:
    """Batches of every workspace that are older than ``before_id``, newest first."""
    parameters = {
        "organization_id": organization_id,
        "workspace_id": choice.workspace_id,
        "state": choice.state,
        "before_id": before_id,
        "limit": limit + 1,
    }
    async with connection.cursor(row_factory=class_row(Standing)) as cursor:
        await cursor.execute(_LIST, parameters)
        found = await cursor.fetchall()
    return Page(found[:limit], len(found) > limit)


async def get_organization_batch(connection: Connection, organization_id: UUID, batch_id: str) -> Standing:
    """A batch of any workspace of an organization; UnknownBatchError."""
    async with connection.cursor(row_factory=class_row(Standing)) as cursor:
        await cursor.execute(_GET, {"organization_id": organization_id, "batch_id": batch_id})
        found = await cursor.fetchone()
    if found is None:
        raise UnknownBatchError(batch_id)
    return found


async def count_batches(connection: Connection, organization_id: UUID, *, at: datetime) -> BatchTotals:
    """How many batches of the last 30 days are in which state, and what those that ended came to."""
    since = at - COUNTED
    since_id = make_first_id(since, prefix=f"{BATCH_PREFIX}_")
    cursor = await connection.execute(_COUNT, {"organization_id": organization_id, "since_id": since_id})
    row = await cursor.fetchone()
    return BatchTotals(since, *(row or (0,) * 13))


async def count_errors(connection: Connection, batch: Standing) -> ErrorReport:
    """Why items of a batch failed; of very many only the first are looked at."""
    if not batch.errored and batch.state == "ended":
        return ErrorReport((), 0)
    cursor = await connection.execute(_ERRORED, (batch.batch_id, PARTS_MAX))
    rows = await cursor.fetchall()
    return sum_errors([zlib.decompress(lines) for _, lines in rows])


def sum_errors(parts: Sequence[bytes]) -> ErrorReport:
    """Errors by type in some lines of results."""
    counts, sentences = Counter[str](), dict[str, str]()
    for part in parts:
        for line in part.splitlines():
            error = _LINE.decode(line).result.error
            if error is not None:
                counts[error.error.type] += 1
                sentences.setdefault(error.error.type, error.error.message[:SENTENCE_CHARS_MAX])
    kinds = tuple(ErrorKind(kind, count, sentences[kind]) for kind, count in counts.most_common())
    return ErrorReport(kinds, counts.total())
