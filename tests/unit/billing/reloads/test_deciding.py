from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.billing.reloads.deciding import decide, find_back_off, find_month, rearm
from jeton.billing.reloads.words import (
    AMOUNT_MAX_NANO,
    AMOUNT_MIN_NANO,
    CENT_NANO,
    Attempt,
    Decision,
    Nothing,
    OffReason,
    Outcome,
    Reload,
    Rule,
    Standing,
    SwitchOff,
    Terms,
)

USD = 1_000_000_000
AT = datetime(2026, 11, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TERMS = Terms(failures_max=4, back_off_first=HOUR, back_off_max=timedelta(days=3))
RULE = Rule(
    threshold_nano=10 * USD,
    target_nano=50 * USD,
    ceiling_nano=200 * USD,
    zone="Europe/Berlin",
    cool_down=timedelta(minutes=10),
    armed_at=datetime(2026, 11, 1, tzinfo=UTC),
)
LOW = Standing(balance_nano=4 * USD, pending_nano=0, bought_nano=0, has_open=False, card="visa")


def tried(outcome: Outcome, *, hours_ago: int, card: str = "visa") -> Attempt:
    ended_at = AT - hours_ago * HOUR
    return Attempt(ended_at - timedelta(seconds=5), ended_at, outcome, card)


SOFT, HARD, DONE = Outcome.SOFT_DECLINE, Outcome.HARD_DECLINE, Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        pytest.param(LOW, Reload(46 * USD), id="up to the target"),
        pytest.param(replace(LOW, balance_nano=10 * USD), Nothing("enough"), id="at the threshold"),
        pytest.param(replace(LOW, pending_nano=6 * USD), Nothing("enough"), id="what comes counts"),
        pytest.param(replace(LOW, pending_nano=5 * USD), Reload(41 * USD), id="less what comes"),
        pytest.param(replace(LOW, balance_nano=4 * USD + 1), Reload(46 * USD), id="rounded up to the cent"),
        pytest.param(replace(LOW, bought_nano=170 * USD), Reload(30 * USD), id="what the ceiling leaves"),
        pytest.param(
            replace(LOW, bought_nano=196 * USD),
            Nothing("ceiling", datetime(2026, 11, 30, 23, tzinfo=UTC)),
            id="four dollars are no payment",
        ),
        pytest.param(replace(LOW, has_open=True), Nothing("open"), id="one at a time"),
        pytest.param(replace(LOW, card=""), SwitchOff(OffReason.NO_CARD), id="no card"),
        pytest.param(
            replace(LOW, attempts=(tried(HARD, hours_ago=100),)),
            SwitchOff(OffReason.HARD_DECLINE),
            id="no, and for good",
        ),
        pytest.param(
            replace(LOW, attempts=(tried(HARD, hours_ago=100, card="old"),)), Reload(46 * USD), id="new card"
        ),
        pytest.param(
            replace(LOW, attempts=(tried(SOFT, hours_ago=1),)), Reload(46 * USD), id="after an hour"
        ),
        pytest.param(
            replace(LOW, attempts=(tried(SOFT, hours_ago=5), tried(SOFT, hours_ago=3))),
            Nothing("back_off", AT + HOUR),
            id="four hours after the second",
        ),
        pytest.param(
            replace(LOW, attempts=(tried(SOFT, hours_ago=9), tried(DONE, hours_ago=8))),
            Reload(46 * USD),
            id="a success ends the count",
        ),
        pytest.param(
            replace(LOW, attempts=tuple(tried(SOFT, hours_ago=90 - n) for n in range(4))),
            SwitchOff(OffReason.FAILURES),
            id="four in a row",
        ),
        pytest.param(
            replace(LOW, attempts=(tried(DONE, hours_ago=0),)),
            Nothing("cool_down", AT - timedelta(seconds=5) + timedelta(minutes=10)),
            id="cool-down from when it was opened",
        ),
        pytest.param(
            replace(LOW, attempts=(tried(Outcome.AUTHENTICATION_REQUIRED, hours_ago=30),)),
            SwitchOff(OffReason.AUTHENTICATION_REQUIRED),
            id="somebody has to sit there",
        ),
        pytest.param(
            replace(LOW, attempts=(tried(Outcome.CANCELED, hours_ago=0),)),
            Nothing("back_off", AT + HOUR),
            id="not at once after one that was called off",
        ),
    ],
)
def test_what_is_decided(standing: Standing, expected: Decision) -> None:
    assert decide(RULE, standing, terms=TERMS, at=AT) == expected


def test_a_rule_that_is_off_buys_nothing() -> None:
    off = replace(RULE, off_reason=OffReason.SWITCHED_OFF)
    assert decide(off, LOW, terms=TERMS, at=AT) == Nothing("off")


@pytest.mark.parametrize(("failures", "hours"), [(1, 1), (2, 4), (3, 16), (4, 64), (5, 72), (90, 72)])
def test_back_off_grows_to_its_end(failures: int, hours: int) -> None:
    assert find_back_off(failures, TERMS) == hours * HOUR


def test_no_card_is_asked_a_sixteenth_time_in_thirty_days_however_often_it_is_rearmed() -> None:
    declined = tuple(tried(SOFT, hours_ago=24 * (20 - n)) for n in range(15))
    armed = replace(RULE, armed_at=AT)
    standing = replace(LOW, attempts=declined)
    assert decide(armed, standing, terms=TERMS, at=AT) == Nothing("retries", AT + timedelta(days=10))
    assert decide(armed, replace(standing, attempts=declined[1:]), terms=TERMS, at=AT) == Reload(46 * USD)


def test_another_card_arms_again_and_the_same_one_does_not() -> None:
    off = replace(RULE, off_reason=OffReason.FAILURES, off_card="visa")
    assert rearm(off, "visa", AT) == off
    assert rearm(off, "", AT) == off
    assert rearm(off, "master", AT) == replace(RULE, armed_at=AT)
    by_hand = replace(off, off_reason=OffReason.SWITCHED_OFF)
    assert rearm(by_hand, "master", AT) == by_hand


def test_a_month_is_one_of_the_zone() -> None:
    # 1 November 00:00 in Berlin is 31 October 23:00 UTC.
    assert find_month("Europe/Berlin", AT).starts_at == datetime(2026, 10, 31, 23, tzinfo=UTC)


nanos = st.integers(0, 300 * USD)
attempts = st.lists(
    st.tuples(st.sampled_from(Outcome), st.integers(0, 800), st.sampled_from(["visa", "master"])), max_size=20
).map(lambda rows: tuple(tried(o, hours_ago=h, card=c) for o, h, c in sorted(rows, key=lambda row: -row[1])))


@given(nanos, nanos, nanos, st.booleans(), st.sampled_from(["", "visa"]), attempts, nanos, nanos, nanos)
def test_what_is_bought_is_needed_and_within_the_ceiling(  # noqa: PLR0913, PLR0917 - one value each
    balance: int,
    pending: int,
    bought: int,
    has_open: bool,  # noqa: FBT001 - drawn like the others
    card: str,
    past: tuple[Attempt, ...],
    threshold: int,
    above: int,
    ceiling: int,
) -> None:
    rule = replace(
        RULE, threshold_nano=threshold, target_nano=threshold + AMOUNT_MIN_NANO + above, ceiling_nano=ceiling
    )
    standing = Standing(balance, pending, bought, has_open, card, attempts=past)
    decision = decide(rule, standing, terms=TERMS, at=AT)
    assert decision == decide(rule, standing, terms=TERMS, at=AT)
    if isinstance(decision, Reload):
        assert not has_open
        assert card
        assert balance + pending < threshold
        assert AMOUNT_MIN_NANO <= decision.amount_nano <= AMOUNT_MAX_NANO
        assert decision.amount_nano % CENT_NANO == 0
        assert bought + decision.amount_nano <= ceiling
        assert balance + pending + decision.amount_nano < rule.target_nano + CENT_NANO
        # What was bought is enough: the same need is not found again.
        after = replace(standing, pending_nano=pending + decision.amount_nano)
        if bought + decision.amount_nano + CENT_NANO <= ceiling:
            assert decide(rule, after, terms=TERMS, at=AT) == Nothing("enough")
    if isinstance(decision, Nothing) and decision.until is not None:
        assert decision.until > AT
        # It is worth asking again then and not a moment before.
        if decision.why != "ceiling":
            assert (
                decide(rule, standing, terms=TERMS, at=decision.until - timedelta(microseconds=1)) == decision
            )
