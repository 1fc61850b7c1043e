"""What each try cost: exact integers, and unknown where nobody knows."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from jeton.charging.costing.costing import CostBook, answered_by, cost_attempts
from jeton.charging.words import Hold, HoldAsk, Metered, Rule
from jeton.pricing.loading import PriceFile, load_book, parse_book
from jeton.pricing.rating import STANDARD
from jeton.upstreams.attempts import Attempt, AttemptOutcome
from jeton.usage import Usage

MODEL = "claude-sonnet-5-5"
AT = datetime(2026, 11, 23, tzinfo=UTC)
COSTS = f"""
[models.{MODEL}]
display_name = "What it costs us"
family = "claude-4.7"
created_on = 2026-01-01
max_input_tokens = 1_000_000
max_output_tokens = 128_000
[[models.{MODEL}.versions]]
from_on = 2026-01-01
web_search_per_1000 = "10.00"
[[models.{MODEL}.versions.bands]]
standard = {{ input = "1", cache_write_5m = "1", cache_write_1h = "2", cache_read = "0.05", output = "5" }}
"""
BOOK = parse_book([PriceFile("costs.toml", COSTS.encode())])
KNOWN = {"a": CostBook(BOOK), "b": CostBook(BOOK)}
# 2,000 × 1,000 + 100,000 × 50 + 1,500 × 5,000 nano.
USAGE = Usage(input_tokens=2_000, cache_read_input_tokens=100_000, output_tokens=1_500)
COST_NANO = 14_500_000


def hold(*attempts: Attempt) -> Hold:
    version = load_book().find_version(MODEL, AT)
    assert version is not None
    ask = HoldAsk(
        request_id="req_1",
        organization_id=UUID(int=1),
        workspace_id="wrkspc_1",
        key_id="apikey_1",
        model=MODEL,
        upstream="a",
        price_version=version,
        amount_nano=10**9,
    )
    return Hold(ask, "txn_1", AT, AT, list(attempts))


def tried(upstream: str = "a", outcome: AttemptOutcome = "answered", status: int = 200) -> Attempt:
    return Attempt(upstream, AT, outcome, status, 12)


def metered(usage: Usage | None = USAGE) -> Metered:
    return Metered(Rule.COMPLETED, usage, "upstream", STANDARD)


def test_a_single_try_without_a_price_leaves_no_row() -> None:
    assert cost_attempts(hold(), metered(), KNOWN) == ()
    assert cost_attempts(hold(tried("c")), metered(), KNOWN) == ()


def test_an_answer_costs_what_the_upstream_asks_for_its_usage() -> None:
    (row,) = cost_attempts(hold(tried()), metered(), KNOWN)
    assert (row.attempt, row.upstream, row.outcome, row.cost_nano) == (1, "a", "answered", COST_NANO)
    assert row.price_version_id == f"{MODEL}@2026-01-01"
    assert sum(line.net_nano for line in row.lines) == COST_NANO
    assert row.usage is not None
    assert row.usage["cache_read"] == 100_000


def test_a_cache_that_only_jeton_keeps_is_full_price_upstream() -> None:
    """102,000 × 1,000 + 1,500 × 5,000 nano."""
    kept = {"a": CostBook(BOOK, is_cache_its_own=False)}
    (row,) = cost_attempts(hold(tried()), metered(), kept)
    assert row.cost_nano == 109_500_000


def test_every_try_is_a_row_and_what_was_refused_costs_nothing() -> None:
    attempts = (tried("a", "refused", 529), tried("b", "unreachable", 0), tried("b"))
    rows = cost_attempts(hold(*attempts), metered(), KNOWN)
    assert [(row.attempt, row.outcome, row.cost_nano) for row in rows] == [
        (1, "refused", 0),
        (2, "unreachable", 0),
        (3, "answered", COST_NANO),
    ]


@pytest.mark.parametrize("outcome", ["failed", "timed_out", "abandoned"])
def test_what_may_have_used_tokens_has_an_unknown_cost(outcome: AttemptOutcome) -> None:
    (row, _) = cost_attempts(hold(tried("a", outcome, 0), tried("b")), metered(), KNOWN)
    assert (row.outcome, row.cost_nano, row.usage) == (outcome, None, None)


def test_a_price_that_nobody_gave_is_no_zero() -> None:
    rows = cost_attempts(hold(tried("a", "refused", 503), tried("c")), metered(), KNOWN)
    assert [row.cost_nano for row in rows] == [0, None]
    assert rows[1].usage is not None


@pytest.mark.parametrize(
    ("rule", "outcome", "cost_nano"),
    [
        (Rule.UPSTREAM_FAILED_DURING_OUTPUT, "broken_off", None),
        (Rule.UPSTREAM_FAILED, "broken_off", None),
        (Rule.CLIENT_LEFT_BEFORE_OUTPUT, "abandoned", None),
        (Rule.REFUSAL_BEFORE_OUTPUT, "answered", None),
    ],
)
def test_a_request_that_costs_the_caller_nothing_may_still_cost_us(
    rule: Rule, outcome: str, cost_nano: int | None
) -> None:
    (row,) = cost_attempts(hold(tried()), rule, KNOWN)
    assert (row.outcome, row.cost_nano) == (outcome, cost_nano)


def test_a_refusal_costs_nothing_and_quarantined_usage_is_unknown() -> None:
    (refused,) = cost_attempts(hold(tried("a", "refused", 400)), Rule.UPSTREAM_REFUSED, KNOWN)
    assert refused.cost_nano == 0
    (unknown,) = cost_attempts(hold(tried()), metered(None), KNOWN)
    assert (unknown.outcome, unknown.cost_nano) == ("answered", None)


def test_who_was_tried_last_is_who_answered() -> None:
    assert answered_by([], "a") == "a"
    assert answered_by([tried("a", "failed", 0), tried("b")], "a") == "b"
