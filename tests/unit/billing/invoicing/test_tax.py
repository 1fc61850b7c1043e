"""Tax: which rate a supply has, and tax for each category out of rounded lines."""

from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from uuid import UUID

import pytest

from jeton.billing.invoicing.tax import TaxDecision, decide_tax, tax_lines
from jeton.billing.invoicing.words import Profile, Rules, TaxRate
from jeton.billing.words import Party

ON = date(2026, 11, 1)
RULES = Rules(
    seller=Party("Seller GmbH", "Weg 1", "Berlin", "10115", "DE"),
    tax_rates=(
        TaxRate("DE", Fraction(19, 100), date(2007, 1, 1)),
        # Germany's rate of the second half of 2020.
        TaxRate("DE", Fraction(16, 100), date(2020, 7, 1)),
        TaxRate("DE", Fraction(19, 100), date(2021, 1, 1)),
        TaxRate("FR", Fraction(20, 100), date(2014, 1, 1)),
    ),
)
NOBODY = Profile(UUID(int=1), "Buyer", "invoiced", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("country", "vat_number", "category", "rate"),
    [
        ("DE", "DE136695976", "S", Fraction(19, 100)),
        ("", "", "S", Fraction(19, 100)),
        ("FR", "", "S", Fraction(20, 100)),
        ("ES", "", "S", Fraction(19, 100)),
        ("FR", "FR83404833048", "AE", Fraction(0)),
        ("US", "", "O", Fraction(0)),
    ],
    ids=["home", "unknown is home", "their rate", "no rate of theirs", "reverse charge", "outside"],
)
def test_a_german_seller(country: str, vat_number: str, category: str, rate: Fraction) -> None:
    decision = decide_tax(RULES, replace(NOBODY, country=country, vat_number=vat_number), ON)
    assert (decision.category, decision.rate) == (category, rate)
    assert bool(decision.reason) is (category != "S")


@pytest.mark.parametrize(
    ("on", "percent"),
    [(date(2020, 6, 30), 19), (date(2020, 7, 1), 16), (date(2020, 12, 31), 16), (date(2021, 1, 1), 19)],
)
def test_a_rate_is_that_of_its_day(on: date, percent: int) -> None:
    assert decide_tax(RULES, replace(NOBODY, country="DE"), on).rate == Fraction(percent, 100)


def test_what_the_profile_says_wins() -> None:
    exempt = replace(NOBODY, country="DE", tax_category="E", tax_reason="Exempt, certificate 12")
    assert decide_tax(RULES, exempt, ON) == TaxDecision("E", Fraction(0), "Exempt, certificate 12")


def test_a_seller_without_a_country_charges_no_tax() -> None:
    assert decide_tax(Rules(), replace(NOBODY, country="DE"), ON).category == "O"


def test_tax_is_of_the_sum_of_a_category_and_not_of_its_lines() -> None:
    standard, reverse = TaxDecision("S", Fraction(19, 100)), TaxDecision("AE")
    lines = tax_lines([(standard, 1_005), (standard, 10), (reverse, 500)])
    # 1,015 x 0.19 is 192.85; line by line it would be 191 + 2.
    assert [(one.category, one.taxable_minor, one.tax_minor) for one in lines] == [
        ("S", 1_015, 193),
        ("AE", 500, 0),
    ]
