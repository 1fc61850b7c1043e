"""Rating again: each receipt's usage by the bundled prices, and what keys of lines come to by it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from jeton.billing.invoicing.lines.keys import CREDIT_FREE, CREDIT_PREPAID, ReversedKey, UsageKey
from jeton.billing.invoicing.lines.summing import PeriodSums
from jeton.billing.invoicing.periods import Period
from jeton.billing.paper.bundle.findings import Findings
from jeton.billing.paper.bundle.words import ReceiptRecord
from jeton.errors import UsageError
from jeton.metering.events import find_context_window
from jeton.money import render_usd
from jeton.pricing.book import PriceVersion
from jeton.pricing.errors import FastBatchError, NotPricedError
from jeton.pricing.rating import Conditions, Rating, rate
from jeton.pricing.terms import OwnTerms, Terms, agree

RATED = "receipts rated again"
KEYS_KEPT_MAX = 4_096


class Rater:
    """The prices of a bundle."""

    def __init__(self, versions: Iterable[PriceVersion], terms: Iterable[Terms]) -> None:
        """Those that were read and checked."""
        self._versions = {version.price_version_id: version for version in versions}
        self._terms = {one.terms_id: one for one in terms}
        self._own = OwnTerms(self._terms.values())
        self._conditions: dict[tuple[str, ...], Conditions] = {}

    def sum_receipts(
        self,
        receipts: Iterable[ReceiptRecord],
        periods: Sequence[Period],
        *,
        until: datetime,
        findings: Findings,
    ) -> dict[Period, PeriodSums]:
        """What each key of each period comes to by what was charged (and undone) up to an instant."""
        findings.begin(RATED)
        sums = {period: PeriodSums() for period in periods}
        seen = ""
        for receipt in receipts:
            period = next((one for one in periods if one.holds(receipt.occurred_at)), None)
            is_due = receipt.ended_at <= until
            # In order of their ids, so that one which stands twice is found without remembering all.
            if receipt.request_id <= seen or period is None or not is_due:
                where = f"receipt {receipt.request_id}"
                findings.require(RATED, f"{where} stands after {seen}", is_met=receipt.request_id > seen)
                findings.require(RATED, f"{where} is of a period of the document", is_met=period is not None)
                findings.require(RATED, f"{where} was booked by then", is_met=is_due)
            seen = receipt.request_id
            rating = self._rate(receipt, findings)
            if rating is not None and period is not None:
                _count(sums[period], receipt, rating, until)
        return sums

    def _rate(self, receipt: ReceiptRecord, findings: Findings) -> Rating | None:
        """The rating of a receipt's usage, compared with what it says; None where it has no price."""
        version = self._versions.get(receipt.price_version_id)
        if version is None:
            where, stated = f"receipt {receipt.request_id}", f"price version {receipt.price_version_id}"
            findings.compare(RATED, where, stated=stated, found="none such")
            return None
        terms = self._own.find(version, receipt.occurred_at)
        try:
            rating = rate(receipt.usage, version, self._agree(receipt, terms))
        except (NotPricedError, FastBatchError, UsageError) as error:
            where = f"receipt {receipt.request_id}"
            findings.compare(RATED, where, stated=render_usd(receipt.net_nano), found=error)
            return None
        lines = tuple((line.bucket, line.quantity, line.list_nano, line.net_nano) for line in rating.lines)
        terms_id = terms.terms_id if terms else ""
        stated_all = (receipt.terms_id, receipt.model, receipt.net_nano, receipt.list_nano, receipt.lines)
        if stated_all == (terms_id, version.model, rating.net_nano, rating.list_nano, lines):
            # What is right is only counted: of ten million receipts nearly all are.
            findings.checks[RATED] += len(stated_all)
        else:
            _explain(receipt, (terms_id, version.model, rating, _render(lines)), findings)
        return rating

    def _agree(self, receipt: ReceiptRecord, terms: Terms | None) -> Conditions:
        """The conditions of a request; worked out once for all that are alike."""
        key = (receipt.service_tier, receipt.inference_geo, receipt.speed, terms.terms_id if terms else "")
        known = self._conditions.get(key)
        if known is None:
            bare = Conditions(receipt.service_tier, receipt.inference_geo, receipt.speed)
            known = self._conditions[key] = agree(bare, terms)
        return known


def _explain(receipt: ReceiptRecord, found: tuple[str, str, Rating, str], findings: Findings) -> None:
    """Each part of a receipt with what its usage comes to."""
    terms_id, model, rating, lines = found
    where = f"receipt {receipt.request_id}"
    findings.compare(RATED, f"terms of {where}", stated=receipt.terms_id, found=terms_id)
    findings.compare(RATED, f"model of {where}", stated=receipt.model, found=model)
    for name, stated_nano, nano in (
        ("net", receipt.net_nano, rating.net_nano),
        ("list", receipt.list_nano, rating.list_nano),
    ):
        amounts = {"stated": render_usd(stated_nano), "found": render_usd(nano)}
        findings.compare(RATED, f"{name} amount of {where}", **amounts)
    findings.compare(RATED, f"lines of {where}", stated=_render(receipt.lines), found=lines)


def _count(sums: PeriodSums, receipt: ReceiptRecord, rating: Rating, until: datetime) -> None:
    """One request into the keys that documents bill by."""
    window = find_context_window(receipt.usage)
    place = (receipt.workspace_id, receipt.model, receipt.service_tier, receipt.inference_geo, receipt.speed)
    for line in rating.lines:
        priced = (line.bucket.value, receipt.price_version_id, receipt.terms_id)
        sums.add(_usage_key((*place, window, *priced)), (line.quantity, line.net_nano))
    net_nano, free_nano, on_credit_nano = rating.net_nano, receipt.free_credit_nano, receipt.on_credit_nano
    undone = receipt.reversed
    if undone is not None and undone.reversed_at <= until:
        sums.add(str(ReversedKey(*place, window)), (0, -undone.amount_nano))
        net_nano -= undone.amount_nano
        free_nano -= undone.free_credit_nano
        on_credit_nano -= undone.on_credit_nano
    sums.add(CREDIT_FREE, (0, -free_nano))
    sums.add(CREDIT_PREPAID, (0, -(net_nano - free_nano - on_credit_nano)))
    sums.net_nano += net_nano
    sums.on_credit_nano += on_credit_nano


@lru_cache(maxsize=KEYS_KEPT_MAX)
def _usage_key(parts: tuple[str, ...]) -> str:
    return str(UsageKey(*parts))


def _render(lines: Iterable[tuple[object, int, int, int]]) -> str:
    return "; ".join(
        f"{bucket} {quantity} list {list_nano} net {net_nano}"
        for bucket, quantity, list_nano, net_nano in lines
    )
