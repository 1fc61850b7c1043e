"""Drafting: from sources to the documents of a period: what was used in it, what came late, what was agreed.

Usually one document. What was billed too much in earlier periods is taken off it; where that would make it
less than nothing, it is a credit note of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from jeton.billing.invoicing.drafting.composing import Booked, Occasion, compose, negate
from jeton.billing.invoicing.drafting.sources import Sources
from jeton.billing.invoicing.lines.building import Due, build_line
from jeton.billing.invoicing.lines.keys import COMMIT, MINIMUM, SUPPLEMENT, TRUE_UP, VOUCHER, kind_of
from jeton.billing.invoicing.lines.summing import NOTHING, PeriodSums, subtract
from jeton.billing.invoicing.periods import Period, find_period
from jeton.billing.invoicing.tax import TaxDecision
from jeton.billing.invoicing.words import Rules
from jeton.billing.words import Document

# What a line of these comes to without usage: it is earned with the document.
_EARNED = frozenset({TRUE_UP, MINIMUM})
_METERED = frozenset({"usage", "reversed", "credit"})
_FOLLOWING = _METERED | {VOUCHER}


@dataclass(frozen=True, slots=True)
class Basis:
    """How documents of one organization are made: by which rules, when, with which tax, in what currency."""

    rules: Rules
    at: datetime
    tax: TaxDecision
    currency: str
    rate: Fraction
    replaces: str = ""


def draft(sources: Sources, basis: Basis) -> list[Document]:
    """The documents of the wanted period, without numbers and not stored; none where nothing is due."""
    period = sources.wanted.period
    own = [*_dues_of(sources, period), *_list_minimum(sources)]
    late = [due for one in sources.periods if one != period for due in _dues_of(sources, one)]
    if basis.rules.zero_receipts == "omit":
        own, late = _omit_paid(sources, own), _omit_paid(sources, late)
    for due in (*_list_true_ups(sources), *_list_commits(sources), *sources.supplements):
        (own if due.net_nano > 0 else late).append(due)
    own = own if any(due.net_nano for due in own) else []
    if (
        _goes_back(_total(own), _total(late))
        or (
            # What vouchers paid is below zero on a document: above zero it comes back, and its tax with it.
            _total(late) <= 0 and _goes_back(-_total(own, VOUCHER), -_total(late, VOUCHER))
        )
        or (_total(late) < 0 and _is_taxed_otherwise(sources, basis, late))
    ):
        notes = [_compose(sources, basis, late, is_note=True, is_first=not own)]
        return [_compose(sources, basis, own), *notes] if own else notes
    return [_compose(sources, basis, [*own, *late])] if own or late else []


def _omit_paid(sources: Sources, dues: list[Due]) -> list[Due]:
    """Without the periods that credit paid whole, tax and all, and that no document has told of.

    What is late of such a period and is to be paid brings the rest of it onto the same document.
    """
    sums: dict[datetime, int] = {}
    for due in dues:
        sums[due.period_from] = sums.get(due.period_from, 0) + due.net_nano
    told = {*sources.documents, *(due.period_from for due in dues if kind_of(due.key) == VOUCHER)}
    return [due for due in dues if sums[due.period_from] or due.period_from in told]


def _dues_of(sources: Sources, period: Period) -> list[Due]:
    is_late = period != sources.wanted.period
    _, number = sources.documents.get(period.period_from, ("", ""))
    billed = sources.billed.get(period.period_from, {})
    # What was billed besides usage is no matter of sums, and stays.
    metered = {key: amounts for key, amounts in billed.items() if kind_of(key) in _METERED}
    sums = sources.sums.get(period, PeriodSums())
    dues = subtract(sums, metered, period, corrects=number if is_late else "", is_late=is_late)
    return [*dues, *sources.vouchers.get(period, ())]


def _list_commits(sources: Sources) -> list[Due]:
    """Commits paid in advance that were not billed, or were taken back after that."""
    period = sources.wanted.period
    found = []
    for lot in sources.commits:
        key = f"{COMMIT}|{lot.lot_id}"
        missing_nano = lot.owed_nano - sources.billed_once.get(key, 0)
        if missing_nano and lot.granted_at < period.period_to:
            found.append(Due(key, period.period_from, period.period_to, 0, missing_nano))
    return found


def _list_true_ups(sources: Sources) -> list[Due]:
    """What is missing of commitments whose term is over; less, if usage of the term came late."""
    period = sources.wanted.period
    found = []
    for one in sources.true_ups:
        key = f"{TRUE_UP}|{one.commitment.commitment_id}"
        missing_nano = max(0, one.commitment.amount_nano - one.used_nano)
        missing_nano -= sources.billed_once.get(key, 0)
        if missing_nano:
            found.append(Due(key, period.period_from, period.period_to, 0, missing_nano))
    return found


def _list_minimum(sources: Sources) -> list[Due]:
    """What is missing of the minimum; of whole periods of an invoiced organization, and once.

    A month in which it was switched is none: a part of it was paid ahead.
    """
    profile, period = sources.wanted.profile, sources.wanted.period
    month = find_period(ZoneInfo(profile.zone), profile.anchor_day, period.period_from)
    is_whole = profile.created_at <= period.period_from and not any(
        month.holds(at) and month.period_from < at <= period.period_to for at, _ in sources.switches
    )
    _, billed_nano = sources.billed.get(period.period_from, {}).get(MINIMUM, NOTHING)
    if profile.kind != "invoiced" or not is_whole or billed_nano:
        return []
    later_nano = sum(due.net_nano for due in sources.supplements if due.period_from == period.period_from)
    missing_nano = profile.minimum_nano - sources.sums[period].net_nano - later_nano
    if missing_nano <= 0:
        return []
    return [Due(MINIMUM, period.period_from, period.period_to, 0, missing_nano)]


def _compose(
    sources: Sources, basis: Basis, dues: list[Due], *, is_note: bool = False, is_first: bool = True
) -> Document:
    profile = sources.wanted.profile
    lines = [build_line(due, sources.prices, sources.workspaces) for due in dues]
    is_owed = any(due.net_nano > 0 and kind_of(due.key) not in _FOLLOWING for due in dues)
    booked = _book(sources, dues, is_first=is_first)
    occasion = Occasion(
        profile=profile,
        rules=basis.rules,
        kind="invoice" if profile.kind == "invoiced" or is_owed else "receipt",
        purpose="period",
        period=sources.wanted.period,
        at=basis.at,
        tax=basis.tax,
        currency=basis.currency,
        rate=basis.rate,
        booked=booked,
        replaces=basis.replaces,
    )
    if is_note:
        corrected = [sources.documents.get(due.period_from, ("", ""))[0] for due in dues]
        lines = [negate(line) for line in lines]
        occasion = replace(
            occasion,
            kind="credit_note",
            purpose="adjustment",
            tax=_find_tax(sources, basis, dues),
            booked=booked.negate(),
            corrects_id=max(corrected, default=""),
            replaces="",
        )
    return compose(occasion, lines)


def _find_tax(sources: Sources, basis: Basis, dues: Iterable[Due]) -> TaxDecision:
    """The tax that what goes back had, where one can be told: that of today may be another.

    A tax service is asked about the note itself.
    """
    taxes = {tax for due in dues for tax in sources.taxes.get(due.period_from, (basis.tax,))}
    return taxes.pop() if len(taxes) == 1 and basis.rules.tax_desk is None else basis.tax


def _is_taxed_otherwise(sources: Sources, basis: Basis, dues: Iterable[Due]) -> bool:
    tax = _find_tax(sources, basis, dues)
    return (tax.category, tax.rate) != (basis.tax.category, basis.tax.rate)


def _book(sources: Sources, dues: Iterable[Due], *, is_first: bool) -> Booked:
    """How the dues stand in the ledger: metered ones accrued or owed, commits owed, the rest is earned.

    What was supplemented is accrued since then, whatever the organization is now.

    What credit paid is below zero among them, vouchers too, so that metered ones are what is left of them.

    What was overrun while paying ahead is in receivable already. Of an organization that was always the same
    that is all or nothing; of another the charges say it, for the first document of a period.
    """
    owed_nano = earned_nano = metered_nano = supplemented_nano = 0
    for due in dues:
        kind = kind_of(due.key)
        if kind in _EARNED:
            earned_nano += due.net_nano
        elif kind == COMMIT:
            owed_nano += due.net_nano
        elif kind == SUPPLEMENT:
            supplemented_nano += due.net_nano
        else:
            metered_nano += due.net_nano
    if sources.switches:
        overrun_nano = sources.overrun_nano if is_first else 0
    else:
        overrun_nano = metered_nano if sources.wanted.profile.kind == "prepaid" else 0
    return Booked(supplemented_nano + metered_nano - overrun_nano, owed_nano + overrun_nano, earned_nano)


def _total(dues: Iterable[Due], kind: str = "") -> int:
    return sum(due.net_nano for due in dues if kind in ("", kind_of(due.key)))


def _goes_back(own_nano: int, late_nano: int) -> bool:
    """Whether what is late comes to less than nothing, and to more than the rest can bear."""
    return late_nano < 0 and own_nano + late_nano < 0
