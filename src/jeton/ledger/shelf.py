"""Shelf: the books that a node keeps in memory between two transactions.

A kept book saves the reading of it, and it is never trusted beyond its version: the database
refuses what was decided on another, and then it is read again. An organization whose book others
write too is read for a while, since each refusal costs more than a reading.
"""

from collections import OrderedDict
from collections.abc import Iterable
from uuid import UUID

from jeton.ledger.book import Book, HoldRow

BOOKS_MAX = 1024
# After somebody else's write, so many of ours read first.
READINGS_AFTER_CONFLICT = 32


class _Place:
    """Where a book stands: the book unless it was taken, its open holds, and how long it must be read."""

    __slots__ = ("book", "holds", "readings", "version")

    def __init__(self) -> None:
        self.book: Book | None = None
        self.holds: dict[str, HoldRow] = {}
        self.readings = 0
        self.version = -1


class Shelf:
    """At most ``books_max`` books; those that were asked for longest ago go first."""

    def __init__(self, *, books_max: int = BOOKS_MAX) -> None:
        """An empty shelf."""
        self._places: OrderedDict[UUID, _Place] = OrderedDict()
        self._books_max = books_max

    def take(self, organization_ids: Iterable[UUID]) -> dict[UUID, Book] | None:
        """The books of all these organizations, or None if one of them is not here.

        What is taken is gone until it is put back: a transaction that fails leaves nothing behind.
        """
        taken = {}
        is_complete = True
        for organization_id in organization_ids:
            place = self._places.get(organization_id)
            if place is None or place.book is None:
                is_complete = False
            else:
                taken[organization_id] = place.book
                place.book = None
        return taken if is_complete else None

    def compare(self, book: Book) -> None:
        """Compare a book that was read with what is remembered of it.

        The same version: the holds that are known still stand. Another one is a conflict.
        """
        place = self._places.get(book.organization_id)
        if place is None:
            return
        if place.version == book.version:
            place.holds.update(book.holds)
            book.holds = place.holds
        else:
            place.readings = READINGS_AFTER_CONFLICT

    def put(self, book: Book) -> None:
        """Keep a book as it was committed, unless it must be read for a while."""
        place = self._places.get(book.organization_id)
        if place is None:
            place = self._places[book.organization_id] = _Place()
            if len(self._places) > self._books_max:
                self._places.popitem(last=False)
        else:
            self._places.move_to_end(book.organization_id)
        place.version = book.version
        place.holds = book.holds
        if place.readings:
            place.readings -= 1
        else:
            place.book = book
