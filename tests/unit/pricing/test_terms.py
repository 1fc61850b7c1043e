"""Terms: rates and factors of one's own, worked by hand; and for any terms: stack exact, bound enough."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.errors import InvalidInputError, MoneyError
from jeton.money import parse_usd
from jeton.pricing.book import PriceVersion
from jeton.pricing.errors import PriceContentError
from jeton.pricing.loading import load_book
from jeton.pricing.modifiers import AgreedRate
from jeton.pricing.rating import STANDARD, Conditions, ceiling, rate, stacks_of
from jeton.pricing.terms import (
    TIERS,
    OwnTerms,
    Scope,
    Terms,
    agree,
    is_quarter,
    next_quarter,
    parse_factor,
    parse_scope,
)
from jeton.usage import Bucket, Usage

BOOK = load_book()
NOW = datetime(2026, 11, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)
USD = 10**9
BATCH = Conditions(service_tier="batch")
V1 = Usage(input_tokens=2_000, cache_read_input_tokens=100_000, output_tokens=1_500)


def version_of(model: str) -> PriceVersion:
    version = BOOK.find_version(model, NOW)
    assert version is not None
    return version


# 2 in, 2.50 / 4 written, 0.10 read, 10 out; in a batch half of it, but reads at 0.05 / 0.10 (published).
SONNET = version_of("claude-sonnet-5-5")


def terms(
    *rates: AgreedRate,
    factor: Fraction | None = None,
    scope: str = "model:claude-sonnet-5-5",
    name: str = "terms_1",
    begins: datetime = NOW,
    ends: datetime | None = None,
) -> Terms:
    return Terms(name, parse_scope(scope), factor, rates, begins, ends)


def net(usage: Usage, agreed: Terms, conditions: Conditions = STANDARD) -> int:
    return rate(usage, SONNET, agree(conditions, agreed)).net_nano


def test_a_factor_comes_after_batch_and_cache_and_is_shown_by_its_id() -> None:
    agreed = terms(factor=Fraction(85, 100))
    rating = rate(V1, SONNET, agree(STANDARD, agreed))
    # 0.85 x (2,000 x 2 + 100,000 x 0.10 + 1,500 x 10) / 1,000,000 = 0.85 x $0.029
    assert rating.net_nano == parse_usd("0.02465")
    assert rating.saved["negotiated"] == parse_usd("0.00435")
    (step,) = [step for step in rating.lines[0].steps if step.stage == "negotiated"]
    assert (step.name, step.factor, step.explicit_rate) == ("terms_1", Fraction(17, 20), None)


@pytest.mark.parametrize(
    ("rates", "factor", "conditions", "usage", "expected"),
    [
        pytest.param((("standard", "input", "1.50"),), None, STANDARD, Usage(10**6), "1.50", id="a rate"),
        pytest.param((("standard", "input", "3"),), None, STANDARD, Usage(10**6), "3", id="above list"),
        pytest.param((("standard", "input", "1.50"),), None, BATCH, Usage(10**6), "0.75", id="half in batch"),
        pytest.param(
            (("standard", "input", "1.50"), ("batch", "input", "0.60")),
            None, BATCH, Usage(10**6), "0.60", id="the tier's own rate wins",
        ),
        pytest.param(
            (("standard", "input", "1.50"),), Fraction(1, 2), STANDARD, Usage(10**6), "1.50",
            id="a rate wins over the factor",
        ),
        pytest.param(
            (("standard", "input", "1.50"),), Fraction(1, 2), STANDARD, Usage(output_tokens=10**6), "5",
            id="the factor has the rest",
        ),
        pytest.param(
            (("standard", "input", "1.50"),), None, STANDARD, Usage(output_tokens=10**6), "10",
            id="without a factor the rest stays",
        ),
        pytest.param(
            (("standard", "input", "1"),), None, STANDARD, Usage(cache_read_input_tokens=10**6), "0.05",
            id="reads follow the input at half",
        ),
        pytest.param(
            (("standard", "cache_read", "0.08"),), None, STANDARD, Usage(cache_read_input_tokens=10**6),
            "0.08", id="reads of their own",
        ),
        pytest.param(
            (("standard", "input", "1"),), None, Conditions(inference_geo="us"), Usage(10**6), "1.1",
            id="the surcharge of a geography stays",
        ),
        pytest.param(
            (("standard", "web_search", "7"),), None, BATCH, Usage(web_search_requests=1000), "7",
            id="searches",
        ),
    ],
)  # fmt: skip
def test_rates_of_ones_own(
    rates: tuple[tuple[Literal["standard", "batch"], str, str], ...],
    factor: Fraction | None,
    conditions: Conditions,
    usage: Usage,
    expected: str,
) -> None:
    agreed = terms(
        *(AgreedRate(tier, Bucket(name), parse_usd(usd)) for tier, name, usd in rates), factor=factor
    )
    assert net(usage, agreed, conditions) == parse_usd(expected)


def test_a_rate_may_be_for_one_length_of_prompt() -> None:
    haiku = version_of("claude-haiku-5-5")
    short, long = (band.band_id for band in haiku.bands)
    agreed = terms(AgreedRate("standard", Bucket.INPUT, USD // 2, long), scope="model:claude-haiku-5-5")
    conditions = agree(STANDARD, agreed)
    assert stacks_of(haiku, long, conditions)[Bucket.INPUT].rate == USD // 2
    assert stacks_of(haiku, short, conditions)[Bucket.INPUT].rate == haiku.bands[0].rates[Bucket.INPUT]


def test_a_search_costs_the_same_for_every_length_of_prompt() -> None:
    """The bound of a hold knows one rate of searches; one for long prompts alone would exceed it."""
    haiku = version_of("claude-haiku-5-5")
    long = haiku.bands[-1].band_id
    agreed = terms(AgreedRate("standard", Bucket.WEB_SEARCH, 100 * USD, long), scope="model:claude-haiku-5-5")
    conditions = agree(STANDARD, agreed)
    usage = Usage(input_tokens=haiku.max_input_tokens, web_search_requests=1_000)
    listed = rate(usage, haiku, STANDARD).net_nano
    assert rate(usage, haiku, conditions).net_nano == listed
    bound = ceiling(
        haiku,
        conditions,
        prompt_tokens=usage.prompt_tokens,
        output_tokens=0,
        web_searches=1_000,
        cache_write=None,
    )
    assert bound >= listed


def test_the_model_comes_before_its_line_and_the_line_before_all() -> None:
    every = terms(factor=Fraction(9, 10), scope="all", name="terms_all")
    line = terms(factor=Fraction(8, 10), scope="line:sonnet", name="terms_line", begins=NOW + HOUR)
    own = terms(factor=Fraction(7, 10), name="terms_own", begins=NOW + 2 * HOUR, ends=NOW + 3 * HOUR)
    known = OwnTerms([every, line, own])
    hours = [known.find(SONNET, NOW + count * HOUR) for count in range(-1, 4)]
    assert [one and one.terms_id for one in hours] == [
        None, "terms_all", "terms_line", "terms_own", "terms_line",
    ]  # fmt: skip
    other = known.find(version_of("claude-opus-5-5"), NOW + 2 * HOUR)
    assert other is not None
    assert other.terms_id == "terms_all"


def test_the_end_is_not_in_force_any_more() -> None:
    agreed = OwnTerms([terms(factor=Fraction(1, 2), ends=NOW + HOUR)])
    assert agreed.find(SONNET, NOW + HOUR - timedelta(microseconds=1)) is not None
    assert agreed.find(SONNET, NOW + HOUR) is None


def test_what_was_ended_before_it_began_is_no_agreement() -> None:
    void = terms(factor=Fraction(1, 2), begins=NOW + HOUR, ends=NOW + HOUR)
    assert OwnTerms([void]).terms == ()
    assert not void.overlaps(terms(factor=Fraction(1, 2)))


def test_what_follows_does_not_overlap() -> None:
    first = terms(factor=Fraction(1, 2), ends=NOW + HOUR)
    assert not first.overlaps(terms(factor=Fraction(1, 2), begins=NOW + HOUR))
    assert first.overlaps(terms(factor=Fraction(1, 2), begins=NOW + HOUR - timedelta(minutes=15)))
    assert not first.overlaps(terms(factor=Fraction(1, 2), scope="all"))


def test_quarters_of_an_hour() -> None:
    assert is_quarter(NOW)
    assert not is_quarter(NOW + timedelta(seconds=1))
    assert next_quarter(NOW) == NOW
    assert next_quarter(NOW + timedelta(microseconds=1)) == NOW + timedelta(minutes=15)


@pytest.mark.parametrize("text", ["sonnet", "model:", "line", "all:", "family:x", ""])
def test_no_scope(text: str) -> None:
    with pytest.raises(InvalidInputError, match="line:NAME"):
        parse_scope(text)


def test_factors_are_exact() -> None:
    assert parse_factor("0.85") == parse_factor("17/20") == Fraction(17, 20)
    for text in (
        "1/0",
        "a/b",
        "-1/2",
        "0.8x",
        "1/",
        "/2",
        "1/٣",
        "9" * 5000,
        "1/" + "9" * 5000,
        "1e999999999",
    ):
        with pytest.raises(MoneyError):
            parse_factor(text)


def test_content_that_was_bent_is_refused() -> None:
    content = terms(factor=Fraction(1, 2)).content()
    for bent in ({"schema": 2}, {"rates": "none"}, {"rates": [{"tier": "x"}]}, {"factor": "half"}):
        with pytest.raises(PriceContentError):
            Terms.from_content("terms_1", {**content, **bent}, effective_from=NOW, effective_to=None)


agreed_rates = st.builds(
    AgreedRate,
    tier=st.sampled_from(TIERS),
    bucket=st.sampled_from(list(Bucket)),
    rate=st.integers(1, 100 * USD),
    band_id=st.sampled_from(["", *{band.band_id for version in BOOK.versions for band in version.bands}]),
)
factors = st.fractions(min_value=Fraction(1, 100), max_value=10, max_denominator=1000)
any_terms = st.builds(
    Terms,
    terms_id=st.just("terms_1"),
    scope=st.just(Scope("all")),
    factor=factors,
    rates=st.lists(agreed_rates, max_size=6).map(tuple),
    effective_from=st.just(NOW),
    effective_to=st.none(),
) | st.builds(
    Terms,
    terms_id=st.just("terms_1"),
    scope=st.just(Scope("all")),
    factor=st.none(),
    rates=st.lists(agreed_rates, min_size=1, max_size=6).map(tuple),
    effective_from=st.just(NOW),
    effective_to=st.none(),
)
counts = st.integers(0, 400_000)
usages = st.builds(
    Usage,
    input_tokens=counts,
    cache_creation_5m_input_tokens=counts,
    cache_creation_1h_input_tokens=counts,
    cache_read_input_tokens=counts,
    output_tokens=counts,
    web_search_requests=st.integers(0, 100),
)


@st.composite
def sold(draw: st.DrawFn, version: PriceVersion) -> Conditions:
    is_batch = version.has_batch and draw(st.booleans())
    is_fast = version.has_fast and not is_batch and draw(st.booleans())
    is_us = version.has_us and draw(st.booleans())
    return Conditions(
        "batch" if is_batch else "standard", "us" if is_us else "global", "fast" if is_fast else "standard"
    )


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(BOOK.versions), any_terms, usages, st.data())
def test_net_is_the_product_of_the_stack_rounded_once(
    version: PriceVersion, agreed: Terms, usage: Usage, data: st.DataObject
) -> None:
    rating = rate(usage, version, agree(data.draw(sold(version)), agreed))
    assert rating.list_nano - sum(rating.saved.values()) == rating.net_nano
    for line in rating.lines:
        product = Fraction(line.list_rate)
        for step in line.steps:
            product *= step.factor
        assert line.exact == product * line.quantity / line.per
        assert abs(line.exact - line.net_nano) <= Fraction(1, 2)
        stages = [step.stage for step in line.steps]
        assert stages.count("negotiated") == 1
        assert stages[-1] == "negotiated"


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(BOOK.versions), any_terms, st.data())
def test_a_rate_that_is_said_is_paid_but_for_a_geography(
    version: PriceVersion, agreed: Terms, data: st.DataObject
) -> None:
    conditions = agree(Conditions(data.draw(sold(version)).service_tier), agreed)
    for band in version.bands:
        stacks = stacks_of(version, band.band_id, conditions)
        for bucket, stack in stacks.items():
            tier = "standard" if bucket is Bucket.WEB_SEARCH else conditions.service_tier
            said = agreed.modifier.find_rate(
                tier, "" if bucket is Bucket.WEB_SEARCH else band.band_id, bucket
            )
            if said is not None and stack.rate:
                assert stack.rate == said


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(BOOK.versions), any_terms, usages, st.data())
def test_the_bound_covers_any_terms(
    version: PriceVersion, agreed: Terms, usage: Usage, data: st.DataObject
) -> None:
    conditions = agree(data.draw(sold(version)), agreed)
    bound = ceiling(
        version,
        conditions,
        prompt_tokens=usage.prompt_tokens + data.draw(st.integers(0, 50_000)),
        output_tokens=usage.output_tokens,
        web_searches=usage.web_search_requests,
        cache_write="1h",
    )
    assert rate(usage, version, conditions).net_nano <= bound


@given(any_terms)
def test_stored_terms_read_back(agreed: Terms) -> None:
    stored = Terms.from_row((agreed.terms_id, agreed.content(), agreed.effective_from, agreed.effective_to))
    assert stored == agreed
    assert stored.modifier == agreed.modifier
