"""Repricing: what a month's usage comes to under the prices of another day, out of the sums by day.

The sums know model, tier, geography, speed and whether a prompt was beyond 200,000 tokens. So the amount is
exact where the version has no other border of prompt lengths, and no rate is a fraction of a nano-dollar a
token: then no line of any request was rounded. Elsewhere it is an interval that surely holds the exact
amount, and never one number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from fractions import Fraction
from typing import Any, Literal, cast
from uuid import UUID

from jeton.db.pool import Connection
from jeton.money import render_usd
from jeton.pricing.book import Band, PriceBook, PriceVersion
from jeton.pricing.errors import FastBatchError, NotPricedError
from jeton.pricing.rating import Conditions, stacks_of
from jeton.pricing.terms import OwnTerms, Terms, agree
from jeton.usage import Bucket

# The border of the sums: prompts up to and including so many tokens, and those beyond.
WINDOW_TOKENS = 200_000
BEYOND = "200k-1M"

_READ = """
    SELECT model, service_tier, inference_geo, speed, context_window, sum(requests)::bigint,
           sum(input_tokens)::bigint, sum(cache_creation_5m_input_tokens)::bigint,
           sum(cache_creation_1h_input_tokens)::bigint, sum(cache_read_input_tokens)::bigint,
           sum(output_tokens)::bigint, sum(web_search_requests)::bigint, sum(net_nano)::bigint
    FROM usage_rollups
    WHERE organization_id = %(organization_id)s AND day_on >= %(from_on)s AND day_on < %(until_on)s
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
_BUCKETS = (
    Bucket.INPUT,
    Bucket.CACHE_WRITE_5M,
    Bucket.CACHE_WRITE_1H,
    Bucket.CACHE_READ,
    Bucket.OUTPUT,
    Bucket.WEB_SEARCH,
)


@dataclass(frozen=True, slots=True)
class UsageSum:
    """Usage of one model under one set of conditions: requests, counts by bucket, what it was charged."""

    model: str
    conditions: Conditions
    is_beyond_window: bool
    requests: int
    counts: dict[Bucket, int]
    charged_nano: int


@dataclass(frozen=True, slots=True)
class Repriced:
    """One model's month: what it was charged, and from where to where it would be under ``version``.

    ``low_nano`` and ``high_nano`` are the same where the amount is exact, and None where these prices do not
    sell what was used: ``problem`` says what.
    """

    model: str
    version: PriceVersion | None
    requests: int
    charged_nano: int
    low_nano: int | None
    high_nano: int | None
    problem: str = ""

    @property
    def is_exact(self) -> bool:
        """Whether both ends are one amount."""
        return self.low_nano is not None and self.low_nano == self.high_nano


async def read_month(connection: Connection, organization_id: UUID, month_on: date) -> list[UsageSum]:
    """The usage of the month (UTC) that begins on ``month_on``."""
    until_on = find_next_month(month_on)
    return await read_days(connection, organization_id, from_on=month_on, until_on=until_on)


async def read_days(
    connection: Connection, organization_id: UUID, *, from_on: date, until_on: date
) -> list[UsageSum]:
    """The usage of the days (UTC) from ``from_on`` up to, not including, ``until_on``."""
    parameters = {"organization_id": organization_id, "from_on": from_on, "until_on": until_on}
    rows = await (await connection.execute(_READ, parameters)).fetchall()
    return [parse_sum(row) for row in rows]


def find_next_month(month_on: date) -> date:
    """The first day of the month after."""
    return date(month_on.year + month_on.month // 12, month_on.month % 12 + 1, 1)


def reprice(
    sums: Sequence[UsageSum], book: PriceBook, *, on: date, own: OwnTerms | None = None
) -> list[Repriced]:
    """The usage of each model under the prices, and the terms of its organization, in force on a day."""
    at = datetime.combine(on, time(), UTC)
    models = dict.fromkeys(entry.model for entry in sums)
    found = []
    for model in models:
        version = book.find_version(model, at)
        terms = own.find(version, at) if own and version else None
        found.append(reprice_model([entry for entry in sums if entry.model == model], version, terms))
    return found


def reprice_model(
    sums: Sequence[UsageSum], version: PriceVersion | None, terms: Terms | None = None
) -> Repriced:
    """One model's usage under a version of its prices and terms; at least one sum."""
    model, requests = sums[0].model, sum(entry.requests for entry in sums)
    charged_nano = sum(entry.charged_nano for entry in sums)
    if version is None:
        return Repriced(model, None, requests, charged_nano, None, None, "has no price on that day")
    low = high = Fraction(0)
    for entry in sums:
        try:
            least, most = _bound(entry, version, agree(entry.conditions, terms))
        except (NotPricedError, FastBatchError) as error:
            return Repriced(model, version, requests, charged_nano, None, None, str(error))
        low, high = low + least, high + most
    # The exact amount is a whole number of nano.
    return Repriced(model, version, requests, charged_nano, -(-low // 1), high // 1)


def _bound(entry: UsageSum, version: PriceVersion, conditions: Conditions) -> tuple[Fraction, Fraction]:
    """The least and the most that this usage can come to, whatever its requests were."""
    bands = _list_bands(version, is_beyond=entry.is_beyond_window)
    stacks = [stacks_of(version, band.band_id, conditions) for band in bands]
    low = high = Fraction(0)
    for bucket, count in entry.counts.items():
        if not count:
            continue
        rates = [of_band[bucket].rate / of_band[bucket].per for of_band in stacks]
        # A line is rounded once, by half a nano at most, and not at all where a unit is whole nano.
        is_whole = all(rate.denominator == 1 for rate in rates)
        slack = Fraction(0) if is_whole else Fraction(min(entry.requests, count), 2)
        low += min(rates) * count - slack
        high += max(rates) * count + slack
    return low, high


def _list_bands(version: PriceVersion, *, is_beyond: bool) -> list[Band]:
    """The bands into which such prompts can fall."""
    found, below = [], 0
    for band in version.bands:
        limit = band.up_to_prompt_tokens
        begins_within = below < WINDOW_TOKENS
        ends_beyond = limit is None or limit > WINDOW_TOKENS
        if ends_beyond if is_beyond else begins_within:
            found.append(band)
        below = limit or below
    return found


def parse_sum(row: tuple[Any, ...]) -> UsageSum:
    """One row of sums: model, conditions, window, requests, counts by bucket, what was charged."""
    model, tier, geo, speed, window, requests, *counts, charged_nano = row
    conditions = Conditions(
        cast("Literal['standard', 'batch']", tier),
        cast("Literal['global', 'us']", geo),
        cast("Literal['standard', 'fast']", speed),
    )
    by_bucket = dict(zip(_BUCKETS, counts, strict=True))
    return UsageSum(model, conditions, window == BEYOND, requests, by_bucket, charged_nano)


def render_repriced(one: Repriced) -> dict[str, object]:
    """A model's month as the page's twin gives it."""
    return {
        "model": one.model,
        "price_version_id": None if one.version is None else one.version.price_version_id,
        "requests": one.requests,
        "charged_amount": render_usd(one.charged_nano),
        "is_exact": one.is_exact,
        "least_amount": None if one.low_nano is None else render_usd(one.low_nano),
        "most_amount": None if one.high_nano is None else render_usd(one.high_nano),
        "problem": one.problem or None,
    }
