"""Results: what settled items of a chunk look like in the database."""

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from jeton.charging.batching.marks import ChunkMark
from jeton.charging.batching.members import ItemEnd, SettleItems
from jeton.db.channel import Parameter
from jeton.ledger.journal import encode

START_BATCH = "SELECT start_batch($1, $2, $3)"
WRITE_RESULTS = "SELECT write_batch_results($1, $2, $3)"
RELEASE_POOLS = "SELECT release_batch_pools($1)"
END_BATCH = "SELECT end_batch($1, $2)"
# Lines of JSON shrink to a fifth at the fastest level.
COMPRESSION_LEVEL = 1
_HEX = "\\x"

Statement = tuple[str, tuple[Parameter, ...]]
Statements = list[Statement]


def render_results(
    member: SettleItems,
    items: Sequence[ItemEnd],
    mark: ChunkMark,
    *,
    settled: Mapping[str, int],
    at: datetime,
) -> Statement:
    """The statement that writes the results of ``items``; ``settled``: what they took out of each pool."""
    outcomes = Counter(item.outcome for item in items)
    chunk = {
        "batch_id": member.batch_id,
        "chunk_no": member.chunk_no,
        "done": _HEX + mark.done.to_bytes((mark.items + 7) // 8, "little").hex(),
        "parts": mark.parts,
        "left_items": mark.left_items,
        "finished_at": None if mark.left_items else at,
    }
    lines = zlib.compress(b"".join(item.line for item in items), COMPRESSION_LEVEL)
    result = {
        "batch_id": member.batch_id,
        "chunk_no": member.chunk_no,
        "part_no": mark.parts,
        "items": len(items),
        "lines": _HEX + lines.hex(),
        "succeeded": outcomes["succeeded"],
        "errored": outcomes["errored"],
        "canceled": outcomes["canceled"],
        "expired": outcomes["expired"],
        **_sum_amounts(items),
    }
    pools = [{"pool_id": pool_id, "settled_nano": nano} for pool_id, nano in sorted(settled.items())]
    return WRITE_RESULTS, (encode([result]), encode([chunk]), encode(pools) or "[]")


def _sum_amounts(items: Sequence[ItemEnd]) -> dict[str, Any]:
    """What the items came to: list amount, what each discount took off, net amount (nano)."""
    ratings = [item.charge.rating for item in items if item.charge is not None and item.charge.rating]
    list_nano = sum(rating.list_nano for rating in ratings)
    net_nano = sum(rating.net_nano for rating in ratings)
    batch_nano = sum(rating.saved["batch"] for rating in ratings)
    cache_nano = sum(rating.saved["cache"] for rating in ratings)
    return {
        "list_nano": list_nano,
        "saved_batch_nano": batch_nano,
        "saved_cache_nano": cache_nano,
        "saved_other_nano": list_nano - net_nano - batch_nano - cache_nano,
        "net_nano": net_nano,
    }
