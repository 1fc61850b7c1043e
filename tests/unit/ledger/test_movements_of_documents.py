"""Movements of documents: receivable is what is due on them, less credit, plus what is on none yet."""

from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from jeton.billing.receivables.amounts import part_nano
from jeton.ledger import movements
from jeton.ledger.chart import Account
from jeton.ledger.transaction import Posting


def total(postings: tuple[Posting, ...]) -> int:
    return sum(posting.amount_nano for posting in postings)


def test_money_that_comes_in_is_cash_and_owed_no_more() -> None:
    assert movements.invoice_pay(119) == (
        Posting(Account.CASH, "", 119),
        Posting(Account.RECEIVABLE, "", -119),
    )
    assert total(movements.invoice_pay(-119)) == 0


def test_credit_of_another_rate_corrects_cash() -> None:
    """Worth 11 when it came in, it clears 12 of a document."""
    assert movements.apply_payment(11, 12) == (
        Posting(Account.RECEIVABLE, "", 11),
        Posting(Account.RECEIVABLE, "", -12),
        Posting(Account.CASH, "", 1),
    )


def test_a_write_off_is_a_bad_debt_less_its_tax() -> None:
    assert sorted(movements.write_off(119, 19), key=str) == sorted(
        (
            Posting(Account.BAD_DEBT, "", 100),
            Posting(Account.RECEIVABLE, "", -100),
            Posting(Account.TAX, "", 19),
            Posting(Account.RECEIVABLE, "", -19),
        ),
        key=str,
    )


@given(st.integers(0, 10**18), st.integers(0, 10**18))
def test_taking_off_is_the_exact_reverse(released: int, cleared: int) -> None:
    both = movements.apply_payment(released, cleared) + movements.unapply_payment(released, cleared)
    for account in Account:
        assert sum(posting.amount_nano for posting in both if posting.account is account) == 0


@given(st.integers(1, 10**9), st.integers(0, 10**18), st.lists(st.integers(1, 10**9), max_size=20))
def test_the_parts_of_an_amount_sum_to_it(of_minor: int, worth: int, wishes: list[int]) -> None:
    left_minor, left_nano, cleared = of_minor, worth, 0
    for wish in [*wishes, of_minor]:
        part = min(wish, left_minor)
        if part:
            nano = part_nano(part, of_minor=left_minor, worth_nano=left_nano)
            assert 0 <= nano <= left_nano
            cleared, left_minor, left_nano = cleared + nano, left_minor - part, left_nano - nano
    assert (left_minor, left_nano, cleared) == (0, 0, worth)


def test_more_than_the_whole_is_no_part() -> None:
    with pytest.raises(ValueError, match="no part"):
        part_nano(3, of_minor=2, worth_nano=10)


@dataclass
class Owed:
    """What is left of a document, or of a payment."""

    minor: int
    nano: int
    serial: int = field(default_factory=count().__next__)


@dataclass
class Applied:
    """What of a payment is on a document."""

    document: Owed
    payment: Owed
    minor: int
    cleared: int
    released: int


class Receivables(RuleBasedStateMachine):
    """Any order of documents, payments, write-offs, overruns and mistakes that are taken back."""

    documents = Bundle("documents")
    payments = Bundle("payments")
    applications = Bundle("applications")

    def __init__(self) -> None:
        super().__init__()
        self.balances = dict.fromkeys(Account, 0)
        self.all_documents: list[Owed] = []
        self.all_payments: list[Owed] = []
        self.overruns = 0

    def book(self, postings: tuple[Posting, ...]) -> None:
        assert total(postings) == 0
        for posting in postings:
            self.balances[posting.account] += posting.amount_nano

    @rule(target=documents, minor=st.integers(1, 1000), nano=st.integers(1, 10**12))
    def issue(self, minor: int, nano: int) -> Owed:
        self.book((Posting(Account.RECEIVABLE, "", nano), Posting(Account.REVENUE, "", -nano)))
        self.all_documents.append(Owed(minor, nano))
        return self.all_documents[-1]

    @rule(target=payments, minor=st.integers(1, 1000), nano=st.integers(1, 10**12))
    def receive(self, minor: int, nano: int) -> Owed:
        self.book(movements.invoice_pay(nano))
        self.all_payments.append(Owed(minor, nano))
        return self.all_payments[-1]

    @rule(nano=st.integers(1, 10**12))
    def overrun(self, nano: int) -> None:
        self.book(movements.overrun((), nano, lambda _: pytest.fail("no lot is drawn on")))
        self.overruns += nano

    @rule(target=applications, document=documents, payment=payments, wish=st.integers(1, 1000))
    def apply(self, document: Owed, payment: Owed, wish: int) -> object:
        minor = min(wish, document.minor, payment.minor)
        if not minor:
            return multiple()
        cleared = part_nano(minor, of_minor=document.minor, worth_nano=document.nano)
        released = part_nano(minor, of_minor=payment.minor, worth_nano=payment.nano)
        self.book(movements.apply_payment(released, cleared))
        document.minor, document.nano = document.minor - minor, document.nano - cleared
        payment.minor, payment.nano = payment.minor - minor, payment.nano - released
        return Applied(document, payment, minor, cleared, released)

    @rule(applied=consumes(applications))
    def unapply(self, applied: Applied) -> None:
        self.book(movements.unapply_payment(applied.released, applied.cleared))
        applied.document.minor += applied.minor
        applied.document.nano += applied.cleared
        applied.payment.minor += applied.minor
        applied.payment.nano += applied.released

    @rule(payment=payments)
    def pay_back(self, payment: Owed) -> None:
        self.book(movements.invoice_pay(-payment.nano))
        payment.minor = payment.nano = 0

    @rule(document=documents, wish=st.integers(1, 1000), tax=st.integers(0, 10**12))
    def give_up(self, document: Owed, wish: int, tax: int) -> None:
        minor = min(wish, document.minor)
        if minor:
            nano = part_nano(minor, of_minor=document.minor, worth_nano=document.nano)
            self.book(movements.write_off(nano, min(tax, nano)))
            document.minor, document.nano = document.minor - minor, document.nano - nano

    @invariant()
    def receivable_is_what_is_due_less_credit_plus_overruns(self) -> None:
        due = sum(document.nano for document in self.all_documents)
        credit = sum(payment.nano for payment in self.all_payments)
        assert self.balances[Account.RECEIVABLE] == due - credit + self.overruns

    @invariant()
    def what_is_paid_whole_leaves_nothing(self) -> None:
        for owed in (*self.all_documents, *self.all_payments):
            assert owed.nano >= 0
            assert owed.minor or not owed.nano


TestReceivables = Receivables.TestCase
