"""Lines: quantity x list rate, less each modifier, is what the ledger has; late usage is a difference."""

from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Literal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from jeton.billing.invoicing.drafting.composing import Occasion, compose
from jeton.billing.invoicing.lines.building import Due, build_line
from jeton.billing.invoicing.lines.keys import CREDIT_FREE, ReversedKey, UsageKey
from jeton.billing.invoicing.lines.prices import Prices
from jeton.billing.invoicing.lines.summing import PeriodSums, subtract
from jeton.billing.invoicing.periods import Period
from jeton.billing.invoicing.tax import TaxDecision
from jeton.billing.invoicing.words import Profile, Rules
from jeton.pricing.loading import load_book
from jeton.pricing.rating import Conditions, rate
from jeton.usage import Bucket, Usage

BOOK = load_book()
MODEL = "claude-sonnet-5-5"
AT = datetime(2026, 11, 15, tzinfo=UTC)
VERSION = BOOK.find_version(MODEL, AT)
PRICES = Prices(BOOK.versions)
PERIOD = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
PROFILE = Profile(UUID(int=1), "Buyer", "invoiced", datetime(2026, 1, 1, tzinfo=UTC))
COUNTS = st.integers(1, 10**9)


def key(bucket: Bucket, tier: str = "standard", version_id: str | None = None) -> UsageKey:
    assert VERSION is not None
    known = VERSION.price_version_id if version_id is None else version_id
    return UsageKey("wrkspc_1", MODEL, tier, "global", "standard", "0-200k", bucket.value, known, "")


def due(text: str, quantity: int, nano: int) -> Due:
    return Due(text, PERIOD.period_from, PERIOD.period_to, quantity, nano)


def test_a_batch_line_shows_its_discount() -> None:
    # 1,000,000 output tokens at $10 a million, half of it in a batch.
    line = build_line(due(str(key(Bucket.OUTPUT, "batch")), 1_000_000, 5_000_000_000), PRICES, {})

    assert (line.quantity, line.per, line.list_rate) == (1_000_000, 1_000_000, 10_000_000_000)
    assert (line.list_nano, line.net_nano, line.rounding_nano) == (10_000_000_000, 5_000_000_000, 0)
    assert [(one.stage, one.factor, one.amount_nano) for one in line.discounts] == [
        ("batch", Fraction(1, 2), 5_000_000_000)
    ]
    assert (line.model, line.bucket, line.conditions) == (MODEL, "output", "batch")


@given(
    counts=st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=5),
    tier=st.sampled_from(["standard", "batch"]),
)
def test_whatever_was_used_a_line_adds_up_to_the_ledger(
    counts: list[tuple[int, int]], tier: Literal["standard", "batch"]
) -> None:
    """Each request is rated by itself; the line is of all of them."""
    assert VERSION is not None
    conditions = Conditions(service_tier=tier)
    quantity = nano = 0
    for read, _ in counts:
        (rated,) = rate(Usage(cache_read_input_tokens=read), VERSION, conditions).lines
        quantity, nano = quantity + read, nano + rated.net_nano

    line = build_line(due(str(key(Bucket.CACHE_READ, conditions.service_tier)), quantity, nano), PRICES, {})

    reductions = sum(one.amount_nano for one in line.discounts)
    assert line.list_nano - reductions + line.rounding_nano == line.net_nano == nano
    assert {one.stage for one in line.discounts} <= {"batch", "cache"}
    assert abs(line.rounding_nano) <= len(counts)


def test_prices_that_sums_do_not_tell_apart_are_one_more_step() -> None:
    line = build_line(due(str(key(Bucket.OUTPUT)), 1_000_000, 12_000_000_000), PRICES, {})
    (step,) = line.discounts
    assert (step.stage, step.factor, step.amount_nano) == ("other", Fraction(6, 5), -2_000_000_000)


def test_usage_without_a_price_version_on_record_is_still_billed() -> None:
    line = build_line(due(str(key(Bucket.OUTPUT, version_id="")), 500, 7_000), PRICES, {})
    assert (line.quantity, line.per, line.list_rate, line.net_nano) == (500, 500, 7_000, 7_000)


def test_keys_are_their_own_inverse() -> None:
    usage = key(Bucket.CACHE_WRITE_5M)
    assert UsageKey.parse(str(usage)) == usage
    undone = ReversedKey("wrkspc_1", MODEL, "batch", "us", "fast", "200k-1M")
    assert ReversedKey.parse(str(undone)) == undone


def test_late_usage_is_what_a_key_comes_to_now_less_what_was_billed() -> None:
    output, free = str(key(Bucket.OUTPUT)), CREDIT_FREE
    sums = PeriodSums({output: (300, 3_000), free: (0, -500)})
    billed = {output: (200, 2_000), free: (-1, -500), str(key(Bucket.INPUT)): (10, 20)}

    late = subtract(sums, billed, PERIOD, corrects="INV-1", is_late=True)

    assert [(one.key, one.quantity, one.net_nano) for one in late] == [
        (output, 100, 1_000),
        (str(key(Bucket.INPUT)), -10, -20),
    ]


@given(nanos=st.lists(st.integers(1, 10**12), min_size=1, max_size=30))
def test_a_document_sums_to_the_cent_and_its_lines_too(nanos: list[int]) -> None:
    lines = [build_line(due(str(key(Bucket.OUTPUT, version_id="")), 5, nano), PRICES, {}) for nano in nanos]
    tax = TaxDecision("S", Fraction(19, 100))
    document = compose(Occasion(PROFILE, Rules(), "invoice", "period", PERIOD, AT, tax), lines)

    assert sum(line.net_minor for line in document.lines) == document.lines_minor
    for line in document.lines:
        assert line.list_minor - sum(one.amount_minor for one in line.discounts) == line.net_minor
    assert document.total_minor == document.lines_minor + document.tax_minor
    assert document.total_nano == document.total_minor * 10_000_000
    assert abs(document.net_nano - document.lines_minor * 10_000_000) <= 5_000_000
    assert document.issued_on == date(2026, 11, 15)
