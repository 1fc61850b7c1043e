"""The example of the FAQ: 1,000 requests of 10,000 prompt tokens, 9,000 of them shared, and 500 of output."""

import pytest

from jeton.pricing.loading import load_book
from jeton.pricing.rating import STANDARD, Conditions, rate
from jeton.usage import Usage

# $3 and $15 a million; cache writes at 1.25, reads at a tenth.
VERSION = next(version for version in load_book().versions if version.model == "claude-sonnet-4-6")
PLAIN = Usage(input_tokens=10_000, output_tokens=500)
WRITES = Usage(input_tokens=1_000, cache_creation_5m_input_tokens=9_000, output_tokens=500)
READS = Usage(input_tokens=1_000, cache_read_input_tokens=9_000, output_tokens=500)
BATCH = Conditions("batch")


def total(first: Usage, later: Usage, conditions: Conditions) -> int:
    """1,000 requests in nano, all but the first alike."""
    return rate(first, VERSION, conditions).net_nano + 999 * rate(later, VERSION, conditions).net_nano


@pytest.mark.parametrize(
    ("first", "later", "conditions", "nano"),
    [
        (PLAIN, PLAIN, STANDARD, 37_500_000_000),
        # 999 x (0.003 + 0.0027 + 0.0075) + (0.003 + 0.03375 + 0.0075)
        (WRITES, READS, STANDARD, 13_231_050_000),
        (PLAIN, PLAIN, BATCH, 18_750_000_000),
        (WRITES, READS, BATCH, 6_615_525_000),
    ],
    ids=["one by one", "cache", "batch", "both"],
)
def test_both_discounts_stack(first: Usage, later: Usage, conditions: Conditions, nano: int) -> None:
    assert total(first, later, conditions) == nano


def test_what_each_discount_saved_adds_up() -> None:
    rating = rate(READS, VERSION, BATCH)
    assert rating.list_nano == 37_500_000
    # Batch first: half of everything; then the cache, nine tenths of what is left of 9,000 tokens.
    assert (rating.saved["batch"], rating.saved["cache"]) == (18_750_000, 12_150_000)
    assert rating.net_nano == 6_600_000
