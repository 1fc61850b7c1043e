"""Deciding: whether credit is bought now, and how much. Pure: the same facts make the same decision.

It can be asked at any time and as often as one likes. What keeps one need from being bought twice is
that ``Standing`` counts what is being bought as if it were there already, and that nothing is decided
while a reload is open.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from jeton.billing.reloads.words import (
    CENT_NANO,
    ENDED_BY_A_CARD,
    FAILED,
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
from jeton.ledger.budgets.windows import Calendar, Window, find_window

# Each time twice as long would ask a bank five times on the first day; four times as long asks it thrice.
BACK_OFF_GROWTH = 4
# Declined attempts on one card in 30 days, whatever re-armed the rule: the networks fine more than 15
# (Visa, before 2025-05) to 35 (Mastercard); see "Cards: retries" of the billing README.
DECLINES_MAX = 15
DECLINES_WITHIN = timedelta(days=30)


def find_month(zone: str, at: datetime) -> Window:
    """The calendar month that a ceiling is for, as instants; half-open."""
    return find_window(Calendar("month", ZoneInfo(zone)), at)


def rearm(rule: Rule, card: str, at: datetime) -> Rule:
    """The rule on again, if it went off with another card than there is now."""
    if rule.off_reason in ENDED_BY_A_CARD and card not in {"", rule.off_card}:
        return replace(rule, off_reason=OffReason.NONE, off_card="", armed_at=at)
    return rule


def decide(rule: Rule, standing: Standing, *, terms: Terms, at: datetime) -> Decision:
    """What is done at ``at``; see ``words`` for the three answers."""
    if not rule.is_on:
        return Nothing("off")
    if standing.has_open:
        return Nothing("open")
    covered_nano = standing.balance_nano + standing.pending_nano
    if covered_nano >= rule.threshold_nano:
        return Nothing("enough")
    refusal = _refuse(rule, standing, terms, at)
    if refusal is not None:
        return refusal
    needed_nano = _round_up(max(rule.target_nano - covered_nano, terms.amount_min_nano))
    room_nano = _round_down(rule.ceiling_nano - standing.bought_nano)
    amount_nano = min(needed_nano, room_nano, _round_down(terms.amount_max_nano))
    if amount_nano < terms.amount_min_nano:
        return Nothing("ceiling", find_month(rule.zone, at).ends_at)
    return Reload(amount_nano)


def find_back_off(failures: int, terms: Terms) -> timedelta:
    """How long nothing is tried after so many soft declines in a row."""
    wait = terms.back_off_first
    for _ in range(1, failures):
        wait = min(wait * BACK_OFF_GROWTH, terms.back_off_max)
    return min(wait, terms.back_off_max)


def _refuse(rule: Rule, standing: Standing, terms: Terms, at: datetime) -> Decision | None:
    """What keeps the card from being asked, whatever is needed; None for nothing."""
    if not standing.card:
        return SwitchOff(OffReason.NO_CARD)
    own = [attempt for attempt in standing.attempts if attempt.card == standing.card]
    if any(attempt.outcome is Outcome.HARD_DECLINE for attempt in own):
        return SwitchOff(OffReason.HARD_DECLINE)
    recent = [attempt for attempt in own if attempt.opened_at >= rule.armed_at]
    if recent and recent[-1].outcome is Outcome.AUTHENTICATION_REQUIRED:
        return SwitchOff(OffReason.AUTHENTICATION_REQUIRED)
    failures = _count_failures(recent)
    if failures >= terms.failures_max:
        return SwitchOff(OffReason.FAILURES)
    return _wait(rule, standing, own, find_back_off(failures, terms), at)


def _wait(
    rule: Rule, standing: Standing, own: list[Attempt], back_off: timedelta, at: datetime
) -> Nothing | None:
    """Whether it is too early to ask the card; of several reasons that which lasts longest."""
    declined = [attempt.ended_at for attempt in own if attempt.outcome in FAILED]
    waits: list[Nothing] = []
    if len(declined) >= DECLINES_MAX:
        waits.append(Nothing("retries", declined[-DECLINES_MAX] + DECLINES_WITHIN))
    if own and own[-1].outcome is not Outcome.SUCCEEDED and own[-1].opened_at >= rule.armed_at:
        waits.append(Nothing("back_off", own[-1].ended_at + back_off))
    bought = [attempt for attempt in standing.attempts if attempt.outcome is Outcome.SUCCEEDED]
    if bought:
        waits.append(Nothing("cool_down", bought[-1].opened_at + rule.cool_down))
    return max(
        (wait for wait in waits if wait.until and at < wait.until),
        key=lambda wait: wait.until or at,
        default=None,
    )


def _count_failures(attempts: list[Attempt]) -> int:
    """Soft declines since the last that succeeded; what was called off counts for nothing."""
    count = 0
    for attempt in reversed(attempts):
        if attempt.outcome is Outcome.SUCCEEDED:
            break
        count += attempt.outcome in FAILED
    return count


def _round_up(nano: int) -> int:
    return -(-nano // CENT_NANO) * CENT_NANO


def _round_down(nano: int) -> int:
    return nano // CENT_NANO * CENT_NANO
