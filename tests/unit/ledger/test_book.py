"""Book: whatever the sequence of movements, lots add up, accounts sum to zero, nothing is overspent."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jeton.ids import new_uuid
from jeton.ledger import movements
from jeton.ledger.book import Book
from jeton.ledger.chart import Account, LotKind
from jeton.ledger.lots import Draw, Lot, draw
from jeton.ledger.transaction import Movement, Posting, Transaction

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MODEL = "claude-sonnet-5-5"


def book_it(book: Book, movement: Movement, postings: tuple[Posting, ...]) -> None:
    """Apply one transaction."""
    book.apply(Transaction("txn_1", book.organization_id, movement, postings))


def open_lot(book: Book, lot_id: str, kind: LotKind, nano: int) -> None:
    """Open a lot and fill it by a grant."""
    lot = Lot(lot_id, kind, 0, None, NOON, None, NOON, granted_nano=0, left_nano=0, cost_basis_nano=nano)
    if kind is LotKind.FREE:
        lot.cost_basis_nano = 0
    book.open_lot(lot, "test")
    book_it(book, Movement.GRANT, movements.grant(lot, nano))


def check(book: Book, granted_nano: int) -> None:
    """The invariants of the ledger's README."""
    assert sum(book.balances.values()) == 0
    assert sum(lot.granted_nano for lot in book.lots) == granted_nano
    for lot in book.lots:
        parts = (lot.left_nano, lot.held_nano, lot.used_nano, lot.expired_nano, lot.refunded_nano)
        assert min(parts) >= 0
        assert sum(parts) == lot.granted_nano
    assert -book.balances[Account.HELD] == sum(lot.held_nano for lot in book.lots)
    credit = book.balances[Account.CREDIT_PAID] + book.balances[Account.CREDIT_FREE]
    assert -credit == sum(lot.left_nano for lot in book.lots)


def test_all_that_is_owed_counts_against_the_credit_limit() -> None:
    """Of a limit of 100, 30 are accrued and a commit of 20 is not paid: 50 are left, never less than 0."""
    book = Book(new_uuid(), dict.fromkeys(Account, 0), [])
    book.credit_limit_nano = 100
    book_it(book, Movement.HOLD, movements.hold((Draw("", 30),), book.kind_of))
    open_lot(book, "lot_1", LotKind.COMMIT, 20)
    assert book.available_nano(MODEL, NOON) == 20 + 50
    assert book.draw(90, MODEL, at=NOON) == (Draw("lot_1", 20), Draw("", 50))
    assert book.draw_overrun(90, MODEL, at=NOON) == ((Draw("lot_1", 20), Draw("", 70)), 0)
    book.credit_limit_nano = 10
    assert book.credit_nano == 0
    assert book.draw(90, MODEL, at=NOON) == (Draw("lot_1", 20),)


def test_a_clock_starts_once() -> None:
    """And the lot then burns down before those that never expire."""
    book = Book(new_uuid(), dict.fromkeys(Account, 0), [])
    open_lot(book, "lot_1", LotKind.FREE, 5)
    waiting = Lot("lot_2", LotKind.FREE, 0, None, NOON, None, NOON, 0, 0, first_use_days=1)
    book.open_lot(waiting, "test")
    book_it(book, Movement.GRANT, movements.grant(waiting, 5))
    assert [lot.lot_id for lot in book.lots] == ["lot_1", "lot_2"]
    assert book.start_clocks(NOON) == [waiting]
    assert book.start_clocks(NOON + timedelta(hours=1)) == []
    assert waiting.expires_at == NOON + timedelta(days=1)
    assert [lot.lot_id for lot in book.lots] == ["lot_2", "lot_1"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["grant free", "grant commit", "hold", "settle", "release", "expire"]),
        st.integers(1, 1_000),
    ),
    max_size=60,
)


@given(STEPS)
def test_the_books_balance_after_every_movement(steps: list[tuple[str, int]]) -> None:
    """A model of an organization's life: grants, holds, settlements (some over), releases, expiries."""
    book = Book(new_uuid(), dict.fromkeys(Account, 0), [])
    granted, open_holds = 0, list[tuple[Draw, ...]]()
    for number, (step, nano) in enumerate(steps):
        if step.startswith("grant"):
            kind = LotKind.FREE if step.endswith("free") else LotKind.COMMIT
            open_lot(book, f"lot_{number:03}", kind, nano)
            granted += nano
        elif step == "hold":
            draws = draw(book.lots, nano, model=MODEL, at=NOON)
            if sum(drawn.amount_nano for drawn in draws) == nano:
                book_it(book, Movement.HOLD, movements.hold(draws, book.kind_of))
                open_holds.append(draws)
        elif step == "expire" and book.lots and book.lots[0].left_nano:
            lot = book.lots[0]
            book_it(book, Movement.EXPIRE_LOT, movements.expire_lot(lot.lot_id, lot.kind, lot.left_nano))
        elif open_holds:
            held = open_holds.pop(nano % len(open_holds))
            used = 0 if step == "release" else min(nano, sum(drawn.amount_nano for drawn in held))
            book_it(book, Movement.SETTLE, movements.settle(held, used, book.kind_of))
        check(book, granted)
