"""Prices: the effective price of every model, bucket and condition, as the rating engine has it.

With the terms of an organization they are what it pays, else the book's, which are everybody's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Literal

from jeton.pricing.book import TOKEN_BUCKETS, PriceBook, PriceVersion
from jeton.pricing.rating import SEARCHES_PER_PRICE, STANDARD, Conditions, stacks_of
from jeton.pricing.receipt import render_nano
from jeton.pricing.terms import OwnTerms, Terms, agree
from jeton.usage import Bucket

ConditionName = Literal["standard", "batch", "fast", "us"]

CONDITIONS: dict[ConditionName, Conditions] = {
    "standard": STANDARD,
    "batch": Conditions(service_tier="batch"),
    "fast": Conditions(speed="fast"),
    "us": Conditions(inference_geo="us"),
}
CONDITION_NAMES: dict[ConditionName, str] = {
    "standard": "Standard",
    "batch": "Batch",
    "fast": "Fast mode",
    "us": "US inference",
}


@dataclass(frozen=True, slots=True)
class PriceRow:
    """What a model's tokens cost under one condition, for prompts of one length; nano a million tokens.

    ``prompt_tokens_max`` None is any length beyond the row before.
    """

    model: str
    display_name: str
    price_version_id: str
    condition: ConditionName
    prompt_tokens_max: int | None
    rates: dict[Bucket, Fraction]


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """A model's prices at an instant, under ``terms`` if any, and the next change that is announced."""

    version: PriceVersion
    rows: tuple[PriceRow, ...]
    web_search_per_1000: Fraction
    next: PriceVersion | None
    terms: Terms | None = None


@dataclass(frozen=True, slots=True)
class RateChange:
    """One rate that differs between two versions; None where it is not sold. nano a million tokens."""

    condition: ConditionName
    prompt_tokens_max: int | None
    bucket: Bucket
    old: Fraction | None
    new: Fraction | None


def list_prices(book: PriceBook, at: datetime, own: OwnTerms | None = None) -> list[ModelPrice]:
    """Every model that has a price in force at an instant, newest first; ``own``: what was agreed."""
    versions = [book.find_version(model, at) for model in book.models()]
    return [
        _price(book, version, own.find(version, at) if own else None, at)
        for version in versions
        if version is not None
    ]


def _price(book: PriceBook, version: PriceVersion, terms: Terms | None, at: datetime) -> ModelPrice:
    plain = stacks_of(version, version.bands[0].band_id, agree(STANDARD, terms))
    return ModelPrice(
        version=version,
        rows=tuple(list_rows(version, terms)),
        web_search_per_1000=plain[Bucket.WEB_SEARCH].rate,
        next=book.next_version(version.model, at),
        terms=terms,
    )


def list_rows(version: PriceVersion, terms: Terms | None = None) -> Iterator[PriceRow]:
    """A row for each condition that is sold and each length of prompt that has rates of its own."""
    sold = {"standard": True, "batch": version.has_batch, "fast": version.has_fast, "us": version.has_us}
    for name, conditions in CONDITIONS.items():
        if not sold[name]:
            continue
        for band in version.bands:
            stacks = stacks_of(version, band.band_id, agree(conditions, terms))
            yield PriceRow(
                model=version.model,
                display_name=version.display_name,
                price_version_id=version.price_version_id,
                condition=name,
                prompt_tokens_max=band.up_to_prompt_tokens,
                rates={bucket: stacks[bucket].rate for bucket in TOKEN_BUCKETS},
            )


def list_rate_changes(old: PriceVersion, new: PriceVersion) -> list[RateChange]:
    """Every rate that two versions have otherwise, in the order of the price table."""
    before, after = _index(old), _index(new)
    places = [*after, *(place for place in before if place not in after)]
    return [
        RateChange(*place, before.get(place), after.get(place))
        for place in places
        if before.get(place) != after.get(place)
    ]


def _index(version: PriceVersion) -> dict[tuple[ConditionName, int | None, Bucket], Fraction]:
    found = {
        (row.condition, row.prompt_tokens_max, bucket): rate
        for row in list_rows(version)
        for bucket, rate in row.rates.items()
    }
    return {
        **found,
        ("standard", None, Bucket.WEB_SEARCH): Fraction(version.web_search_per_1000),
    }


def render_price(price: ModelPrice) -> dict[str, object]:
    """A model's prices as the page's twin gives them, exact dollars."""
    version = price.version
    return {
        "model": version.model,
        "display_name": version.display_name,
        "price_version_id": version.price_version_id,
        "digest": version.digest,
        "from_on": version.from_on.isoformat(),
        "until_on": None if version.until_on is None else version.until_on.isoformat(),
        "terms_id": None if price.terms is None else price.terms.terms_id,
        "per_million_tokens": [
            {
                "condition": row.condition,
                "up_to_prompt_tokens": row.prompt_tokens_max,
                **{bucket.value: render_nano(rate) for bucket, rate in row.rates.items()},
            }
            for row in price.rows
        ],
        f"web_searches_per_{SEARCHES_PER_PRICE}": render_nano(price.web_search_per_1000),
        "next_price_version_id": None if price.next is None else price.next.price_version_id,
        "next_from_on": None if price.next is None else price.next.from_on.isoformat(),
    }


def render_rate_change(change: RateChange) -> dict[str, object]:
    """A change as the page's twin gives it."""
    return {
        "condition": change.condition,
        "up_to_prompt_tokens": change.prompt_tokens_max,
        "bucket": change.bucket.value,
        "old": None if change.old is None else render_nano(change.old),
        "new": None if change.new is None else render_nano(change.new),
    }
