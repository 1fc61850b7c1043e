"""Movements: which account every dollar comes from and goes to."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.ids import new_uuid
from jeton.ledger import movements
from jeton.ledger.chart import Account, LotKind
from jeton.ledger.errors import UnbalancedError
from jeton.ledger.lots import Draw, Lot, unwind
from jeton.ledger.transaction import Movement, Posting, Transaction

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KINDS = {"free": LotKind.FREE, "paid": LotKind.PAID}
HELD = (Draw("free", 60), Draw("paid", 40))


def kind_of(lot_id: str) -> LotKind:
    """The kind of the test's two lots."""
    return KINDS[lot_id]


def make_lot(lot_id: str, kind: LotKind, cost_basis_nano: int, granted_nano: int = 0) -> Lot:
    """A lot that costs so much."""
    return Lot(
        lot_id, kind, 0, None, NOON, None, NOON, granted_nano, granted_nano, cost_basis_nano=cost_basis_nano
    )


def test_a_free_grant_is_no_liability_of_cash() -> None:
    """Free credit comes out of promotion, not out of cash."""
    assert movements.grant(make_lot("free", LotKind.FREE, 0), 5) == (
        Posting(Account.PROMOTION, "", 5),
        Posting(Account.CREDIT_FREE, "free", -5),
    )


def test_a_commit_is_owed_and_a_purchase_was_paid() -> None:
    """Of $100 for $90, the $10 are given."""
    assert movements.grant(make_lot("x", LotKind.COMMIT, 90), 100) == (
        Posting(Account.RECEIVABLE, "", 90),
        Posting(Account.PROMOTION, "", 10),
        Posting(Account.CREDIT_PAID, "x", -100),
    )
    assert movements.grant(make_lot("x", LotKind.PAID, 100), 100) == (
        Posting(Account.CASH, "", 100),
        Posting(Account.CREDIT_PAID, "x", -100),
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


def test_a_draw_on_the_credit_limit_is_accrued() -> None:
    """Held from the hold on, and revenue when it is used."""
    drawn = (Draw("", 10),)
    assert movements.hold(drawn, kind_of) == (
        Posting(Account.ACCRUED, "", 10),
        Posting(Account.HELD, "", -10),
    )
    assert movements.settle(drawn, 4, kind_of) == (
        Posting(Account.HELD, "", 10),
        Posting(Account.REVENUE, "", -4),
        Posting(Account.ACCRUED, "", -6),
    )


def test_a_credit_note_unwinds_in_reverse() -> None:
    """What was owed first, then the lot that paid last."""
    undone = unwind((Draw("free", 60), Draw("paid", 15)), 20)
    assert undone == (Draw("paid", 15), Draw("free", 5))
    assert movements.credit_note(undone, 3, kind_of) == (
        Posting(Account.REVENUE, "", 3),
        Posting(Account.RECEIVABLE, "", -3),
        Posting(Account.REVENUE, "paid", 15),
        Posting(Account.CREDIT_PAID, "paid", -15),
        Posting(Account.PROMOTION, "free", 5),
        Posting(Account.CREDIT_FREE, "free", -5),
    )


def test_a_discounted_lot_burns_at_its_cost_basis() -> None:
    """$100 for $90: $10 used are $9 of revenue, $10 expired are $9 of breakage."""
    lot = make_lot("x", LotKind.COMMIT, 90, 100)
    used = (Posting(Account.HELD, "x", 10), Posting(Account.REVENUE, "x", -10))
    assert movements.apportion(used, lambda _: lot) == (
        Posting(Account.HELD, "x", 10),
        Posting(Account.REVENUE, "x", -9),
        Posting(Account.PROMOTION, "x", -1),
    )
    expired = movements.expire_lot("x", LotKind.COMMIT, 10)
    assert movements.apportion(expired, lambda _: lot)[1:] == (
        Posting(Account.BREAKAGE, "x", -9),
        Posting(Account.PROMOTION, "x", -1),
    )


@given(st.integers(1, 40), st.data())
def test_the_parts_of_a_lot_sum_to_its_cost_basis(granted_nano: int, data: st.DataObject) -> None:
    """In whatever steps it goes, also within one transaction, and with steps back in between."""
    basis_nano = data.draw(st.integers(0, granted_nano))
    lot = make_lot("x", LotKind.PAID, basis_nano, granted_nano)
    earned = 0
    while lot.used_nano < granted_nano:
        steps = data.draw(st.lists(st.integers(1, granted_nano - lot.used_nano), min_size=1, max_size=1))
        back = data.draw(st.integers(0, steps[0] - 1))
        postings = [Posting(Account.REVENUE, "x", -steps[0]), Posting(Account.REVENUE, "x", back)]
        parted = movements.apportion(postings, lambda _: lot)
        assert sum(p.amount_nano for p in parted) == back - steps[0]
        earned -= sum(p.amount_nano for p in parted if p.account is Account.REVENUE)
        lot.used_nano += steps[0] - back
        assert earned == lot.paid_part(lot.used_nano)
    assert earned == basis_nano


def test_expired_paid_credit_is_breakage_and_free_credit_is_not() -> None:
    """Only what was paid for can become income by expiring."""
    assert movements.expire_lot("paid", LotKind.PAID, 7)[1] == Posting(Account.BREAKAGE, "paid", -7)
    assert movements.expire_lot("free", LotKind.FREE, 7)[1] == Posting(Account.PROMOTION, "free", -7)


def test_a_transaction_off_by_one_nano_is_refused() -> None:
    """Money is neither made nor lost."""
    postings = (Posting(Account.CASH, "", 10), Posting(Account.REVENUE, "", -9))
    with pytest.raises(UnbalancedError, match="sum to 1 nano"):
        Transaction("txn_1", new_uuid(), Movement.ADJUST, postings)
