"""Rating sums again: exact where it can be, an interval where it cannot, and never a wrong number."""

from dataclasses import replace
from datetime import date

import pytest
from tests.integration.world import SONNET

from jeton.insight.contract.repricing import Repriced, UsageSum, find_next_month, reprice_model
from jeton.pricing.book import Band, PriceVersion
from jeton.pricing.rating import STANDARD, Conditions, rate
from jeton.usage import Bucket, Usage

USD = 1_000_000_000


def banded(limit: int, *, longer_input: int = 4 * USD) -> PriceVersion:
    """Sonnet's prices up to ``limit`` tokens, and dearer input beyond."""
    (band,) = SONNET.bands
    short = replace(band, band_id=f"prompt<={limit}", up_to_prompt_tokens=limit)
    rates = {**band.rates, Bucket.INPUT: longer_input}
    return replace(SONNET, bands=(short, Band(f"prompt>{limit}", None, rates)))


def summed(
    counts: dict[Bucket, int],
    *,
    requests: int = 1,
    is_beyond: bool = False,
    conditions: Conditions = STANDARD,
) -> UsageSum:
    return UsageSum(SONNET.model, conditions, is_beyond, requests, counts, 0)


def ends(one: Repriced) -> tuple[int | None, int | None]:
    return one.low_nano, one.high_nano


def test_whole_nanos_a_token_are_exact_for_any_number_of_requests() -> None:
    """2,000 nano a token of input and 10,000 of output: 1,000,003 and 7 tokens are $2.000076."""
    one = reprice_model([summed({Bucket.INPUT: 1_000_003, Bucket.OUTPUT: 7}, requests=500)], SONNET)
    assert ends(one) == (2_000_076_000, 2_000_076_000)


def test_conditions_stack_as_the_rating_engine_has_them() -> None:
    """Batch halves and the geography adds a tenth: 1,000 tokens of input at 1,100 nano."""
    conditions = Conditions(service_tier="batch", inference_geo="us")
    one = reprice_model([summed({Bucket.INPUT: 1_000}, conditions=conditions)], SONNET)
    assert ends(one) == (1_100_000, 1_100_000)


@pytest.mark.parametrize(("is_beyond", "nano"), [(False, 2_000_000), (True, 4_000_000)])
def test_a_border_at_200000_tokens_is_known_from_the_sums(is_beyond: bool, nano: int) -> None:  # noqa: FBT001 - a parameter of the table
    one = reprice_model([summed({Bucket.INPUT: 1_000}, is_beyond=is_beyond)], banded(200_000))
    assert ends(one) == (nano, nano)


def test_a_border_elsewhere_gives_both_ends() -> None:
    """Prompts up to 200,000 tokens fall on both sides of 100,000; those beyond on one."""
    one = reprice_model([summed({Bucket.INPUT: 1_000})], banded(100_000))
    assert ends(one) == (2_000_000, 4_000_000)
    assert not one.is_exact
    beyond = reprice_model([summed({Bucket.INPUT: 1_000}, is_beyond=True)], banded(100_000))
    assert ends(beyond) == (4_000_000, 4_000_000)


def test_a_fraction_of_a_nano_a_token_gives_an_interval_that_holds_the_truth() -> None:
    """An eighth of a nano a token: 3 requests of 4 tokens are rounded to 0 each, one of 12 to 2."""
    (band,) = SONNET.bands
    cheap = replace(SONNET, bands=(replace(band, rates={**band.rates, Bucket.INPUT: 125_000}),))
    apart = sum(rate(Usage(4, 0, 0, 0, 0), cheap).net_nano for _ in range(3))
    together = rate(Usage(12, 0, 0, 0, 0), cheap).net_nano
    assert (apart, together) == (0, 2)
    one = reprice_model([summed({Bucket.INPUT: 12}, requests=3)], cheap)
    assert one.low_nano is not None
    assert one.high_nano is not None
    assert one.low_nano <= apart <= one.high_nano
    assert ends(one) == (0, 3)


def test_what_is_not_sold_has_no_amount() -> None:
    fast = reprice_model([summed({Bucket.INPUT: 1}, conditions=Conditions(speed="fast"))], SONNET)
    assert ends(fast) == (None, None)
    assert "fast" in fast.problem
    assert reprice_model([summed({Bucket.INPUT: 1})], None).problem == "has no price on that day"


def test_december_is_followed_by_january() -> None:
    assert find_next_month(date(2026, 12, 1)) == date(2027, 1, 1)
    assert find_next_month(date(2026, 11, 1)) == date(2026, 12, 1)
