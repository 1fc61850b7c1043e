"""Deciding: what is to be done about a debt at an instant. Pure: from stored facts to the next step.

Asked again after each step, and at any instant, it comes to the same: so a worker that dies between two
steps loses nothing and repeats nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from jeton.billing.receivables.dunning.words import (
    Arrears,
    CardAttempt,
    Debt,
    DunningTerms,
    NextStep,
    Step,
    TakenStep,
)

# Nobody is stopped who was not told so long before, whatever the schedule, and also after an outage of ours.
NOTICE = timedelta(days=3)

# The networks allow one merchant so many attempts on one card: Visa 15 declined ones in 30 days, Mastercard
# 10 in 24 hours and 35 in 30 days (support.checkout.com 25482040901394; each one more costs a fee). Ours, for
# any card and over all that it pays for, are lower.
VISA_30_DAYS_MAX = 15
MASTERCARD_24_HOURS_MAX = 10
MASTERCARD_30_DAYS_MAX = 35
CARD_24_HOURS_MAX = 2
CARD_30_DAYS_MAX = 10

_DAY = timedelta(days=1)
_MONTH = timedelta(days=30)


def decide(debt: Debt, taken: Sequence[TakenStep], terms: DunningTerms, *, at: datetime) -> Step | None:
    """The next step; None where nothing is due, or nothing is to be done now.

    After a gap only the latest mail is sent: three at once tell nobody more.
    """
    if not debt.is_overdue(at) or debt.is_paused(at):
        return None
    mails = sum(at >= debt.days_after(days) for days in terms.mail_days)
    if mails > max((one.step for one in taken if one.kind == "mail"), default=0):
        return Step("mail", mails)
    kinds = {one.kind for one in taken}
    if _is_time(debt, terms.soft_limit_days, at) and "soft_limit" not in kinds:
        return Step("soft_limit")
    if _is_time(debt, terms.stop_days, at) and "stop" not in kinds and _was_told(taken, terms, at):
        return Step("stop")
    return None


def find_next(
    debt: Debt, taken: Sequence[TakenStep], terms: DunningTerms, *, at: datetime
) -> NextStep | None:
    """What ``decide`` will say next, and from when on, if nothing is paid; None where nothing will come.

    It is asked at every instant at which its answer can change, so nobody else reckons with the schedule.
    """
    days = (1, *terms.mail_days, terms.soft_limit_days, terms.stop_days)
    instants = {at, *(debt.days_after(number) for number in days if number)}
    instants |= {one.taken_at + NOTICE for one in taken}
    if debt.paused_until is not None:
        instants.add(debt.starts_at(debt.paused_until + _DAY))
    for instant in sorted(instants):
        step = decide(debt, taken, terms, at=instant) if instant >= at else None
        if step is not None:
            return NextStep(step, instant)
    return None


def decide_card(
    debt: Debt, card_id: str, *, attempts: Iterable[CardAttempt], terms: DunningTerms, at: datetime
) -> bool:
    """Whether to try the saved card now; ``attempts`` are all of that card and all at the document.

    Once for each of the days, late rather than twice; never again after a hard decline (the bank has said
    that it will not change its mind) or while an attempt is open; and never beyond our limits.
    """
    if not card_id or not debt.is_overdue(at) or debt.is_paused(at):
        return False
    known = list(attempts)
    of_document = [one for one in known if one.document_id == debt.document_id]
    of_card = [one for one in known if one.payment_method_id == card_id]
    if any(one.is_open for one in of_document) or any(one.is_hard_decline for one in of_card):
        return False
    passed = [debt.days_after(days) for days in terms.card_days if at >= debt.days_after(days)]
    if not passed or any(one.started_at >= max(passed) for one in of_document):
        return False
    declined = [one.started_at for one in of_card if not one.is_paid]
    within_day = sum(at - started_at < _DAY for started_at in declined)
    within_month = sum(at - started_at < _MONTH for started_at in declined)
    return within_day < CARD_24_HOURS_MAX and within_month < CARD_30_DAYS_MAX


def decide_arrears(
    debts: Iterable[tuple[Debt, Sequence[TakenStep]]], *, at: datetime
) -> tuple[Arrears, Debt | None]:
    """What an organization may still do, and the oldest of its debts which that is for.

    A debt that the operator waits for stops nobody.
    """
    stopped: list[Debt] = []
    limited: list[Debt] = []
    for debt, taken in debts:
        kinds = {one.kind for one in taken}
        if not debt.is_overdue(at) or debt.is_paused(at):
            continue
        if "stop" in kinds:
            stopped.append(debt)
        elif "soft_limit" in kinds:
            limited.append(debt)
    if stopped:
        return "stopped", _oldest(stopped)
    return ("limited", _oldest(limited)) if limited else ("", None)


def _is_time(debt: Debt, days: int, at: datetime) -> bool:
    return days > 0 and at >= debt.days_after(days)


def _was_told(taken: Sequence[TakenStep], terms: DunningTerms, at: datetime) -> bool:
    if not terms.mail_days and not terms.soft_limit_days:
        return True
    return any(at - one.taken_at >= NOTICE for one in taken)


def _oldest(debts: Sequence[Debt]) -> Debt:
    return min(debts, key=lambda debt: (debt.due_on, debt.number))
