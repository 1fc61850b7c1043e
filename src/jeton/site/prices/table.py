"""The price table: every model's rates as the rating engine gives them, so the page cannot drift."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from jeton.pricing.book import PriceBook, PriceVersion
from jeton.pricing.rating import STANDARD, Conditions, rate
from jeton.usage import Bucket, Usage

Rates = dict[str, Fraction]


@dataclass(frozen=True, slots=True)
class BandRates:
    """One prompt-length band: rates in nano per million tokens; None is not sold."""

    prompt_tokens_max: int | None
    standard: Rates
    batch: Rates | None
    fast: Rates | None
    us: Rates | None


@dataclass(frozen=True, slots=True)
class ModelPrices:
    """One model as of an instant; ``next`` is the announced change, ``past`` what was before."""

    model: str
    display_name: str
    lifecycle: str
    retires_on: date | None
    price_version_id: str
    digest: str
    from_on: date
    web_search_per_1000: Fraction
    bands: tuple[BandRates, ...]
    next: PriceVersion | None
    next_bands: tuple[BandRates, ...]
    past: tuple[PriceVersion, ...]


def list_model_prices(book: PriceBook, at: datetime) -> list[ModelPrices]:
    """Every model with a price in force, in the book's order, newest first."""
    return list(_model_prices(book, at))


def find_announced(book: PriceBook, at: datetime) -> list[PriceVersion]:
    """The first version of models that have none in force yet."""
    return [
        version
        for model in book.models()
        if book.find_version(model, at) is None and (version := book.next_version(model, at)) is not None
    ]


def _model_prices(book: PriceBook, at: datetime) -> Iterator[ModelPrices]:
    for model in book.models():
        version = book.find_version(model, at)
        if version is None:
            continue
        coming = book.next_version(model, at)
        yield ModelPrices(
            model=model,
            display_name=version.display_name,
            lifecycle=version.lifecycle(at),
            retires_on=version.retires_on,
            price_version_id=version.price_version_id,
            digest=version.digest,
            from_on=version.from_on,
            web_search_per_1000=Fraction(version.web_search_per_1000),
            bands=_bands(version),
            next=coming,
            next_bands=() if coming is None else _bands(coming),
            past=tuple(past for past in book.timeline(model) if past.from_on < version.from_on),
        )


def _bands(version: PriceVersion) -> tuple[BandRates, ...]:
    found = []
    limit = 0
    for band in version.bands:
        # A prompt that falls into this band, with a token in each of the prompt's buckets.
        usage = Usage(limit + 1, 1, 1, 1, 1)
        found.append(
            BandRates(
                prompt_tokens_max=band.up_to_prompt_tokens,
                standard=_rates(version, usage, STANDARD),
                batch=_rates(version, usage, Conditions(service_tier="batch")) if version.has_batch else None,
                fast=_rates(version, usage, Conditions(speed="fast")) if version.has_fast else None,
                us=_rates(version, usage, Conditions(inference_geo="us")) if version.has_us else None,
            )
        )
        limit = band.up_to_prompt_tokens or 0
    return tuple(found)


def _rates(version: PriceVersion, usage: Usage, conditions: Conditions) -> Rates:
    return {line.bucket.value: line.rate for line in rate(usage, version, conditions).lines}


COLUMNS = (Bucket.INPUT, Bucket.CACHE_WRITE_5M, Bucket.CACHE_WRITE_1H, Bucket.CACHE_READ, Bucket.OUTPUT)
