"""Shelf: a book is kept for who wrote it last, and read again after anybody else."""

from jeton.ids import new_uuid
from jeton.ledger.book import Book
from jeton.ledger.chart import Account
from jeton.ledger.shelf import READINGS_AFTER_CONFLICT, Shelf


def make_book(version: int = 0) -> Book:
    """An empty book of a new organization."""
    return Book(new_uuid(), dict.fromkeys(Account, 0), [], version=version)


def test_a_kept_book_can_be_taken_once() -> None:
    """A transaction that fails leaves nothing behind."""
    shelf, book = Shelf(), make_book()
    shelf.put(book)
    assert shelf.take([book.organization_id]) == {book.organization_id: book}
    assert shelf.take([book.organization_id]) is None


def test_one_missing_book_means_none() -> None:
    """Whoever is decided on is there, or everybody is read."""
    shelf, book = Shelf(), make_book()
    shelf.put(book)
    assert shelf.take([book.organization_id, new_uuid()]) is None


def test_after_a_conflict_a_book_is_read_for_a_while() -> None:
    """Version 3 was kept; the database has 5."""
    shelf, book = Shelf(), make_book(version=3)
    shelf.put(book)
    shelf.take([book.organization_id])
    for _ in range(READINGS_AFTER_CONFLICT):
        read = Book(book.organization_id, dict.fromkeys(Account, 0), [], version=5)
        shelf.compare(read)
        shelf.put(read)
        assert shelf.take([book.organization_id]) is None
    last = make_book(version=5)
    last.organization_id = book.organization_id
    shelf.put(last)
    assert shelf.take([book.organization_id]) == {book.organization_id: last}


def test_the_shelf_is_bounded() -> None:
    """The one that was put back longest ago goes first."""
    shelf = Shelf(books_max=2)
    first, second, third = make_book(), make_book(), make_book()
    for book in (first, second, first, third):
        shelf.put(book)
    assert shelf.take([second.organization_id]) is None
    assert shelf.take([first.organization_id, third.organization_id]) is not None
