"""Composing with credit that is taxed at its use: nothing is due of what it paid, and the tax is in it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.billing.invoicing.drafting.composing import Occasion, compose
from jeton.billing.invoicing.drafting.taxing import ask_about, retax
from jeton.billing.invoicing.issuing.posting import document_postings
from jeton.billing.invoicing.lines.building import amount_line
from jeton.billing.invoicing.periods import Period
from jeton.billing.invoicing.tax import TaxDecision
from jeton.billing.invoicing.words import Profile, Rules
from jeton.billing.taxation.errors import TaxAnswerError
from jeton.billing.taxation.words import AnsweredTax, TaxAnswer
from jeton.billing.words import VOUCHER_PAID, Document
from jeton.ledger.chart import Account

AT = datetime(2026, 12, 3, tzinfo=UTC)
PERIOD = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
CENT = 10_000_000
GERMAN = TaxDecision("S", Fraction(19, 100))
PROFILE = Profile(UUID(int=1), "Example GmbH", "prepaid", AT)


def receipt(
    paid_nano: Sequence[int], rest_nano: int = 0, *, tax: TaxDecision = GERMAN, rate: str = "1"
) -> Document:
    """A receipt of what vouchers paid, and of a rest that nothing did."""
    used = amount_line(
        "usage", "usage", description="used", net_nano=sum(paid_nano) + rest_nano, period=PERIOD
    )
    paid = [
        amount_line(
            "credit", f"{VOUCHER_PAID}lot_{number}", description="paid", net_nano=-nano, period=PERIOD
        )
        for number, nano in enumerate(paid_nano)
    ]
    occasion = Occasion(
        PROFILE,
        Rules(),
        "receipt",
        "period",
        PERIOD,
        AT,
        tax,
        "EUR" if rate != "1" else "USD",
        Fraction(rate),
    )
    return compose(occasion, [used, *paid])


@pytest.mark.parametrize(
    ("paid_cents", "tax", "contained"),
    [
        (11_900, "0.19", 1_900),
        (1_160, "0.19", 185),
        (3, "0.19", 0),
        (4, "0.19", 1),
        (10_000, "0.2", 1_667),
        (10_000, "0", 0),
        (0, "0.19", 0),
    ],
    ids=["a round one", "rounded", "three cents", "four cents", "French", "reverse charge", "nothing"],
)
def test_the_tax_is_taken_out_of_what_was_paid(paid_cents: int, tax: str, contained: int) -> None:
    """19/119 of $119 are $19; of three cents it is half a cent, which is none."""
    category: TaxDecision = TaxDecision("S", Fraction(tax)) if tax != "0" else TaxDecision("AE")
    document = receipt([paid_cents * CENT], tax=category)
    assert (document.tax_minor, document.total_minor, document.due_minor) == (contained, 0, 0)
    assert document.taxes[0].taxable_minor == paid_cents - contained
    assert (document.voucher_minor, document.contained_tax_nano) == (paid_cents, contained * CENT)


@given(
    st.lists(st.integers(1, 10**14), min_size=1, max_size=5),
    st.integers(0, 10**12),
    st.sampled_from(["0.19", "0.2", "0.08875", "0.255"]),
    st.sampled_from(["1", "0.9215", "151.37"]),
)
def test_only_the_rest_is_asked_for_and_the_books_balance(
    paid_nano: list[int], rest_nano: int, tax: str, rate: str
) -> None:
    document = receipt(paid_nano, rest_nano, tax=TaxDecision("S", Fraction(tax)), rate=rate)
    assert sum(line.net_minor for line in document.lines) == document.lines_minor
    assert document.lines_minor + document.tax_minor == document.total_minor
    assert document.total_minor >= 0
    # BR-CO-17: at most a unit between the tax and net x rate.
    (said,) = document.taxes
    assert abs(said.tax_minor - said.taxable_minor * said.rate) <= 2
    postings = document_postings(document)
    assert sum(one.amount_nano for one in postings) == 0
    sums = {one.account: one.amount_nano for one in postings}
    assert sums.get(Account.REVENUE, 0) == document.contained_tax_nano


def test_an_answer_changes_the_tax_and_nothing_else() -> None:
    document = receipt([11_900 * CENT])
    question = ask_about(document, "")
    assert (question.is_tax_included, question.net_amount) == (True, "119.00")
    taxed = retax(document, TaxAnswer((AnsweredTax("S", Fraction(1, 4)),), "calc-1"))
    assert (taxed.tax_minor, taxed.due_minor, taxed.taxes[0].reference) == (2_380, 0, "calc-1")
    # What was taken out before is no part of the question, so the next draft is the same one.
    assert ask_about(taxed, "").question_id == question.question_id
    several = TaxAnswer(
        (AnsweredTax("S", Fraction(1, 4), line_ids=frozenset({"1"})), AnsweredTax("Z", Fraction(0)))
    )
    with pytest.raises(TaxAnswerError, match="has one tax"):
        retax(document, several)


def test_a_document_on_a_day_is_the_same_question_however_often_it_is_drafted() -> None:
    first, again = receipt([CENT]), receipt([CENT])
    assert first.issued_on == date(2026, 12, 3)
    assert ask_about(first, "").question_id == ask_about(again, "").question_id
    assert ask_about(first, "").question_id != ask_about(first, "AE").question_id
