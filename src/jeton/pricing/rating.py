"""Rating: usage, a price version and conditions in; money out, with every step that led to it.

Per line the charge is ``quantity x list rate x all factors``, an exact rational, rounded once,
half-even, to the nano-dollar. Factors stack in one declared order: batch, cache bucket, tier
(fast mode, then geography), negotiated, promotion. Pure: no clock, no book, no rounding of
anything but a line.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Literal

from jeton.money import TOKENS_PER_MTOK, round_half_even
from jeton.pricing.book import Band, Override, PriceVersion
from jeton.pricing.errors import FastBatchError, NotPricedError
from jeton.pricing.modifiers import Modifier
from jeton.usage import Bucket, Usage

Stage = Literal["batch", "cache", "tier", "negotiated", "promotion"]
STAGES: tuple[Stage, ...] = ("batch", "cache", "tier", "negotiated", "promotion")
SEARCHES_PER_PRICE = 1000
CACHE_BUCKETS = frozenset({Bucket.CACHE_WRITE_5M, Bucket.CACHE_WRITE_1H, Bucket.CACHE_READ})
# A line is rounded once, by at most half a nano, and a request has one line a bucket.
ROUNDING_SLACK_NANO = len(Bucket) // 2


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which conditions a request ran; they decide which modifiers stack."""

    service_tier: Literal["standard", "batch"] = "standard"
    inference_geo: Literal["global", "us"] = "global"
    speed: Literal["standard", "fast"] = "standard"
    negotiated: tuple[Modifier, ...] = ()
    promotions: tuple[Modifier, ...] = ()


STANDARD = Conditions()


@dataclass(frozen=True, slots=True)
class Step:
    """One modifier as the receipt shows it.

    ``explicit_rate`` is the published rate that the factor comes from, if there is one; ``rate``
    is what the rate is after the step (both nano-dollars per ``Line.per``). ``reduction_nano``
    is the fall of the rounded running amount: negative where the modifier adds.
    """

    stage: Stage
    name: str
    factor: Fraction
    explicit_rate: int | None
    rate: Fraction
    reduction_nano: int


@dataclass(frozen=True, slots=True)
class Line:
    """One bucket's charge: ``exact`` = quantity x rate / per, ``net_nano`` its one rounding.

    ``list_nano`` is the quantity at the plain list rate of its direction (uncached input, or
    output; a search at its own); list - sum of the steps' reductions = net, exactly.
    """

    bucket: Bucket
    quantity: int
    per: int
    list_rate: int
    steps: tuple[Step, ...]
    rate: Fraction
    exact: Fraction
    list_nano: int
    net_nano: int


@dataclass(frozen=True, slots=True)
class Rating:
    """What one request comes to; ``saved`` has every stage, and list - sum of saved = net."""

    price_version_id: str
    band: str
    lines: tuple[Line, ...]
    list_nano: int
    net_nano: int
    saved: Mapping[Stage, int]


def rate(usage: Usage, version: PriceVersion, conditions: Conditions = STANDARD) -> Rating:
    """Rate usage by a price version, in nano-dollars; a bucket without a count has no line.

    2,000 input, 100,000 cache read and 1,500 output tokens of claude-sonnet-5-5 come to
    29,000,000 nano ($0.029). Raises NotPricedError and FastBatchError.
    """
    require_priced(version, conditions)
    band = version.find_band(usage.prompt_tokens)
    lines = tuple(
        _line(version, band, conditions, bucket, quantity)
        for bucket, quantity in usage.quantities()
        if quantity
    )
    saved = dict.fromkeys(STAGES, 0)
    for line in lines:
        for step in line.steps:
            saved[step.stage] += step.reduction_nano
    return Rating(
        price_version_id=version.price_version_id,
        band=band.band_id,
        lines=lines,
        list_nano=sum(line.list_nano for line in lines),
        net_nano=sum(line.net_nano for line in lines),
        saved=saved,
    )


def require_priced(version: PriceVersion, conditions: Conditions) -> None:
    """Raise NotPricedError or FastBatchError unless these conditions have a price here."""
    is_batch = conditions.service_tier == "batch"
    is_fast = conditions.speed == "fast"
    if is_batch and is_fast:
        raise FastBatchError
    if is_batch and not version.has_batch:
        raise NotPricedError(version.price_version_id, "batch", "ask for the standard tier")
    if is_fast and not version.has_fast:
        raise NotPricedError(version.price_version_id, "fast mode", "ask for standard speed")
    if conditions.inference_geo == "us" and not version.has_us:
        raise NotPricedError(version.price_version_id, "US inference", "leave the geography out")


def ceiling(
    version: PriceVersion,
    conditions: Conditions,
    *,
    prompt_tokens: int,
    output_tokens: int,
    web_searches: int,
    cache_write: Literal["5m", "1h"] | None,
) -> int:
    """The most nano-dollars that ``rate`` can give for usage up to these counts.

    Every band that such a prompt can fall into counts, at its dearest admissible bucket:
    uncached input and cache reads always; ``cache_write`` "5m" adds that bucket, "1h" both.
    Raises NotPricedError and FastBatchError.
    """
    require_priced(version, conditions)
    buckets = [Bucket.INPUT, Bucket.CACHE_READ]
    if cache_write is not None:
        buckets.append(Bucket.CACHE_WRITE_5M)
    if cache_write == "1h":
        buckets.append(Bucket.CACHE_WRITE_1H)
    dearest = max(
        prompt_tokens * max(_net_rate(version, band, conditions, bucket) for bucket in buckets)
        + output_tokens * _net_rate(version, band, conditions, Bucket.OUTPUT)
        for band in _reachable_bands(version, prompt_tokens)
    )
    searches = web_searches * _net_rate(version, version.bands[0], conditions, Bucket.WEB_SEARCH)
    exact = dearest / TOKENS_PER_MTOK + searches / SEARCHES_PER_PRICE
    return ceil(exact) + ROUNDING_SLACK_NANO


def _reachable_bands(version: PriceVersion, prompt_tokens: int) -> Iterator[Band]:
    for band in version.bands:
        yield band
        if band.up_to_prompt_tokens is None or prompt_tokens <= band.up_to_prompt_tokens:
            return


def _line(version: PriceVersion, band: Band, conditions: Conditions, bucket: Bucket, quantity: int) -> Line:
    per = SEARCHES_PER_PRICE if bucket is Bucket.WEB_SEARCH else TOKENS_PER_MTOK
    list_rate = _list_rate(version, band, bucket)
    running = Fraction(list_rate)
    exact = Fraction(running.numerator * quantity, running.denominator * per)
    list_nano = before = round_half_even(exact)
    steps = []
    for stage, name, factor, explicit_rate in _factors(version.model, band, conditions, bucket):
        running *= factor
        exact = Fraction(running.numerator * quantity, running.denominator * per)
        after = round_half_even(exact)
        steps.append(Step(stage, name, factor, explicit_rate, running, before - after))
        before = after
    return Line(
        bucket=bucket,
        quantity=quantity,
        per=per,
        list_rate=list_rate,
        steps=tuple(steps),
        rate=running,
        exact=exact,
        list_nano=list_nano,
        net_nano=before,
    )


def _net_rate(version: PriceVersion, band: Band, conditions: Conditions, bucket: Bucket) -> Fraction:
    running = Fraction(_list_rate(version, band, bucket))
    for _, _, factor, _ in _factors(version.model, band, conditions, bucket):
        running *= factor
    return running


def _list_rate(version: PriceVersion, band: Band, bucket: Bucket) -> int:
    if bucket is Bucket.WEB_SEARCH:
        return version.web_search_per_1000
    return band.rates[_direction(bucket)]


def _direction(bucket: Bucket) -> Bucket:
    return Bucket.OUTPUT if bucket is Bucket.OUTPUT else Bucket.INPUT


def _factors(
    model: str, band: Band, conditions: Conditions, bucket: Bucket
) -> Iterator[tuple[Stage, str, Fraction, int | None]]:
    """Every factor on a bucket's list rate, in the declared order of stacking."""
    # A search is sold by the piece: batch, speed and geography price tokens only.
    if bucket is not Bucket.WEB_SEARCH:
        if conditions.service_tier == "batch" and band.batch is not None:
            yield "batch", "batch", *_override(band, band.batch, bucket)
        if bucket in CACHE_BUCKETS:
            explicit = band.rates[bucket]
            yield "cache", bucket.value, _ratio(explicit, band.rates[Bucket.INPUT]), explicit
        if conditions.speed == "fast" and band.fast is not None:
            yield "tier", "fast", *_override(band, band.fast, bucket)
        if conditions.inference_geo == "us" and band.us is not None:
            yield "tier", "inference_geo_us", *_override(band, band.us, bucket)
    for modifier in conditions.negotiated:
        if modifier.is_applicable(model, bucket):
            yield "negotiated", modifier.name, modifier.factor, None
    for modifier in conditions.promotions:
        if modifier.is_applicable(model, bucket):
            yield "promotion", modifier.name, modifier.factor, None


def _override(band: Band, override: Override, bucket: Bucket) -> tuple[Fraction, int | None]:
    """The factor on a bucket, and the explicit rate it comes from.

    As a ratio to the bucket's own standard rate, an explicit rate survives the other steps:
    2 (input) x 0.05/0.10 (batch) x 0.10/2 (cache read) is the published 0.05.
    """
    explicit = override.rates.get(bucket)
    if explicit is not None:
        return _ratio(explicit, band.rates[bucket]), explicit
    if override.factor is not None:
        return override.factor, None
    direction = _direction(bucket)
    return _ratio(override.rates[direction], band.rates[direction]), None


def _ratio(rate_nano: int, base_nano: int) -> Fraction:
    # Where the base is free the loader lets nothing be dearer, so any factor gives zero.
    return Fraction(rate_nano, base_nano) if base_nano else Fraction(1)
