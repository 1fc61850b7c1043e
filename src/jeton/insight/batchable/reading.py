"""Reading: standard traffic by key and model, and what it comes to at batch prices. From sums.

Nobody knows which answers somebody waited for. What comes in numbers looks like work through a list, so
beside everything stands what came ``CROWD_REQUESTS`` and more to a quarter of an hour from one key to one
model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.contract.repricing import BEYOND, UsageSum, reprice_model
from jeton.money import render_usd
from jeton.pricing.book import PriceBook
from jeton.pricing.rating import Conditions
from jeton.pricing.terms import OwnTerms
from jeton.usage import Bucket

LENGTH = timedelta(days=30)
CROWD_REQUESTS = 50
ROWS_MAX = 50
_BUCKETS = (
    Bucket.INPUT,
    Bucket.CACHE_WRITE_5M,
    Bucket.CACHE_WRITE_1H,
    Bucket.CACHE_READ,
    Bucket.OUTPUT,
    Bucket.WEB_SEARCH,
)

# Fast answers are not sold in batches.
_READ = """
    WITH counted AS (
        SELECT q.*, sum(requests) OVER (PARTITION BY key_id, model, quarter_at) >= %(crowd)s AS is_crowd
        FROM usage_quarters AS q
        WHERE organization_id = %(organization_id)s AND quarter_at >= %(since_at)s
          AND service_tier = 'standard' AND speed = 'standard'
    )
    SELECT workspace_id, key_id, model, is_crowd, inference_geo, context_window, sum(requests)::bigint,
           sum(input_tokens)::bigint, sum(cache_creation_5m_input_tokens)::bigint,
           sum(cache_creation_1h_input_tokens)::bigint, sum(cache_read_input_tokens)::bigint,
           sum(output_tokens)::bigint, sum(web_search_requests)::bigint, sum(net_nano)::bigint
    FROM counted GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
"""
_NAMES = "SELECT key_id, name FROM api_keys WHERE key_id = ANY (%s)"


@dataclass(frozen=True, slots=True)
class Unbatched:
    """Requests that were not in a batch: what they were charged, and what they are at batch prices (nano).

    ``batch_nano`` is the most that it can be by the sums, so what is saved is at least the difference; None
    where the model is not sold in batches.
    """

    requests: int
    charged_nano: int
    batch_nano: int | None

    @property
    def saved_nano(self) -> int:
        """What a batch would have saved at least."""
        return 0 if self.batch_nano is None else max(0, self.charged_nano - self.batch_nano)


@dataclass(frozen=True, slots=True)
class UnbatchedKey:
    """One key's standard traffic to a model: all of it, and what of it came in crowds."""

    workspace_id: str
    key_id: str
    key_name: str | None
    model: str
    everything: Unbatched
    crowds: Unbatched


@dataclass(frozen=True, slots=True)
class UnbatchedReport:
    """The traffic since ``since_at``; those first of whose crowds a batch would have saved most."""

    as_of: datetime
    since_at: datetime
    rows: tuple[UnbatchedKey, ...]

    @property
    def crowds_saved_nano(self) -> int:
        """What batches of everything that came in crowds would have saved at least."""
        return sum(row.crowds.saved_nano for row in self.rows)

    @property
    def saved_nano(self) -> int:
        """The same of everything."""
        return sum(row.everything.saved_nano for row in self.rows)


async def get_unbatched(
    connection: Connection, organization_id: UUID, *, book: PriceBook, own: OwnTerms, at: datetime
) -> UnbatchedReport:
    """The standard traffic of the last 30 days, at the batch prices in force now under the terms in force."""
    parameters = {
        "organization_id": organization_id,
        "since_at": (at - LENGTH).replace(minute=0, second=0, microsecond=0),
        "crowd": CROWD_REQUESTS,
    }
    rows = await (await connection.execute(_READ, parameters)).fetchall()
    kept: dict[tuple[str, str, str], list[tuple[bool, UsageSum]]] = {}
    for workspace_id, key_id, model, is_crowd, *rest in rows:
        kept.setdefault((workspace_id, key_id, model), []).append((is_crowd, _parse(model, rest)))
    names = dict(await (await connection.execute(_NAMES, ([key_id for _, key_id, _ in kept],))).fetchall())
    found = [
        UnbatchedKey(
            *(workspace_id, key_id, names.get(key_id), model),
            everything=_price([one for _, one in sums], book, own, at),
            crowds=_price([one for is_crowd, one in sums if is_crowd], book, own, at),
        )
        for (workspace_id, key_id, model), sums in kept.items()
    ]
    found.sort(key=lambda row: (-row.crowds.saved_nano, -row.everything.saved_nano, row.key_id, row.model))
    return UnbatchedReport(at, parameters["since_at"], tuple(found))


def render_unbatched(report: UnbatchedReport) -> dict[str, object]:
    """The report as JSON, every row of it."""
    return {
        "type": "unbatched_report",
        "as_of": report.as_of.isoformat(),
        "since": report.since_at.isoformat(),
        "currency": "USD",
        "crowd_requests": CROWD_REQUESTS,
        "saved_by_batching_crowds": render_usd(report.crowds_saved_nano),
        "saved_by_batching_everything": render_usd(report.saved_nano),
        "data": [
            {
                "workspace_id": row.workspace_id,
                "api_key_id": row.key_id,
                "model": row.model,
                "everything": _render(row.everything),
                "crowds": _render(row.crowds),
            }
            for row in report.rows
        ],
    }


def _price(sums: Sequence[UsageSum], book: PriceBook, own: OwnTerms, at: datetime) -> Unbatched:
    if not sums:
        return Unbatched(0, 0, 0)
    version = book.find_version(sums[0].model, at)
    repriced = reprice_model(sums, version, own.find(version, at) if version else None)
    return Unbatched(repriced.requests, repriced.charged_nano, repriced.high_nano)


def _parse(model: str, row: Sequence[Any]) -> UsageSum:
    geo, window, requests, *counts, charged_nano = row
    conditions = Conditions("batch", cast("Literal['global', 'us']", geo))
    by_bucket = dict(zip(_BUCKETS, counts, strict=True))
    return UsageSum(model, conditions, window == BEYOND, requests, by_bucket, charged_nano)


def _render(one: Unbatched) -> dict[str, object]:
    return {
        "requests": one.requests,
        "charged_amount": render_usd(one.charged_nano),
        "batch_amount": None if one.batch_nano is None else render_usd(one.batch_nano),
        "saved_at_least": render_usd(one.saved_nano),
    }
