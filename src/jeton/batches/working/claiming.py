"""Claiming: a chunk belongs to whoever works on it, for some seconds at a time.

A claim is written before any upstream is called, so it is also the record that its items may have been
asked. Whoever loses one in the middle does no harm: a result, and its charge, is written once.
"""

from datetime import datetime
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from jeton.batches.items import BatchHead
from jeton.db.pool import Connection

CLAIM_S = 15
RENEWAL_S = 3

_CLAIM = """
    UPDATE batch_chunks AS c SET claim_id = %(claim_id)s, attempts = c.attempts + 1,
        claimed_until = clock_timestamp() + make_interval(secs => %(claim_s)s)
    FROM batches AS b
    WHERE b.batch_id = c.batch_id AND c.batch_id = %(batch_id)s AND c.chunk_no = %(chunk_no)s
      AND c.finished_at IS NULL AND c.turn IS NOT NULL AND b.state IN ('in_progress', 'canceling')
      AND (c.claimed_until IS NULL OR c.claimed_until < clock_timestamp())
    RETURNING c.batch_id, c.chunk_no, c.first_item, c.items, c.requests, c.done, c.attempts,
        b.organization_id, b.workspace_id, b.key_id, b.api_version, b.beta, b.tag, b.state, b.created_at,
        b.expires_at
"""
_RENEW = """
    UPDATE batch_chunks AS c SET claimed_until = clock_timestamp() + make_interval(secs => %(claim_s)s)
    FROM batches AS b
    WHERE b.batch_id = c.batch_id AND c.batch_id = %(batch_id)s AND c.chunk_no = %(chunk_no)s
      AND c.claim_id = %(claim_id)s AND c.finished_at IS NULL
    RETURNING b.state
"""
_LET_GO = """
    UPDATE batch_chunks SET claimed_until = NULL
    WHERE batch_id = %(batch_id)s AND chunk_no = %(chunk_no)s AND claim_id = %(claim_id)s
"""
_VERSIONS = "SELECT pool_id, price_version_id, terms_id FROM batch_pools WHERE batch_id = %s"


class Claimed(msgspec.Struct, frozen=True):
    """A chunk that is ours for a while, and the batch it belongs to."""

    batch_id: str
    chunk_no: int
    first_item: int
    items: int
    requests: bytes
    done: bytes
    attempts: int
    organization_id: UUID
    workspace_id: str
    key_id: str
    api_version: str
    beta: str
    tag: str
    state: str
    created_at: datetime
    expires_at: datetime

    @property
    def head(self) -> BatchHead:
        """Its batch."""
        return BatchHead(
            self.batch_id,
            self.organization_id,
            self.workspace_id,
            self.key_id,
            self.api_version,
            self.beta,
            self.tag,
        )

    def is_done(self, position: int) -> bool:
        """Whether an item has its result already."""
        return bool(int.from_bytes(self.done, "little") >> position & 1)


async def claim_chunk(
    connection: Connection, batch_id: str, chunk_no: int, *, claim_id: str
) -> Claimed | None:
    """The chunk, if there is something left to do that nobody else is doing."""
    async with connection.cursor(row_factory=class_row(Claimed)) as cursor:
        await cursor.execute(_CLAIM, _key(batch_id, chunk_no, claim_id))
        return await cursor.fetchone()


async def renew_claim(connection: Connection, batch_id: str, chunk_no: int, *, claim_id: str) -> str | None:
    """Keep it for longer, and learn the state of its batch; None if it is not ours any more."""
    row = await (await connection.execute(_RENEW, _key(batch_id, chunk_no, claim_id))).fetchone()
    return None if row is None else row[0]


async def let_go(connection: Connection, batch_id: str, chunk_no: int, *, claim_id: str) -> None:
    """Leave it to others, at once."""
    await connection.execute(_LET_GO, _key(batch_id, chunk_no, claim_id))


async def read_prices(connection: Connection, batch_id: str) -> dict[str, tuple[str, str | None]]:
    """The price version of each pool of a batch, and the terms it is under."""
    rows = await (await connection.execute(_VERSIONS, (batch_id,))).fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


def _key(batch_id: str, chunk_no: int, claim_id: str) -> dict[str, object]:
    return {"batch_id": batch_id, "chunk_no": chunk_no, "claim_id": claim_id, "claim_s": CLAIM_S}
