"""Movements: which account every dollar comes from and goes to."""

import pytest

from jeton.ids import new_uuid
from jeton.ledger import movements
from jeton.ledger.chart import Account, LotKind
from jeton.ledger.errors import UnbalancedError
from jeton.ledger.lots import Draw
from jeton.ledger.transaction import Movement, Posting, Transaction

KINDS = {"free": LotKind.FREE, "paid": LotKind.PAID}
HELD = (Draw("free", 60), Draw("paid", 40))


def kind_of(lot_id: str) -> LotKind:
    """The kind of the test's two lots."""
    return KINDS[lot_id]


def test_a_free_grant_is_no_liability_of_cash() -> None:
    """Free credit comes out of promotion, not out of cash."""
    assert movements.grant("free", LotKind.FREE, 5) == (
        Posting(Account.PROMOTION, "", 5),
        Posting(Account.CREDIT_FREE, "free", -5),
    )


def test_a_hold_moves_credit_to_held() -> None:
    """Each lot gives its part."""
    assert movements.hold(HELD, kind_of) == (
        Posting(Account.CREDIT_FREE, "free", 60),
        Posting(Account.HELD, "free", -60),
        Posting(Account.CREDIT_PAID, "paid", 40),
        Posting(Account.HELD, "paid", -40),
    )


def test_settling_makes_revenue_of_paid_credit_only() -> None:
    """Of a charge of 75, 60 were free: 15 are revenue, 25 go back to the paid lot."""
    assert movements.settle(HELD, 75, kind_of) == (
        Posting(Account.HELD, "free", 60),
        Posting(Account.HELD, "paid", 40),
        Posting(Account.PROMOTION, "free", -60),
        Posting(Account.REVENUE, "paid", -15),
        Posting(Account.CREDIT_PAID, "paid", -25),
    )


def test_a_release_gives_everything_back() -> None:
    """Nothing is used."""
    assert movements.release(HELD, kind_of)[2:] == (
        Posting(Account.CREDIT_FREE, "free", -60),
        Posting(Account.CREDIT_PAID, "paid", -40),
    )


def test_what_no_lot_covers_is_owed() -> None:
    """An overrun of 10 with 4 left in a paid lot leaves 6 receivable."""
    assert movements.overrun((Draw("paid", 4),), 6, kind_of) == (
        Posting(Account.CREDIT_PAID, "paid", 4),
        Posting(Account.REVENUE, "paid", -4),
        Posting(Account.RECEIVABLE, "", 6),
        Posting(Account.REVENUE, "", -6),
    )


def test_expired_paid_credit_is_breakage_and_free_credit_is_not() -> None:
    """Only what was paid for can become income by expiring."""
    assert movements.expire_lot("paid", LotKind.PAID, 7)[1] == Posting(Account.BREAKAGE, "paid", -7)
    assert movements.expire_lot("free", LotKind.FREE, 7)[1] == Posting(Account.PROMOTION, "free", -7)


def test_a_transaction_off_by_one_nano_is_refused() -> None:
    """Money is neither made nor lost."""
    postings = (Posting(Account.CASH, "", 10), Posting(Account.REVENUE, "", -9))
    with pytest.raises(UnbalancedError, match="sum to 1 nano"):
        Transaction("txn_1", new_uuid(), Movement.ADJUST, postings)
