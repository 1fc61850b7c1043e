import tomllib
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.money import parse_usd
from jeton.pricing.book import TOKEN_BUCKETS, Band, ModelCard, Override, PriceVersion
from jeton.pricing.errors import FastBatchError, NotPricedError
from jeton.pricing.loading import load_book
from jeton.pricing.modifiers import Modifier
from jeton.pricing.rating import STAGES, Conditions, Line, ceiling, rate
from jeton.usage import Bucket, Usage

BOOK = load_book()
NOW = datetime(2026, 11, 22, tzinfo=UTC)
GOLDEN = Path(__file__).parents[2] / "golden" / "pricing.toml"
VECTORS = tomllib.loads(GOLDEN.read_text("utf-8"))["vectors"]
V1 = Usage(input_tokens=2_000, cache_read_input_tokens=100_000, output_tokens=1_500)


def version_of(model: str, at: datetime = NOW) -> PriceVersion:
    version = BOOK.find_version(model, at)
    assert version is not None
    return version


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_published_vector_to_the_nano(vector: dict[str, Any]) -> None:
    on = vector.get("at", NOW.date())
    version = version_of(vector["model"], datetime(on.year, on.month, on.day, tzinfo=UTC))
    rating = rate(Usage(**vector["usage"]), version, Conditions(**vector.get("conditions", {})))
    assert {line.bucket.value: line.net_nano for line in rating.lines} == {
        bucket: parse_usd(amount) for bucket, amount in vector["lines"].items()
    }
    assert rating.net_nano == parse_usd(vector["net"])
    assert rating.list_nano - sum(rating.saved.values()) == rating.net_nano


def test_stacking_example_of_the_faq() -> None:
    """1,000 requests at $3 / $15: 10,000 prompt tokens (9,000 shared), 500 output, hits from the second on.

    Standard 37.50 and batch 18.75 are exact; 13.23 and 6.62 are 13.23105 and 6.615525 rounded.
    """
    version = version_of("claude-sonnet-4-6")
    plain = Usage(input_tokens=10_000, output_tokens=500)
    first = Usage(input_tokens=1_000, cache_creation_5m_input_tokens=9_000, output_tokens=500)
    later = Usage(input_tokens=1_000, cache_read_input_tokens=9_000, output_tokens=500)
    batch = Conditions(service_tier="batch")

    def cached(conditions: Conditions) -> int:
        return rate(first, version, conditions).net_nano + 999 * rate(later, version, conditions).net_nano

    assert 1000 * rate(plain, version).net_nano == parse_usd("37.50")
    assert cached(Conditions()) == parse_usd("13.23105")
    assert 1000 * rate(plain, version, batch).net_nano == parse_usd("18.75")
    assert cached(batch) == parse_usd("6.615525")


def test_steps_stand_in_the_declared_order_and_are_kept() -> None:
    conditions = Conditions(
        service_tier="batch",
        inference_geo="us",
        negotiated=(Modifier("contract 2026", Fraction(9, 10)),),
        promotions=(Modifier("autumn", Fraction(1, 2)),),
    )
    rating = rate(V1, version_of("claude-sonnet-5-5"), conditions)
    read = rating.lines[1]
    assert [(step.stage, step.name, step.factor) for step in read.steps] == [
        ("batch", "batch", Fraction(1, 2)),
        ("cache", "cache_read", Fraction(1, 20)),
        ("tier", "inference_geo_us", Fraction(11, 10)),
        ("negotiated", "contract 2026", Fraction(9, 10)),
        ("promotion", "autumn", Fraction(1, 2)),
    ]
    # 100,000 tokens at 2.00 are 0.20: less 0.10, less 0.095, plus 0.0005, less 0.00055, less 0.002475.
    assert [step.reduction_nano for step in read.steps] == [
        100_000_000,
        95_000_000,
        -500_000,
        550_000,
        2_475_000,
    ]
    assert read.list_nano == 200_000_000
    assert read.net_nano == 2_475_000
    assert [step.explicit_rate for step in read.steps] == [None, 100_000_000, None, None, None]


def test_fast_comes_before_geography_and_after_the_cache() -> None:
    usage = Usage(cache_creation_1h_input_tokens=1)
    line = rate(usage, version_of("claude-opus-5-5"), Conditions(speed="fast", inference_geo="us")).lines[0]
    assert [step.name for step in line.steps] == ["cache_write_1h", "fast", "inference_geo_us"]
    assert [step.rate for step in line.steps] == [8_000_000_000, 16_000_000_000, 17_600_000_000]


def test_list_amount_knows_no_cache_and_no_condition() -> None:
    rating = rate(V1, version_of("claude-sonnet-5-5"), Conditions(service_tier="batch", inference_geo="us"))
    assert rating.list_nano == parse_usd("0.219")


def test_saved_has_every_stage() -> None:
    rating = rate(V1, version_of("claude-sonnet-5-5"))
    assert rating.saved == {"batch": 0, "cache": 190_000_000, "tier": 0, "negotiated": 0, "promotion": 0}


def test_an_explicit_rate_wins_over_the_factor() -> None:
    explicit = Override(factor=Fraction(1, 2), rates={Bucket.CACHE_READ: 90})
    band = Band("all", None, dict.fromkeys(TOKEN_BUCKETS, 1_000) | {Bucket.CACHE_READ: 100}, batch=explicit)
    version = make_version((band,))
    rating = rate(
        Usage(input_tokens=10**9, cache_read_input_tokens=10**9), version, Conditions(service_tier="batch")
    )
    assert [line.rate for line in rating.lines] == [500, 90]


def test_without_a_factor_cache_buckets_follow_the_explicit_input_rate() -> None:
    fast = Override(rates={Bucket.INPUT: 3_000, Bucket.OUTPUT: 5_000})
    rates = dict.fromkeys(TOKEN_BUCKETS, 1_000) | {Bucket.CACHE_READ: 100}
    version = make_version((Band("all", None, rates, fast=fast),))
    usage = Usage(input_tokens=1, cache_read_input_tokens=1, output_tokens=1)
    rating = rate(usage, version, Conditions(speed="fast"))
    assert [line.rate for line in rating.lines] == [3_000, 300, 5_000]


def test_modifiers_keep_to_their_models_and_buckets() -> None:
    half = Fraction(1, 2)
    elsewhere = Modifier("other model", half, models=frozenset({"claude-opus-5"}))
    output = Modifier("output", half, buckets=frozenset({Bucket.OUTPUT}))
    rating = rate(V1, version_of("claude-sonnet-5-5"), Conditions(promotions=(elsewhere, output)))
    assert [[step.name for step in line.steps] for line in rating.lines] == [[], ["cache_read"], ["output"]]
    assert rating.net_nano == parse_usd("0.0215")


def test_fast_is_never_in_a_batch() -> None:
    with pytest.raises(FastBatchError):
        rate(V1, version_of("claude-opus-5"), Conditions(service_tier="batch", speed="fast"))


@pytest.mark.parametrize(
    ("model", "conditions", "at"),
    [
        pytest.param("claude-sonnet-5", Conditions(speed="fast"), NOW, id="fast on Sonnet"),
        pytest.param("claude-mythos-5-2", Conditions(speed="fast"), NOW, id="fast on Mythos 5.2"),
        pytest.param("claude-opus-4-5", Conditions(inference_geo="us"), NOW, id="US before 4.6"),
        pytest.param("claude-haiku-4-5", Conditions(inference_geo="us"), NOW, id="US on Haiku 4.5"),
        pytest.param(
            "claude-opus-4-8",
            Conditions(speed="fast"),
            datetime(2026, 11, 30, tzinfo=UTC),
            id="fast on Opus 4.8 from the day it was removed",
        ),
    ],
)
def test_what_has_no_price_is_refused(model: str, conditions: Conditions, at: datetime) -> None:
    version = version_of(model, at)
    with pytest.raises(NotPricedError):
        rate(V1, version, conditions)
    with pytest.raises(NotPricedError):
        ceiling(version, conditions, prompt_tokens=1, output_tokens=1, web_searches=0, cache_write=None)


def test_fast_on_opus_4_8_until_the_day_it_was_removed() -> None:
    version = version_of("claude-opus-4-8", datetime(2026, 11, 29, 23, 59, 59, tzinfo=UTC))
    assert rate(Usage(output_tokens=1_000), version, Conditions(speed="fast")).net_nano == parse_usd("0.05")


def make_version(bands: tuple[Band, ...], web_search_per_1000: int = 10_000_000_000) -> PriceVersion:
    card = ModelCard("m", "M", "o200k", date(2026, 1, 1), 1_000_000, 128_000)
    return PriceVersion(card, date(2026, 1, 1), None, bands, web_search_per_1000)


factors = st.decimals(0, 2, places=3).map(Fraction)
prices = st.integers(1, 10**11)
rates = st.fixed_dictionaries(dict.fromkeys(TOKEN_BUCKETS, prices))
some_rates = st.dictionaries(st.sampled_from(TOKEN_BUCKETS), prices)
overrides = st.builds(Override, factor=factors, rates=some_rates)


@st.composite
def versions(draw: st.DrawFn) -> PriceVersion:
    """A made-up version: any prices, one to three bands, dearer or cheaper as they go up."""
    limits = sorted(draw(st.sets(st.integers(1, 300_000), max_size=2)))
    bands = [
        Band(str(limit), limit, draw(rates), draw(overrides), draw(overrides), draw(overrides))
        for limit in (*limits, None)
    ]
    return make_version(tuple(bands), draw(prices))


any_version = st.one_of(versions(), st.sampled_from(BOOK.versions))
counts = st.integers(0, 200_000)
usages = st.builds(
    Usage,
    input_tokens=counts,
    cache_creation_5m_input_tokens=counts,
    cache_creation_1h_input_tokens=counts,
    cache_read_input_tokens=counts,
    output_tokens=counts,
    web_search_requests=st.integers(0, 100),
)
modifiers = st.lists(st.builds(Modifier, name=st.just("x"), factor=factors), max_size=2).map(tuple)


@st.composite
def sold_conditions(draw: st.DrawFn, version: PriceVersion) -> Conditions:
    """Conditions that the version has a price for."""
    is_batch = version.has_batch and draw(st.booleans())
    is_fast = version.has_fast and not is_batch and draw(st.booleans())
    is_us = version.has_us and draw(st.booleans())
    return Conditions(
        service_tier="batch" if is_batch else "standard",
        inference_geo="us" if is_us else "global",
        speed="fast" if is_fast else "standard",
        negotiated=draw(modifiers),
        promotions=draw(modifiers),
    )


@settings(deadline=None)
@given(st.data(), usages)
def test_list_less_every_saving_is_net(data: st.DataObject, usage: Usage) -> None:
    version = data.draw(any_version)
    rating = rate(usage, version, data.draw(sold_conditions(version)))
    assert rating.list_nano - sum(rating.saved.values()) == rating.net_nano
    for line in rating.lines:
        assert line.list_nano - sum(step.reduction_nano for step in line.steps) == line.net_nano
        assert abs(line.exact - line.net_nano) <= Fraction(1, 2)


@settings(deadline=None)
@given(st.data(), usages)
def test_steps_always_stand_in_the_declared_order(data: st.DataObject, usage: Usage) -> None:
    version = data.draw(any_version)
    for line in rate(usage, version, data.draw(sold_conditions(version))).lines:
        stages = [STAGES.index(step.stage) for step in line.steps]
        assert stages == sorted(stages)


@settings(deadline=None)
@given(st.data(), usages, usages)
def test_exact_amounts_of_one_band_add_up(data: st.DataObject, one: Usage, other: Usage) -> None:
    version = make_version((Band("all", None, data.draw(rates), *data.draw(st.tuples(*[overrides] * 3))),))
    conditions = data.draw(sold_conditions(version))
    both = Usage(**{name: getattr(one, name) + getattr(other, name) for name in Usage.__dataclass_fields__})

    def exact(usage: Usage) -> Fraction:
        return sum((line.exact for line in rate(usage, version, conditions).lines), Fraction(0))

    assert exact(both) == exact(one) + exact(other)


@settings(deadline=None)
@given(st.sampled_from(BOOK.versions), usages, st.data())
def test_more_usage_never_costs_less_in_the_packaged_book(
    version: PriceVersion, usage: Usage, data: st.DataObject
) -> None:
    conditions = data.draw(sold_conditions(version))
    # What was thought is a part of the output: it is no more usage.
    name = data.draw(st.sampled_from(sorted(set(Usage.__dataclass_fields__) - {"thinking_tokens"})))
    more = {field: getattr(usage, field) for field in Usage.__dataclass_fields__}
    more[name] += data.draw(counts)
    assert rate(Usage(**more), version, conditions).net_nano >= rate(usage, version, conditions).net_nano


@settings(deadline=None)
@given(st.data(), usages)
def test_a_stored_version_rates_without_the_book(data: st.DataObject, usage: Usage) -> None:
    version = data.draw(any_version)
    conditions = data.draw(sold_conditions(version))
    stored = PriceVersion.from_content(version.content())
    assert rate(usage, stored, conditions) == rate(usage, version, conditions)


def admissible(usage: Usage, cache_write: str | None) -> Usage:
    """The same usage with only the buckets that the ceiling allows for."""
    writes_5m = usage.cache_creation_5m_input_tokens if cache_write else 0
    writes_1h = usage.cache_creation_1h_input_tokens if cache_write == "1h" else 0
    return Usage(
        input_tokens=usage.input_tokens,
        cache_creation_5m_input_tokens=writes_5m,
        cache_creation_1h_input_tokens=writes_1h,
        cache_read_input_tokens=usage.cache_read_input_tokens,
        output_tokens=usage.output_tokens,
        web_search_requests=usage.web_search_requests,
    )


@settings(deadline=None, max_examples=300)
@given(st.data(), usages, st.sampled_from([None, "5m", "1h"]))
def test_ceiling_is_never_below_the_rating_of_admissible_usage(
    data: st.DataObject, usage: Usage, cache_write: Literal["5m", "1h"] | None
) -> None:
    version = data.draw(any_version)
    conditions = data.draw(sold_conditions(version))
    used = admissible(usage, cache_write)
    bound = ceiling(
        version,
        conditions,
        prompt_tokens=used.prompt_tokens + data.draw(st.integers(0, 50_000)),
        output_tokens=used.output_tokens + data.draw(st.integers(0, 50_000)),
        web_searches=used.web_search_requests,
        cache_write=cache_write,
    )
    assert rate(used, version, conditions).net_nano <= bound


def test_ceiling_holds_for_the_dearest_bucket_and_band() -> None:
    """100,001 tokens of Haiku 5.5: 1 h writes at 1.00 and output at 2.50, with 3 nano for rounding."""
    bound = ceiling(
        version_of("claude-haiku-5-5"),
        Conditions(),
        prompt_tokens=100_001,
        output_tokens=1_000,
        web_searches=2,
        cache_write="1h",
    )
    assert bound == parse_usd("0.122501") + 3


def test_a_line_says_how_many_units_its_rate_is_for() -> None:
    usage = Usage(input_tokens=1, web_search_requests=1)
    lines: tuple[Line, ...] = rate(usage, version_of("claude-opus-5")).lines
    assert [(line.per, line.list_rate) for line in lines] == [(1_000_000, 5 * 10**9), (1_000, 10 * 10**9)]
