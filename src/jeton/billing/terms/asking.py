"""Asking: terms before they are stored, and everything that is wrong with them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from jeton.billing.terms.errors import TermsRequestError
from jeton.charging.agreeing.following import LEAD
from jeton.money import display_usd, render_exact, render_usd
from jeton.pricing.book import TOKEN_BUCKETS, PriceBook, PriceVersion
from jeton.pricing.modifiers import AgreedRate
from jeton.pricing.terms import Scope, Terms, is_quarter, next_quarter
from jeton.usage import Bucket

# Dearer than this is a slip of the keyboard.
FACTOR_MAX = 10
FACTOR_DENOMINATOR_MAX = 10**12
RATE_MAX_NANO = 10_000 * 10**9
RATES_MAX = 100
TERMS_MAX = 1_000
REASON_CHARS_MAX = 500
APPROVER_CHARS_MAX = 200
# Further ahead nobody agrees on anything.
AHEAD_MAX = timedelta(days=10 * 366)


@dataclass(frozen=True, slots=True)
class TermsAsk:
    """What is to be agreed on: for what, how much, from when up to when (None: until ended), and why.

    A factor on published prices, or rates in nano of a model's buckets and tiers, or both: then a bucket
    with a rate has that, and every other the factor. ``place`` names it in an import: ``line 4``.
    """

    scope: Scope
    factor: Fraction | None
    rates: tuple[AgreedRate, ...]
    effective_from: datetime
    effective_to: datetime | None
    reason: str
    approved_by: str
    place: str = ""

    def name(self) -> str:
        """How a sentence about it begins."""
        return f"The terms of {self.place}" if self.place else f"The terms for {self.scope}"

    def make(self, terms_id: str) -> Terms:
        """The terms as they will be applied."""
        return Terms(terms_id, self.scope, self.factor, self.rates, self.effective_from, self.effective_to)

    def render(self) -> dict[str, object]:
        """The ask as JSON, the same whenever the same is asked."""
        return {
            "scope": str(self.scope),
            "factor": None if self.factor is None else render_exact(self.factor),
            "rates": [
                [rate.tier, rate.band_id, rate.bucket.value, render_usd(rate.rate)] for rate in self.rates
            ],
            "effective_from": self.effective_from.isoformat(),
            "effective_to": None if self.effective_to is None else self.effective_to.isoformat(),
            "reason": self.reason,
            "approved_by": self.approved_by,
        }


def check_ask(ask: TermsAsk, book: PriceBook, at: datetime) -> None:
    """Raise TermsRequestError with all that is wrong with an ask at an instant."""
    mistakes = [*_list_mistakes(ask, book, at)]
    if mistakes:
        raise TermsRequestError(f"{ask.name()}: {'; '.join(mistakes)}.")


def first_begin(at: datetime) -> datetime:
    """The earliest instant from which terms written at ``at`` may apply: every node has to know them."""
    return next_quarter(at + LEAD)


def _list_mistakes(ask: TermsAsk, book: PriceBook, at: datetime) -> Iterator[str]:
    yield from _list_times(ask, at)
    if ask.factor is None and not ask.rates:
        yield "say a factor, or rates"
    if ask.factor is not None and not 0 < ask.factor <= FACTOR_MAX:
        yield f"a factor is above 0 and at most {FACTOR_MAX}, not {render_exact(ask.factor)}"
    if ask.factor is not None and ask.factor.denominator > FACTOR_DENOMINATOR_MAX:
        yield "a factor has at most 12 decimals"
    if not 0 < len(ask.reason) <= REASON_CHARS_MAX or not ask.reason.isprintable():
        yield f"say why, in 1 to {REASON_CHARS_MAX} printable characters"
    if not 0 < len(ask.approved_by) <= APPROVER_CHARS_MAX or not ask.approved_by.isprintable():
        yield f"say who approved it, in 1 to {APPROVER_CHARS_MAX} printable characters"
    yield from _list_unpriced(ask, book)


def _list_times(ask: TermsAsk, at: datetime) -> Iterator[str]:
    named = [("begin", ask.effective_from), ("end", ask.effective_to)]
    for what, instant in named:
        if instant is not None and not is_quarter(instant):
            yield f"they {what} at {instant.isoformat()}, which is no full quarter of an hour"
    if ask.effective_from < first_begin(at):
        yield (
            f"they can begin at {first_begin(at).isoformat()} or later, since every server has to know "
            "them and what is charged is never changed"
        )
    if ask.effective_from > at + AHEAD_MAX:
        yield f"they begin in {ask.effective_from.year}, which is too far ahead"
    if ask.effective_to is not None and ask.effective_to <= ask.effective_from:
        yield "they end before they begin"


def _list_unpriced(ask: TermsAsk, book: PriceBook) -> Iterator[str]:
    if ask.scope.kind == "model":
        timeline = book.timeline(ask.scope.name)
        if not timeline or timeline[0].model != ask.scope.name:
            meant = f"; {timeline[0].model} is its id" if timeline else ""
            yield f"the price book has no model {ask.scope.name!r}{meant}"
            return
        yield from _list_rates(ask.rates, timeline)
    elif ask.rates:
        yield "rates are for one model; for a line or all say a factor"
    if ask.scope.kind == "line" and ask.scope.name not in {version.line for version in book.versions}:
        yield f"the price book has no model of a line {ask.scope.name!r}"


def _list_rates(rates: tuple[AgreedRate, ...], timeline: tuple[PriceVersion, ...]) -> Iterator[str]:
    if len(rates) > RATES_MAX:
        yield f"there are more than {RATES_MAX} rates"
    places = [(rate.tier, rate.band_id, rate.bucket) for rate in rates]
    if len({*places}) < len(places):
        yield "a rate is given twice"
    bands = {band.band_id for version in timeline for band in version.bands}
    for rate in rates:
        called = f"{rate.tier} {rate.bucket.value}"
        if not 0 < rate.rate <= RATE_MAX_NANO:
            yield f"the rate of {called} is above $0 and at most {display_usd(RATE_MAX_NANO)}"
        if rate.band_id and rate.band_id not in bands:
            yield f"the model has no prompt lengths {rate.band_id!r}; there are {', '.join(sorted(bands))}"
        if rate.bucket is Bucket.WEB_SEARCH and (rate.tier, rate.band_id) != ("standard", ""):
            yield "a web search has one rate in every tier and for every prompt"
        if not any(_has_price(version, rate) for version in timeline):
            yield f"the model has no price for {called}, so it can have no other"


def _has_price(version: PriceVersion, rate: AgreedRate) -> bool:
    """Whether it is sold at a price above 0, which alone can be replaced by another."""
    if rate.bucket is Bucket.WEB_SEARCH:
        return version.web_search_per_1000 > 0
    is_sold = {"standard": True, "batch": version.has_batch, "fast": version.has_fast}[rate.tier]
    return is_sold and rate.bucket in TOKEN_BUCKETS and all(band.rates[rate.bucket] for band in version.bands)
