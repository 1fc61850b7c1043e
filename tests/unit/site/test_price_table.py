"""The pricing page's table, against published prices."""

from datetime import UTC, date, datetime
from fractions import Fraction

from jeton.pricing.loading import load_book
from jeton.site.pages import display_rate
from jeton.site.prices.table import ModelPrices, find_announced, list_model_prices

AT = datetime(2026, 11, 23, tzinfo=UTC)


def prices_of(model: str, at: datetime = AT) -> ModelPrices:
    return next(price for price in list_model_prices(load_book(), at) if price.model == model)


def shown(rates: dict[str, Fraction] | None) -> list[str]:
    assert rates is not None
    return [display_rate(rate) for rate in rates.values()]


def test_haiku_has_two_bands() -> None:
    low, high = prices_of("claude-haiku-5-5").bands
    assert (low.prompt_tokens_max, high.prompt_tokens_max) == (100_000, None)
    assert shown(low.standard) == ["$0.10", "$0.125", "$0.20", "$0.01", "$0.50"]
    assert shown(high.standard) == ["$0.50", "$0.625", "$1.00", "$0.05", "$2.50"]


def test_batch_fast_and_geography_are_rated_by_the_engine() -> None:
    (band,) = prices_of("claude-opus-5-5").bands
    assert shown(band.standard) == ["$4.00", "$5.00", "$8.00", "$0.20", "$20.00"]
    assert shown(band.batch) == ["$2.00", "$2.50", "$4.00", "$0.10", "$10.00"]
    assert shown(band.fast) == ["$8.00", "$10.00", "$16.00", "$0.40", "$40.00"]
    assert shown(band.us) == ["$4.40", "$5.50", "$8.80", "$0.22", "$22.00"]


def test_a_dated_change_is_announced_and_afterwards_remembered() -> None:
    before = prices_of("claude-sonnet-5-5", datetime(2026, 10, 1, tzinfo=UTC))
    after = prices_of("claude-sonnet-5-5")
    assert before.next is not None
    assert (before.next.from_on, display_rate(before.next_bands[0].standard["cache_read"])) == (
        date(2026, 10, 7), "$0.10",
    )  # fmt: skip
    assert display_rate(before.bands[0].standard["cache_read"]) == "$0.20"
    assert (after.next, [past.price_version_id for past in after.past]) == (
        None, ["claude-sonnet-5-5@2026-09-28"],
    )  # fmt: skip


def test_a_model_without_a_price_in_force_is_announced_only() -> None:
    early = datetime(2026, 11, 1, tzinfo=UTC)
    assert "claude-fable-5-2@2026-11-09" in [v.price_version_id for v in find_announced(load_book(), early)]
    assert "claude-fable-5-2" not in [price.model for price in list_model_prices(load_book(), early)]
