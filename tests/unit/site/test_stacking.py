"""The FAQ's example of stacked discounts, against the figures worked out by hand."""

from datetime import UTC, datetime

from jeton.pricing.book import PriceBook
from jeton.pricing.loading import load_book
from jeton.site.prices.stacking import find_example, find_sample

AT = datetime(2026, 11, 23, tzinfo=UTC)


def test_both_discounts_together_save_82_percent() -> None:
    # 1,000 requests, 10,000 prompt tokens of which 9,000 are shared, 500 output, at $3 / $15:
    # standard 1,000 × (0.03 + 0.0075); cached 0.04425 + 999 × (0.003 + 0.0027 + 0.0075) without
    # batch; both are halved in a batch.
    example = find_example(load_book(), AT)
    assert example is not None
    assert example.version.model == "claude-sonnet-4-6"
    assert example.standard_nano == 37_500_000_000
    assert example.cached_nano == 13_231_050_000
    assert example.batch_nano == 18_750_000_000
    assert example.both_nano == 6_615_525_000
    assert example.saved_percent == "82.4"


def test_the_sample_receipt_is_the_published_vector() -> None:
    sample = find_sample(load_book(), AT)
    assert sample is not None
    version, rating = sample
    assert version.price_version_id == "claude-sonnet-5-5@2026-10-07"
    assert rating.net_nano == 29_000_000


def test_an_empty_book_has_no_example() -> None:
    assert find_example(PriceBook(()), AT) is None
    assert find_sample(PriceBook(()), AT) is None
