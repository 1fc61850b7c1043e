"""Rating again: each receipt's usage by the bundled prices, and what keys of lines come to by it."""

from collections.abc import Iterable, Sequence
from datetime import datetime

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


class Rater:
    """The prices of a bundle."""

    def __init__(self, versions: Iterable[PriceVersion], terms: Iterable[Terms]) -> None:
        """Those that were read and checked."""
        self._versions = {version.price_version_id: version for version in versions}
        self._terms = {one.terms_id: one for one in terms}
        self._own = OwnTerms(self._terms.values())

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
            where = f"receipt {receipt.request_id}"
            # In order of their ids, so that one which stands twice is found without remembering all.
            findings.require(RATED, f"{where} stands after {seen}", is_met=receipt.request_id > seen)
            seen = receipt.request_id
            rating = self._rate(receipt, findings, where)
            period = next((one for one in periods if one.holds(receipt.occurred_at)), None)
            findings.require(RATED, f"{where} is of a period of the document", is_met=period is not None)
            findings.require(RATED, f"{where} was booked by then", is_met=receipt.ended_at <= until)
            if rating is not None and period is not None:
                _count(sums[period], receipt, rating, until)
        return sums

    def _rate(self, receipt: ReceiptRecord, findings: Findings, where: str) -> Rating | None:
        """The rating of a receipt's usage, compared with what it says; None where it has no price."""
        version = self._versions.get(receipt.price_version_id)
        if version is None:
            findings.compare(
                RATED, where, stated=f"price version {receipt.price_version_id}", found="none such"
            )
            return None
        terms = self._own.find(version, receipt.occurred_at)
        findings.compare(
            RATED, f"terms of {where}", stated=receipt.terms_id, found=terms.terms_id if terms else ""
        )
        conditions = Conditions(receipt.service_tier, receipt.inference_geo, receipt.speed)
        try:
            rating = rate(receipt.usage, version, agree(conditions, terms))
        except (NotPricedError, FastBatchError, UsageError) as error:
            findings.compare(RATED, where, stated=render_usd(receipt.net_nano), found=error)
            return None
        findings.compare(RATED, f"model of {where}", stated=receipt.model, found=version.model)
        findings.compare(
            RATED,
            f"net amount of {where}",
            stated=render_usd(receipt.net_nano),
            found=render_usd(rating.net_nano),
        )
        findings.compare(
            RATED,
            f"list amount of {where}",
            stated=render_usd(receipt.list_nano),
            found=render_usd(rating.list_nano),
        )
        again = tuple((line.bucket, line.quantity, line.list_nano, line.net_nano) for line in rating.lines)
        findings.compare(RATED, f"lines of {where}", stated=_render(receipt.lines), found=_render(again))
        return rating


def _count(sums: PeriodSums, receipt: ReceiptRecord, rating: Rating, until: datetime) -> None:
    """One request into the keys that documents bill by."""
    place = (receipt.workspace_id, receipt.model, receipt.service_tier, receipt.inference_geo, receipt.speed)
    window = find_context_window(receipt.usage)
    for line in rating.lines:
        key = UsageKey(*place, window, line.bucket.value, receipt.price_version_id, receipt.terms_id)
        sums.add(str(key), (line.quantity, line.net_nano))
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


def _render(lines: Iterable[tuple[object, int, int, int]]) -> str:
    return "; ".join(
        f"{bucket} {quantity} list {list_nano} net {net_nano}"
        for bucket, quantity, list_nano, net_nano in lines
    )
