"""Movements of invoices and credit notes: balanced whatever the amounts; a note undoes its invoice."""

from hypothesis import given
from hypothesis import strategies as st

from jeton.ledger import movements
from jeton.ledger.chart import Account

CENT = 10_000_000
NANOS = st.integers(-(10**15), 10**15)
CENTS = st.integers(0, 10**8).map(lambda cents: cents * CENT)


def test_an_invoice_takes_what_was_accrued_and_asks_for_whole_cents_with_tax() -> None:
    postings = movements.invoice_issue(
        accrued_nano=12_345_678_000,
        owed_nano=0,
        earned_nano=0,
        tax_nano=2_350_000_000,
        total_nano=14_700_000_000,
    )
    assert {one.account: one.amount_nano for one in postings} == {
        Account.RECEIVABLE: 14_700_000_000,
        Account.ACCRUED: -12_345_678_000,
        Account.TAX: -2_350_000_000,
        Account.ROUNDING: -4_322_000,
    }


def test_what_is_owed_already_is_not_asked_for_twice() -> None:
    """A commit of $100 was owed when it was granted: its invoice adds the tax."""
    postings = movements.invoice_issue(
        accrued_nano=0,
        owed_nano=100 * 10**9,
        earned_nano=0,
        tax_nano=19 * 10**9,
        total_nano=119 * 10**9,
    )
    assert {one.account: one.amount_nano for one in postings} == {
        Account.RECEIVABLE: 19 * 10**9,
        Account.TAX: -19 * 10**9,
    }


@given(accrued=NANOS, owed=NANOS, earned=NANOS, tax=CENTS, total=CENTS)
def test_an_invoice_balances_and_its_reverse_leaves_nothing(
    accrued: int, owed: int, earned: int, tax: int, total: int
) -> None:
    postings = movements.invoice_issue(
        accrued_nano=accrued, owed_nano=owed, earned_nano=earned, tax_nano=tax, total_nano=total
    )
    back = movements.reverse(postings)

    assert sum(one.amount_nano for one in postings) == 0
    left: dict[Account, int] = {}
    for one in (*postings, *back):
        left[one.account] = left.get(one.account, 0) + one.amount_nano
    assert not any(left.values())


@given(net=st.integers(0, 10**15), tax=CENTS)
def test_goodwill_takes_revenue_and_tax_back(net: int, tax: int) -> None:
    total = (net // CENT) * CENT + tax
    postings = movements.allow(net_nano=net, tax_nano=tax, total_nano=total)
    amounts = {one.account: one.amount_nano for one in postings}

    assert sum(amounts.values()) == 0
    assert amounts.get(Account.RECEIVABLE, 0) == -total
    assert amounts.get(Account.REVENUE, 0) == net
    assert abs(amounts.get(Account.ROUNDING, 0)) < CENT
