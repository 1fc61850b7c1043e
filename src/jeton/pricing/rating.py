"""Rating: usage, a price version and conditions in; money out, with every step that led to it.

Per line the charge is ``quantity x list rate x all factors``, an exact rational, rounded once,
half-even, to the nano-dollar. Factors stack in one declared order: batch, cache bucket, tier
(fast mode, then geography), negotiated, promotion. Pure: no clock, no book, no rounding of
anything but a line.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

import msgspec

from jeton.money import TOKENS_PER_MTOK, divide_half_even
from jeton.pricing.book import Band, Override, PriceVersion
from jeton.pricing.errors import FastBatchError, NotPricedError
from jeton.pricing.modifiers import Modifier, Tier
from jeton.usage import Bucket, Usage

Stage = Literal["batch", "cache", "tier", "negotiated", "promotion"]
STAGES: tuple[Stage, ...] = ("batch", "cache", "tier", "negotiated", "promotion")
SEARCHES_PER_PRICE = 1000
STACKS_KEPT_MAX = 4096
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
class Mark:
    """A step before there is a quantity: what one modifier makes of a bucket's rate."""

    stage: Stage
    name: str
    factor: Fraction
    explicit_rate: int | None
    rate: Fraction


# A rate as whole numbers: a quantity times the first, divided by the second, is nano-dollars.
Division = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Stack:
    """A bucket's list rate and its modifiers in order, for one band and set of conditions.

    Rates are nano-dollars per ``per`` (a million tokens, a thousand searches). ``divisions``
    are the running rates, list rate first, as (numerator, denominator times ``per``).
    """

    bucket: Bucket
    per: int
    list_rate: int
    marks: tuple[Mark, ...]
    divisions: tuple[Division, ...]

    @property
    def rate(self) -> Fraction:
        """The rate after every modifier."""
        return self.marks[-1].rate if self.marks else Fraction(self.list_rate)


class Line(msgspec.Struct, frozen=True):
    """One bucket's charge: ``exact`` = quantity x rate / per, ``net_nano`` its one rounding.

    ``list_nano`` is the quantity at the plain list rate of its direction (uncached input, or
    output; a search at its own); list - sum of the steps' reductions = net, exactly.
    """

    stack: Stack
    quantity: int
    amounts_nano: tuple[int, ...]

    @property
    def bucket(self) -> Bucket:
        """What was counted."""
        return self.stack.bucket

    @property
    def per(self) -> int:
        """How many units a rate is for."""
        return self.stack.per

    @property
    def list_rate(self) -> int:
        """The plain list rate, nano per ``per``."""
        return self.stack.list_rate

    @property
    def rate(self) -> Fraction:
        """The rate after every modifier, nano per ``per``."""
        return self.stack.rate

    @property
    def exact(self) -> Fraction:
        """The product before its rounding, in nano."""
        return self.stack.rate * self.quantity / self.stack.per

    @property
    def list_nano(self) -> int:
        """The amount at the list rate."""
        return self.amounts_nano[0]

    @property
    def net_nano(self) -> int:
        """The amount charged."""
        return self.amounts_nano[-1]

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every modifier in order, with what it took off."""
        return tuple(
            Step(mark.stage, mark.name, mark.factor, mark.explicit_rate, mark.rate, before - after)
            for mark, before, after in zip(
                self.stack.marks, self.amounts_nano, self.amounts_nano[1:], strict=False
            )
        )


class Rating(msgspec.Struct, frozen=True):
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
    band = version.find_band(usage.prompt_tokens)
    stacks = stacks_of(version, band.band_id, conditions)
    saved = dict.fromkeys(STAGES, 0)
    lines = []
    list_nano = net_nano = 0
    for bucket, quantity in usage.quantities():
        if quantity:
            stack = stacks[bucket]
            amounts = tuple([divide_half_even(quantity * up, down) for up, down in stack.divisions])
            for mark, before, after in zip(stack.marks, amounts, amounts[1:], strict=False):
                saved[mark.stage] += before - after
            list_nano += amounts[0]
            net_nano += amounts[-1]
            lines.append(Line(stack, quantity, amounts))
    return Rating(version.price_version_id, band.band_id, tuple(lines), list_nano, net_nano, saved)


def require_priced(version: PriceVersion, conditions: Conditions) -> None:
    """Raise NotPricedError or FastBatchError unless these conditions have a price here."""
    is_batch = conditions.service_tier == "batch"
    is_fast = conditions.speed == "fast"
    if is_batch and is_fast:
        raise FastBatchError
    if is_batch and not version.has_batch:
        raise NotPricedError(version.price_version_id, "batch", remedy="ask for the standard tier")
    if is_fast and not version.has_fast:
        raise NotPricedError(version.price_version_id, "fast mode", remedy="ask for standard speed")
    if conditions.inference_geo == "us" and not version.has_us:
        raise NotPricedError(version.price_version_id, "US inference", remedy="leave the geography out")


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
    dearest = 0
    for band in _reachable_bands(version, prompt_tokens):
        prompt, output = _dearest(version, band.band_id, conditions, cache_write)
        dearest = max(dearest, _most(prompt, prompt_tokens) + _most(output, output_tokens))
    if web_searches:
        stacks = stacks_of(version, version.bands[0].band_id, conditions)
        dearest += _most(stacks[Bucket.WEB_SEARCH].divisions[-1], web_searches)
    return dearest + ROUNDING_SLACK_NANO


@lru_cache(maxsize=STACKS_KEPT_MAX)
def _dearest(
    version: PriceVersion, band_id: str, conditions: Conditions, cache_write: Literal["5m", "1h"] | None
) -> tuple[Division, Division]:
    """The dearest rates of a band's prompt and of its output; worked out once, as ``stacks_of``."""
    buckets = [Bucket.INPUT, Bucket.CACHE_READ]
    if cache_write is not None:
        buckets.append(Bucket.CACHE_WRITE_5M)
    if cache_write == "1h":
        buckets.append(Bucket.CACHE_WRITE_1H)
    stacks = stacks_of(version, band_id, conditions)
    prompt = max((stacks[bucket] for bucket in buckets), key=lambda stack: stack.rate / stack.per)
    return prompt.divisions[-1], stacks[Bucket.OUTPUT].divisions[-1]


@lru_cache(maxsize=STACKS_KEPT_MAX)
def stacks_of(version: PriceVersion, band_id: str, conditions: Conditions) -> Mapping[Bucket, Stack]:
    """Every bucket's stack in one band; worked out once, since it is the same for every request.

    Raises NotPricedError and FastBatchError.
    """
    require_priced(version, conditions)
    band = next(band for band in version.bands if band.band_id == band_id)
    return {bucket: _stack(version, band, conditions, bucket) for bucket in Bucket}


def _most(division: Division, quantity: int) -> int:
    up, down = division
    return -(-quantity * up // down)


def _reachable_bands(version: PriceVersion, prompt_tokens: int) -> Iterator[Band]:
    for band in version.bands:
        yield band
        if band.up_to_prompt_tokens is None or prompt_tokens <= band.up_to_prompt_tokens:
            return


def _stack(version: PriceVersion, band: Band, conditions: Conditions, bucket: Bucket) -> Stack:
    per = SEARCHES_PER_PRICE if bucket is Bucket.WEB_SEARCH else TOKENS_PER_MTOK
    list_rate = _list_rate(version, band, bucket)
    running = Fraction(list_rate)
    rates, marks = [running], []
    for stage, name, factor, explicit_rate in _factors(version, band, conditions, bucket):
        running *= factor
        rates.append(running)
        marks.append(Mark(stage, name, factor, explicit_rate, running))
    divisions = tuple((rate.numerator, rate.denominator * per) for rate in rates)
    return Stack(bucket, per, list_rate, tuple(marks), divisions)


def _list_rate(version: PriceVersion, band: Band, bucket: Bucket) -> int:
    if bucket is Bucket.WEB_SEARCH:
        return version.web_search_per_1000
    return band.rates[_direction(bucket)]


def _direction(bucket: Bucket) -> Bucket:
    return Bucket.OUTPUT if bucket is Bucket.OUTPUT else Bucket.INPUT


def _factors(
    version: PriceVersion, band: Band, conditions: Conditions, bucket: Bucket
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
    own: tuple[tuple[Stage, tuple[Modifier, ...]], ...] = (
        ("negotiated", conditions.negotiated),
        ("promotion", conditions.promotions),
    )
    for stage, modifiers in own:
        for modifier in modifiers:
            if modifier.is_applicable(version.model, bucket):
                yield stage, modifier.name, *_agreed(version, band, conditions, bucket, modifier)


def _agreed(
    version: PriceVersion, band: Band, conditions: Conditions, bucket: Bucket, modifier: Modifier
) -> tuple[Fraction, int | None]:
    """What a modifier of one's own makes of a bucket's rate, and the explicit rate it comes from.

    A rate of the request's tier comes before the standard tier's, which keeps the published discount of
    the tier; a bucket's own rate before that of ``input``, which cache buckets follow without a factor.
    """
    tiers: tuple[Tier, ...] = (_tier(conditions, bucket), "standard")
    # A search costs the same whatever the length of the prompt.
    band_id = "" if bucket is Bucket.WEB_SEARCH else band.band_id
    for tier in tiers if modifier.rates else ():
        rate_nano = modifier.find_rate(tier, band_id, bucket)
        if rate_nano is not None:
            return _ratio(rate_nano, _published(version, band, tier, bucket)), rate_nano
    if modifier.factor is not None:
        return modifier.factor, None
    for tier in tiers if bucket in CACHE_BUCKETS else ():
        rate_nano = modifier.find_rate(tier, band.band_id, Bucket.INPUT)
        if rate_nano is not None:
            return _ratio(rate_nano, _published(version, band, tier, Bucket.INPUT)), None
    return Fraction(1), None


def _tier(conditions: Conditions, bucket: Bucket) -> Tier:
    # A search is sold by the piece, in every tier at one rate.
    if bucket is Bucket.WEB_SEARCH:
        return "standard"
    return "batch" if conditions.service_tier == "batch" else conditions.speed


def _published(version: PriceVersion, band: Band, tier: Tier, bucket: Bucket) -> Fraction:
    """A bucket's published rate in a tier, before the surcharge of a geography."""
    if bucket is Bucket.WEB_SEARCH:
        return Fraction(version.web_search_per_1000)
    override = {"standard": None, "batch": band.batch, "fast": band.fast}[tier]
    factor = Fraction(1) if override is None else _override(band, override, bucket)[0]
    return band.rates[bucket] * factor


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


def _ratio(rate_nano: int, base_nano: int | Fraction) -> Fraction:
    # Where the base is free the loader lets nothing be dearer, nor may terms, so any factor gives zero.
    return Fraction(rate_nano) / base_nano if base_nano else Fraction(1)
