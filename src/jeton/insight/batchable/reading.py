"""Reading: standard traffic by key and model, and what it comes to at batch prices. From sums.

Nobody knows which answers somebody waited for. What comes in numbers looks like work through a list, so
beside everything stands what came ``CROWD_REQUESTS`` and more to a quarter of an hour from one key to one
model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil
from typing import Literal
from uuid import UUID

from jeton.db.pool import Connection
from jeton.money import render_usd
from jeton.pricing.book import PriceBook, PriceVersion
from jeton.pricing.errors import NotPricedError
from jeton.pricing.rating import Conditions, stacks_of
from jeton.pricing.terms import OwnTerms, Terms, agree
from jeton.usage import Bucket

Geo = Literal["global", "us"]
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
    SELECT workspace_id, key_id, model, is_crowd, inference_geo, sum(requests)::bigint,
           sum(input_nano)::bigint, sum(cache_creation_5m_nano)::bigint,
           sum(cache_creation_1h_nano)::bigint, sum(cache_read_nano)::bigint, sum(output_nano)::bigint,
           sum(web_search_nano)::bigint
    FROM counted GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
_NAMES = "SELECT key_id, name FROM api_keys WHERE key_id = ANY (%s)"


@dataclass(frozen=True, slots=True)
class _Charged:
    """What requests of one model and geography were charged (nano), by bucket."""

    model: str
    geo: Geo
    requests: int
    by_bucket: dict[Bucket, int]


@dataclass(frozen=True, slots=True)
class Unbatched:
    """Requests that were not in a batch: what they were charged, and what that is at batch prices (nano).

    ``batch_nano`` is each bucket's charge times the batch rate in parts of the standard rate, both of today;
    where bands differ the highest, so what is saved is at least the difference. None if it is not sold so.
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
    since_at = (at - LENGTH).replace(minute=0, second=0, microsecond=0)
    parameters = {"organization_id": organization_id, "since_at": since_at, "crowd": CROWD_REQUESTS}
    rows = await (await connection.execute(_READ, parameters)).fetchall()
    kept: dict[tuple[str, str, str], list[tuple[bool, _Charged]]] = {}
    for workspace_id, key_id, model, is_crowd, *rest in rows:
        geo, requests, *amounts = rest
        charged = _Charged(model, geo, requests, dict(zip(_BUCKETS, amounts, strict=True)))
        kept.setdefault((workspace_id, key_id, model), []).append((is_crowd, charged))
    named = await (await connection.execute(_NAMES, ([key_id for _, key_id, _ in kept],))).fetchall()
    names: dict[str, str] = dict(named)
    found = [
        UnbatchedKey(
            *(workspace_id, key_id, names.get(key_id), model),
            everything=_price([one for _, one in sums], book, own, at),
            crowds=_price([one for is_crowd, one in sums if is_crowd], book, own, at),
        )
        for (workspace_id, key_id, model), sums in kept.items()
    ]
    found.sort(key=lambda row: (-row.crowds.saved_nano, -row.everything.saved_nano, row.key_id, row.model))
    return UnbatchedReport(at, since_at, tuple(found))


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


def _price(sums: Sequence[_Charged], book: PriceBook, own: OwnTerms, at: datetime) -> Unbatched:
    charged_nano = sum(sum(one.by_bucket.values()) for one in sums)
    requests, batch_nano = sum(one.requests for one in sums), 0
    for one in sums:
        version = book.find_version(one.model, at)
        if version is None:
            return Unbatched(requests, charged_nano, None)
        terms = own.find(version, at)
        for bucket, nano in one.by_bucket.items():
            ratio = find_batch_ratio(version, bucket, geo=one.geo, terms=terms) if nano else Fraction(0)
            if ratio is None:
                return Unbatched(requests, charged_nano, None)
            batch_nano += ceil(nano * ratio)
    return Unbatched(requests, charged_nano, batch_nano)


def find_batch_ratio(
    version: PriceVersion, bucket: Bucket, *, geo: Geo, terms: Terms | None
) -> Fraction | None:
    """The highest batch rate of a bucket in parts of its standard rate, over all bands; None if not sold."""
    ratios = []
    for band in version.bands:
        try:
            batch = stacks_of(version, band.band_id, agree(Conditions("batch", geo), terms))
            alone = stacks_of(version, band.band_id, agree(Conditions("standard", geo), terms))
        except NotPricedError:
            return None
        if bucket in batch and bucket in alone and alone[bucket].rate:
            ratios.append(batch[bucket].rate / alone[bucket].rate)
    return max(ratios, default=None)


def _render(one: Unbatched) -> dict[str, object]:
    return {
        "requests": one.requests,
        "charged_amount": render_usd(one.charged_nano),
        "batch_amount": None if one.batch_nano is None else render_usd(one.batch_nano),
        "saved_at_least": render_usd(one.saved_nano),
    }
