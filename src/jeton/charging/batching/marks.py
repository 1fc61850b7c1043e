"""Marks: how far batches have come, read under lock in the transaction that takes them further."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from jeton.charging.batching.members import ReleasePools, SettleItems, TakePools
from jeton.db.channel import Channel, render_array

_READ_CHUNKS = """
    SELECT batch_id, chunk_no, items, done, parts FROM batch_chunks
    WHERE (batch_id, chunk_no) IN (SELECT * FROM unnest($1::text[], $2::integer[]))
    ORDER BY batch_id, chunk_no FOR UPDATE
"""
_READ_BATCHES = """
    SELECT batch_id, state FROM batches WHERE batch_id = ANY($1::text[]) ORDER BY batch_id FOR UPDATE
"""


@dataclass(slots=True)
class ChunkMark:
    """A chunk: which of its items have a result, one bit each, and in how many parts they are written."""

    items: int
    done: int
    parts: int

    def is_done(self, position: int) -> bool:
        """Whether this item has its result."""
        return bool(self.done >> position & 1)

    @property
    def left_items(self) -> int:
        """How many have none."""
        return self.items - self.done.bit_count()


@dataclass(slots=True)
class Marks:
    """The chunks and batches that members of one transaction are about."""

    chunks: dict[tuple[str, int], ChunkMark] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)


async def read_marks(channel: Channel, members: Iterable[Any]) -> Marks:
    """The marks of those members that are about batches; books must be locked before."""
    marks = Marks()
    chunks = sorted({(one.batch_id, one.chunk_no) for one in members if isinstance(one, SettleItems)})
    batches = sorted({one.batch_id for one in members if isinstance(one, (TakePools, ReleasePools))})
    if chunks:
        rows = await channel.fetch(
            _READ_CHUNKS,
            render_array([batch_id for batch_id, _ in chunks]),
            render_array([str(chunk_no) for _, chunk_no in chunks]),
        )
        for row in rows:
            batch_id, chunk_no, items, done, parts = [(column or b"").decode() for column in row]
            done_bits = int.from_bytes(bytes.fromhex(done.removeprefix("\\x")), "little")
            marks.chunks[batch_id, int(chunk_no)] = ChunkMark(int(items), done_bits, int(parts))
    if batches:
        rows = await channel.fetch(_READ_BATCHES, render_array(batches))
        marks.states = {(row[0] or b"").decode(): (row[1] or b"").decode() for row in rows}
    return marks
