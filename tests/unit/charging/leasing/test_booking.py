"""Leases on a book in memory: how long one is good for, and what it must not be made of."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from jeton.charging.deciding import Batch
from jeton.charging.members import GrantLot, LeaseTerms, ReturnLease, TakeLease
from jeton.ledger.book import Book
from jeton.ledger.chart import Account, LotKind
from jeton.ledger.lots import Lot

ORGANIZATION = UUID(int=1)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def lot(lot_id: str, expires_at: datetime | None, models: frozenset[str] | None = None) -> Lot:
    return Lot(lot_id, LotKind.FREE, 0, models, NOON, expires_at, NOON, 0, 0)


def open_book(*lots: Lot) -> Book:
    """A book with these lots, 800 nano in each."""
    book = Book(ORGANIZATION, dict.fromkeys(Account, 0), [])
    batch = Batch({ORGANIZATION: book}, {}, NOON)
    for one in lots:
        batch.decide(GrantLot(ORGANIZATION, one, 800, "test"))
    book.turn_page()
    return book


def lease(book: Book, wanted_nano: int, at: datetime) -> object:
    member = TakeLease(ORGANIZATION, "lease_1", "node_1", wanted_nano, at, at + 15 * SECOND)
    outcome = Batch({ORGANIZATION: book}, {}, at).decide(member)
    book.turn_page()
    return outcome


def test_a_lease_ends_with_the_first_lot_in_it_also_after_it_grew_from_another() -> None:
    """An eighth of 1,600 is all of what expires soonest that is taken first; then it grows."""
    book = open_book(lot("lot_a", NOON + 5 * SECOND), lot("lot_b", None))
    assert lease(book, 100, NOON) == LeaseTerms(100, NOON + 5 * SECOND)
    book.get_lot("lot_a").left_nano = 0
    book.get_lot("lot_b").left_nano = 1_500
    assert lease(book, 200, NOON + SECOND) == LeaseTerms(200, NOON + 5 * SECOND)


def test_a_lease_that_needs_nothing_more_is_extended_all_the_same() -> None:
    book = open_book(lot("lot_a", None))
    assert lease(book, 100, NOON) == LeaseTerms(100, NOON + 15 * SECOND)
    assert lease(book, 100, NOON + 9 * SECOND) == LeaseTerms(100, NOON + 24 * SECOND)


def test_a_lease_of_a_lot_that_is_over_goes_back_instead_of_growing() -> None:
    """The lot expired a second ago: nothing is leased any more, and nothing held."""
    book = open_book(lot("lot_a", NOON + 5 * SECOND), lot("lot_b", None))
    lease(book, 100, NOON)
    assert lease(book, 300, NOON + 6 * SECOND) == LeaseTerms(0, NOON + 6 * SECOND)
    assert (book.balances[Account.HELD], book.find_hold("lease_1")) == (0, None)


def test_a_lot_that_was_used_up_in_the_same_batch_keeps_nobody_from_leasing() -> None:
    empty = lot("lot_a", None, frozenset({"claude-sonnet-5-5"}))
    book = open_book(lot("lot_b", None))
    book.add_lots([empty])
    assert lease(book, 100, NOON) == LeaseTerms(100, NOON + 15 * SECOND)
    Batch({ORGANIZATION: book}, {}, NOON).decide(ReturnLease(ORGANIZATION, "lease_1"))
    assert book.balances[Account.HELD] == 0
