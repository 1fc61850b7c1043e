"""Used: sums of what is priced alike, of many organizations in one query, by segments of time.

As ``explore`` reads one organization's: UTC days, corrected by quarters of an hour. Segments are cut where a
period ends or a price changes, so each sum was rated under one price version and one agreement.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any, LiteralString
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.explore.plan import draw_up
from jeton.insight.explore.stretches import Buckets
from jeton.metering.events import BUCKET_SUMS
from jeton.usage import Bucket

# What is priced alike beside the model, which is charged by bucket.
DIMENSIONS = ("workspace_id", "model", "service_tier", "inference_geo", "speed", "context_window")
_WITH_KEYS = (*DIMENSIONS, "key_id")
_QUANTITIES = {
    Bucket.INPUT: "input_tokens",
    Bucket.CACHE_WRITE_5M: "cache_creation_5m_input_tokens",
    Bucket.CACHE_WRITE_1H: "cache_creation_1h_input_tokens",
    Bucket.CACHE_READ: "cache_read_input_tokens",
    Bucket.OUTPUT: "output_tokens",
    Bucket.WEB_SEARCH: "web_search_requests",
}
# The bucket of a class of tokens, by the name that reports and filters have for it.
BUCKET_OF: Mapping[str, Bucket] = MappingProxyType({name: bucket for bucket, name in _QUANTITIES.items()})
_BUCKETS = tuple(BUCKET_SUMS)
_SUMS = (
    *(_QUANTITIES[bucket] for bucket in _BUCKETS),
    *(BUCKET_SUMS[bucket] for bucket in _BUCKETS),
    "free_credit_nano",
    "on_credit_nano",
)
_UNDONE = {"free_credit_nano": "-r.free_credit_nano", "on_credit_nano": "-r.on_credit_nano"}
_WITHOUT_LABELS = ("usage_rollups", "usage_quarters", "reversal_rollups")
_BY_LABEL = ("days_by_label", "quarters_by_label", "reversals_by_label")
_TOTALS = ", ".join(f"sum({name})::bigint" for name in (*_SUMS, "reversed_nano"))
_SUMMED = ", ".join(f"sum(r.{name})::bigint AS {name}" for name in _SUMS)


@cache
def _compose(dimensions: tuple[str, ...], labels: tuple[str, ...] = ()) -> LiteralString:
    """The query by these dimensions; of some values of ``labels`` alone, which are read apart.

    Organization by organization and range by range, each by the primary key: joined at once, every row would
    be compared with every range.
    """
    key = ", ".join(f"r.{name}" for name in dimensions)
    kept = ", ".join(dimensions)
    where = "".join(f" AND r.{name} = ANY (%({name})s)" for name in labels)
    days, quarters, reversals = _BY_LABEL if labels else _WITHOUT_LABELS
    return f"""
    WITH sources AS (
        SELECT o.organization_id, d.bucket, {key}, {", ".join(f"r.{name}" for name in _SUMS)},
               0::bigint AS reversed_nano
        FROM unnest(%(organization_ids)s::uuid[]) AS o (organization_id)
        CROSS JOIN unnest(%(days_from)s::date[], %(days_until)s::date[], %(days_bucket)s::int[])
             AS d (from_on, until_on, bucket)
        CROSS JOIN LATERAL (
            SELECT {key}, {_SUMMED} FROM {days} AS r
            WHERE r.organization_id = o.organization_id
              AND r.day_on >= d.from_on AND r.day_on < d.until_on {where}
            GROUP BY {key}
        ) AS r
        UNION ALL
        SELECT o.organization_id, counted.bucket, {key},
               {", ".join(f"counted.sign * r.{name}" for name in _SUMS)}, 0
        FROM unnest(%(organization_ids)s::uuid[]) AS o (organization_id)
        CROSS JOIN unnest(%(quarters_from)s::timestamptz[], %(quarters_until)s::timestamptz[],
                    %(quarters_bucket)s::int[], %(quarters_off)s::int[])
             AS q (from_at, until_at, bucket, off_bucket)
        CROSS JOIN LATERAL (
            SELECT {key}, {_SUMMED} FROM {quarters} AS r
            WHERE r.organization_id = o.organization_id
              AND r.quarter_at >= q.from_at AND r.quarter_at < q.until_at {where}
            GROUP BY {key}
        ) AS r
        CROSS JOIN LATERAL (VALUES (q.bucket, 1), (q.off_bucket, -1)) AS counted (bucket, sign)
        WHERE counted.bucket IS NOT NULL
        UNION ALL
        SELECT r.organization_id, width_bucket(r.quarter_at, %(cuts)s::timestamptz[]) - 1, {key},
               {", ".join(_UNDONE.get(name, "0") for name in _SUMS)}, r.reversed_nano
        FROM {reversals} AS r
        WHERE r.organization_id = ANY (%(organization_ids)s)
          AND r.quarter_at >= %(starts_at)s AND r.quarter_at < %(ends_at)s {where}
    )
    SELECT organization_id, bucket, {kept}, {_TOTALS}
    FROM sources GROUP BY organization_id, bucket, {kept}
    ORDER BY organization_id, bucket, {kept}
"""  # noqa: S608 - every name is one of ours


_FIRST = """
    SELECT organization_id, min(day_on)::timestamp AT TIME ZONE 'UTC'
    FROM usage_rollups WHERE organization_id = ANY (%s) GROUP BY organization_id
"""


@dataclass(frozen=True, slots=True)
class Used:
    """What was used alike in one segment; ``quantities`` and ``nets_nano`` by bucket, where there are any.

    ``free_credit_nano`` and ``on_credit_nano`` are less what reversals gave back, the nets are not.
    """

    organization_id: UUID
    segment: int
    workspace_id: str
    model: str
    service_tier: str
    inference_geo: str
    speed: str
    context_window: str
    quantities: dict[Bucket, int]
    nets_nano: dict[Bucket, int]
    free_credit_nano: int
    on_credit_nano: int
    reversed_nano: int
    # The key that it was used with, where that was asked for.
    key_id: str = ""

    @property
    def net_nano(self) -> int:
        """What was charged and not reversed."""
        return sum(self.nets_nano.values()) - self.reversed_nano


async def read_used(
    connection: Connection,
    organization_ids: Collection[UUID],
    cuts: Sequence[datetime],
    *,
    is_by_key: bool = False,
    labels: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> list[Used]:
    """What these organizations used between these cuts (UTC, whole quarters), in the order of all of it.

    ``is_by_key``: each key by itself. ``labels``: only of these end users or tags, "" for none.
    """
    plan = draw_up(Buckets(None, tuple(cuts)))
    parameters = {
        "organization_ids": list(organization_ids),
        "cuts": list(cuts),
        "starts_at": cuts[0],
        "ends_at": cuts[-1],
        "days_from": [days.from_on for days in plan.days],
        "days_until": [days.until_on for days in plan.days],
        "days_bucket": [days.bucket for days in plan.days],
        "quarters_from": [quarters.from_at for quarters in plan.quarters],
        "quarters_until": [quarters.until_at for quarters in plan.quarters],
        "quarters_bucket": [quarters.bucket for quarters in plan.quarters],
        "quarters_off": [quarters.off_bucket for quarters in plan.quarters],
        **{name: list(values) for name, values in labels.items()},
    }
    dimensions = _WITH_KEYS if is_by_key else DIMENSIONS
    cursor = await connection.execute(_compose(dimensions, tuple(sorted(labels))), parameters)
    return [used for row in await cursor.fetchall() if (used := _parse(row, dimensions)) is not None]


def _parse(row: tuple[Any, ...], dimensions: tuple[str, ...]) -> Used | None:
    """A row; None where days and the quarters taken off them left nothing."""
    width, count = len(dimensions) + 2, len(_BUCKETS)
    sums = row[width:]
    if not any(sums):
        return None
    pairs = zip(_BUCKETS, sums[:count], sums[count : 2 * count], strict=True)
    kept = [(bucket, quantity, nano) for bucket, quantity, nano in pairs if quantity or nano]
    free_nano, on_credit_nano, reversed_nano = sums[2 * count :]
    return Used(
        **dict(zip(("organization_id", "segment", *dimensions), row[:width], strict=True)),
        quantities={bucket: quantity for bucket, quantity, _ in kept},
        nets_nano={bucket: nano for bucket, _, nano in kept},
        free_credit_nano=free_nano,
        on_credit_nano=on_credit_nano,
        reversed_nano=reversed_nano,
    )


async def find_first_uses(connection: Connection, organization_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """The first instant of the first UTC day on which each of them used anything."""
    cursor = await connection.execute(_FIRST, (list(organization_ids),))
    return dict(await cursor.fetchall())
