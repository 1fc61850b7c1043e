"""Tax: which category and rate a supply has, from rates with dates; a pointer for the operator, not advice.

Rules of the EU's VAT Directive 2006/112/EC for services that are supplied electronically: at home the home
rate; to a taxable person in another member state reverse charge (art. 44, 196); to anybody else there the
rate of that state where one is set (art. 58), else the home rate; to outside the EU no VAT (art. 44, 59). A
seller outside the EU charges the rate that is set for the buyer's country, or nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from types import MappingProxyType

from jeton.billing.invoicing.words import Profile, Rules, TaxRate
from jeton.billing.words import TaxCategory, TaxLine

# Member states (the EU's list of 2020-02-01), by ISO 3166-1; Greece's VAT numbers begin with EL.
EU = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905 - read more easily than a list
)
NO_RATE = Fraction(0)
REASONS: Mapping[TaxCategory, str] = MappingProxyType(
    {
        "S": "",
        "Z": "Zero rated",
        "E": "Exempt from tax",
        "AE": "Reverse charge",
        "O": "Not subject to VAT",
    }
)
VOUCHER_REASON = "Multi-purpose voucher: tax is due when it is used"


@dataclass(frozen=True, slots=True)
class TaxDecision:
    """The category and rate of everything on a document, and the reason where nothing is charged."""

    category: TaxCategory
    rate: Fraction = NO_RATE
    reason: str = ""


def decide_tax(rules: Rules, profile: Profile, on: date) -> TaxDecision:
    """The tax of what is sold to this organization on a day.

    What the profile says wins (with the rate of the buyer's country, else the seller's, for S).
    """
    buyer, seller = profile.buyer, rules.seller
    country = buyer.country or seller.country
    if profile.tax_category == "S":
        return _standard(rules, (country, seller.country), on)
    if profile.tax_category:
        return _other(profile.tax_category, profile.tax_reason)
    if not seller.country:
        return _other("O")
    if country == seller.country:
        return _standard(rules, (country,), on)
    if seller.country not in EU:
        return _standard(rules, (country,), on)
    if country not in EU:
        return _other("O", "Supplied outside the EU: not subject to VAT")
    if buyer.vat_number:
        return _other("AE", "Reverse charge: the recipient is liable for the VAT")
    return _standard(rules, (country, seller.country), on)


def find_rate(rates: Iterable[TaxRate], country: str, on: date) -> Fraction | None:
    """The standard rate of a country in force on a day; the latest one from that day or before."""
    found = [rate for rate in rates if rate.country == country and rate.from_on <= on]
    return max(found, key=lambda rate: rate.from_on).rate if found else None


def tax_lines(amounts: Iterable[tuple[TaxDecision, int]]) -> tuple[TaxLine, ...]:
    """Tax for each category and rate, from rounded lines: taxable x rate, rounded half-even once.

    $10.05 and $0.10 at 19 % are $10.15 taxable and $1.93 (1.9285) tax (EN 16931, BR-CO-17).
    """
    taxable: dict[TaxDecision, int] = {}
    for decision, minor in amounts:
        taxable[decision] = taxable.get(decision, 0) + minor
    return tuple(
        TaxLine(
            category=decision.category,
            rate=decision.rate,
            taxable_minor=minor,
            tax_minor=round(minor * decision.rate),
            reason=decision.reason,
        )
        for decision, minor in taxable.items()
    )


def _standard(rules: Rules, countries: tuple[str, ...], on: date) -> TaxDecision:
    for country in countries:
        rate = find_rate(rules.tax_rates, country, on)
        if rate is not None:
            return TaxDecision("S", rate) if rate else _other("Z")
    return _other("O", "No tax rate is set for this country")


def _other(category: TaxCategory, reason: str = "") -> TaxDecision:
    return TaxDecision(category, NO_RATE, reason or REASONS[category])
