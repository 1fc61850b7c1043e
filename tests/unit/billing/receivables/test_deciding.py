"""The steps of dunning by hand, and that no order of asking repeats or loses one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.billing.receivables.dunning.deciding import (
    CARD_24_HOURS_MAX,
    CARD_30_DAYS_MAX,
    MASTERCARD_24_HOURS_MAX,
    MASTERCARD_30_DAYS_MAX,
    NOTICE,
    VISA_30_DAYS_MAX,
    decide,
    decide_arrears,
    decide_card,
    find_next,
)
from jeton.billing.receivables.dunning.words import CardAttempt, Debt, DunningTerms, NextStep, Step, TakenStep

TERMS = DunningTerms()
DEBT = Debt("inv_1", UUID(int=1), "INV-2026-000001", "EUR", 119_000, date(2026, 11, 10), "Europe/Berlin")
CARD = "pmeth_1"


def day(number: int, hour: int = 0) -> datetime:
    """An hour (of Berlin, in winter) so many days after the document was due."""
    return datetime(2026, 11, 9, 23, tzinfo=UTC) + timedelta(days=number, hours=hour)


def take(at: datetime, taken: list[TakenStep], terms: DunningTerms = TERMS, debt: Debt = DEBT) -> list[Step]:
    """Everything that is done at an instant."""
    done = []
    while (step := decide(debt, taken, terms, at=at)) is not None:
        done.append(step)
        taken.append(TakenStep(step.kind, step.step, at))
        assert len(done) < 10
    return done


def test_the_default_schedule_day_by_day() -> None:
    taken: list[TakenStep] = []
    steps = {number: take(day(number), taken) for number in range(-5, 60)}

    assert {number: done for number, done in steps.items() if done} == {
        3: [Step("mail", 1)],
        7: [Step("mail", 2)],
        14: [Step("mail", 3), Step("soft_limit")],
        30: [Step("mail", 4), Step("stop")],
    }


def test_what_comes_next_is_named_with_its_instant() -> None:
    """Before it is due; on a day between two reminders; while the operator waits; and after the stop."""
    taken = [TakenStep("mail", 1, day(3, 2))]
    assert find_next(DEBT, (), TERMS, at=day(-9)) == NextStep(Step("mail", 1), day(3))
    assert find_next(DEBT, taken, TERMS, at=day(5)) == NextStep(Step("mail", 2), day(7))
    waiting = replace(DEBT, paused_until=date(2026, 11, 19))
    assert find_next(waiting, taken, TERMS, at=day(5)) == NextStep(Step("mail", 2), day(10))
    # After an outage the stop waits until three days after the last word.
    told = [TakenStep("mail", 4, day(40)), TakenStep("soft_limit", 1, day(40))]
    assert find_next(DEBT, told, TERMS, at=day(40)) == NextStep(Step("stop"), day(43))
    assert find_next(DEBT, [*told, TakenStep("stop", 1, day(43))], TERMS, at=day(44)) is None


@given(st.integers(-5, 50), st.lists(st.integers(1, 45), max_size=5), st.none() | st.integers(1, 40))
def test_what_is_said_to_come_next_is_what_is_decided_then(
    now: int, days: list[int], wait: int | None
) -> None:
    """With whatever was taken before: at the instant it is decided, and at no hour before."""
    debt = DEBT if wait is None else replace(DEBT, paused_until=DEBT.due_on + timedelta(days=wait))
    taken: list[TakenStep] = []
    for number in sorted(days):
        take(day(min(number, now)), taken, debt=debt)
    found = find_next(debt, taken, TERMS, at=day(now))
    hours = [day(now) + timedelta(hours=hour) for hour in range(0, 60 * 24, 6)]
    first = next((at for at in hours if decide(debt, taken, TERMS, at=at) is not None), None)
    assert (found and found.at) == first
    assert found is None or decide(debt, taken, TERMS, at=found.at) == found.step


def test_a_day_begins_at_midnight_of_the_organization() -> None:
    assert decide(DEBT, (), TERMS, at=day(3) - timedelta(microseconds=1)) is None
    assert decide(DEBT, (), TERMS, at=day(3)) == Step("mail", 1)


def test_it_may_be_paid_until_the_end_of_the_day() -> None:
    assert not DEBT.is_overdue(day(1) - timedelta(microseconds=1))
    assert DEBT.is_overdue(day(1))


def test_nothing_is_done_about_what_is_paid() -> None:
    paid = Debt("inv_1", UUID(int=1), "INV-1", "EUR", 0, date(2026, 11, 10), "UTC")
    assert decide(paid, (), TERMS, at=day(90)) is None


def test_after_a_gap_there_is_one_mail_and_nobody_is_stopped_without_notice() -> None:
    taken: list[TakenStep] = []

    assert take(day(45), taken) == [Step("mail", 4), Step("soft_limit")]
    assert take(day(45) + NOTICE - timedelta(seconds=1), taken) == []
    assert take(day(45) + NOTICE, taken) == [Step("stop")]


def test_the_operator_may_wait() -> None:
    paused = Debt(
        "inv_1", UUID(int=1), "INV-1", "EUR", 5, date(2026, 11, 10), "Europe/Berlin", date(2026, 11, 20)
    )
    assert decide(paused, (), TERMS, at=day(11) - timedelta(seconds=1)) is None
    assert decide(paused, (), TERMS, at=day(11)) == Step("mail", 2)


def test_a_schedule_without_a_stop_never_stops() -> None:
    taken: list[TakenStep] = []
    terms = DunningTerms(mail_days=(1,), soft_limit_days=0, stop_days=0)
    assert [take(day(number), taken, terms) for number in (1, 400)] == [[Step("mail", 1)], []]


@given(st.lists(st.integers(0, 24 * 80), min_size=1, max_size=40).map(sorted))
def test_however_often_it_is_asked_each_step_is_taken_once_and_stop_comes_last(hours: list[int]) -> None:
    taken: list[TakenStep] = []
    for hour in hours:
        take(day(0, hour), taken)

    keys = [(one.kind, one.step) for one in taken]
    assert len(keys) == len(set(keys))
    stops = [one for one in taken if one.kind == "stop"]
    if stops:
        assert stops[0].taken_at >= day(30)
        assert min(one.taken_at for one in taken) <= stops[0].taken_at - NOTICE


def attempt(at: datetime, **more: object) -> CardAttempt:
    values = {"is_open": False, "is_paid": False, "is_hard_decline": False, "document_id": "inv_1", **more}
    return CardAttempt(CARD, started_at=at, **values)  # type: ignore[arg-type]  # few kinds of values


@pytest.mark.parametrize(
    ("attempts", "at", "tries"),
    [
        ((), day(2), False),
        ((), day(3), True),
        ((attempt(day(3, 1)),), day(3, 2), False),
        ((attempt(day(3, 1)),), day(7) - timedelta(seconds=1), False),
        ((attempt(day(3, 1)),), day(7), True),
        ((attempt(day(3, 1), is_open=True),), day(7), False),
        ((attempt(day(3, 1), is_hard_decline=True),), day(30), False),
        ((attempt(day(1), is_hard_decline=True, document_id="", is_open=False),), day(30), False),
        ((attempt(day(7, 1)),), day(400), True),
        ((attempt(day(21, 1)),), day(400), False),
    ],
    ids=[
        "before its first day", "first day", "tried", "until the next day", "next day", "open",
        "hard decline", "hard decline of a purchase", "late", "over",
    ],
)  # fmt: skip
def test_when_a_saved_card_is_tried(attempts: Sequence[CardAttempt], at: datetime, *, tries: bool) -> None:
    assert decide_card(DEBT, CARD, attempts=attempts, terms=TERMS, at=at) is tries


def test_a_new_card_is_tried_after_a_hard_decline_of_the_old_one() -> None:
    attempts = (attempt(day(3, 1), is_hard_decline=True),)
    assert decide_card(DEBT, "pmeth_2", attempts=attempts, terms=TERMS, at=day(7))


def test_without_a_card_none_is_tried() -> None:
    assert not decide_card(DEBT, "", attempts=(), terms=TERMS, at=day(7))


def test_our_limits_are_below_those_of_the_networks() -> None:
    assert min(VISA_30_DAYS_MAX, MASTERCARD_30_DAYS_MAX) > CARD_30_DAYS_MAX
    assert CARD_24_HOURS_MAX < MASTERCARD_24_HOURS_MAX


@given(
    st.lists(st.integers(0, 24 * 90), min_size=1, max_size=300).map(sorted),
    st.lists(st.integers(1, 90), min_size=1, max_size=90, unique=True).map(tuple),
)
def test_no_schedule_passes_the_limits_of_the_networks(hours: list[int], days: tuple[int, ...]) -> None:
    """Five documents, one card, tried whenever it is decided, and always declined."""
    terms = DunningTerms(card_days=days)
    debts = [Debt(f"inv_{n}", UUID(int=1), f"INV-{n}", "EUR", 5, date(2026, 11, 10), "UTC") for n in range(5)]
    tried: list[CardAttempt] = []
    for hour in hours:
        for debt in debts:
            if decide_card(debt, CARD, attempts=tried, terms=terms, at=day(0, hour)):
                tried.append(attempt(day(0, hour), document_id=debt.document_id))

    for index, last in enumerate(tried):
        recent = [one.started_at for one in tried[: index + 1]]
        assert sum(last.started_at - at < timedelta(days=1) for at in recent) <= CARD_24_HOURS_MAX
        assert sum(last.started_at - at < timedelta(days=30) for at in recent) <= CARD_30_DAYS_MAX


def test_purchases_count_against_the_same_card() -> None:
    bought = [attempt(day(7, -hour), document_id="") for hour in range(1, CARD_24_HOURS_MAX + 1)]
    assert not decide_card(DEBT, CARD, attempts=bought, terms=TERMS, at=day(7))


def test_arrears_name_the_oldest_debt_that_stops() -> None:
    newer = Debt("inv_2", UUID(int=1), "INV-2026-000002", "EUR", 5, date(2026, 11, 12), "UTC")
    soft, stop = TakenStep("soft_limit", 1, day(14)), TakenStep("stop", 1, day(30))

    assert decide_arrears([(DEBT, [soft, stop]), (newer, [soft, stop])], at=day(40)) == ("stopped", DEBT)
    assert decide_arrears([(DEBT, [soft]), (newer, [soft, stop])], at=day(40)) == ("stopped", newer)
    assert decide_arrears([(DEBT, [soft])], at=day(40)) == ("limited", DEBT)
    assert decide_arrears([(DEBT, [])], at=day(40)) == ("", None)
