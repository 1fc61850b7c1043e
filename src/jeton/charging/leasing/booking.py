"""Booking: what leases do to a book.

A lease is an open hold without a request: its credit is held, so nobody else can hold it (P1). A
request's hold is carved out of it, lot by lot, and nothing but the two rows changes.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec

from jeton.charging.members import ReturnLease, TakeLease
from jeton.ledger import movements
from jeton.ledger.book import Book, HoldRow
from jeton.ledger.chart import Account
from jeton.ledger.lots import Draw, split
from jeton.ledger.transaction import Movement, Posting

# A lease leaves most of the credit to others; where that is too little to be of use, holds are direct.
SHARE_DIVISOR = 8

BookIt = Callable[[Movement, tuple[Posting, ...], str], str]


def is_leasable(book: Book) -> bool:
    """Whether a hold may be promised before the book is asked.

    Not where a hard budget has to agree, where lots are for some models only (which burn first),
    or where a lot's time has yet to start.
    """
    return not book.budgets.has_hard and all(
        lot.is_empty or (lot.models is None and not lot.is_waiting) for lot in book.lots
    )


def take_lease(book: Book, member: TakeLease, book_it: BookIt, *, at: datetime) -> HoldRow | None:
    """Open or grow a lease and return its row; None where there is none and none should be."""
    row = book.find_hold(member.lease_id)
    left_nano = row.amount_nano if row else 0
    if not is_leasable(book):
        return None
    spare_nano = book.available_nano("", at) // SHARE_DIVISOR
    more_nano = min(max(0, member.wanted_nano - left_nano), spare_nano)
    draws = book.draw(more_nano, "", at=at) if more_nano else ()
    more_nano = sum(drawn.amount_nano for drawn in draws)
    if row is None and not more_nano:
        return None
    transaction_id = row.transaction_id if row else ""
    if more_nano:
        transaction_id = book_it(Movement.HOLD, movements.hold(draws, book.kind_of), member.lease_id)
    if row is not None:
        draws = _merge((*(Draw(*drawn) for drawn in row.draws), *draws))
    expiries = [book.get_lot(drawn.lot_id).expires_at for drawn in draws if drawn.lot_id]
    # Of everything in it: what was drawn long ago may expire before what was drawn now.
    valid_until = min([member.valid_until, *(instant for instant in expiries if instant is not None)])
    grown = HoldRow(
        request_id=member.lease_id,
        organization_id=book.organization_id,
        workspace_id="",
        key_id="",
        node_id=member.node_id,
        model="",
        upstream="",
        price_version_id="",
        is_rehearsal=False,
        amount_nano=left_nano + more_nano,
        draws=[(drawn.lot_id, drawn.amount_nano) for drawn in draws],
        transaction_id=transaction_id,
        taken_at=row.taken_at if row else member.taken_at,
        valid_until=valid_until,
    )
    book.new_holds[member.lease_id] = grown
    book.is_changed = True
    return grown


def find_lease(book: Book, lease_id: str, amount_nano: int, *, at: datetime) -> HoldRow | None:
    """The lease, if a hold of this amount can come out of it: in time, and of no lot that is over."""
    lease = book.find_hold(lease_id) if lease_id else None
    if lease is None or lease.amount_nano < amount_nano or lease.valid_until <= at:
        return None
    return None if is_spoiled(book, lease, at) else lease


def is_spoiled(book: Book, lease: HoldRow, at: datetime) -> bool:
    """Whether no hold may come out of a lease any more.

    Since a lot that it draws on was revoked or has expired, or it draws on credit and there is no limit now.
    """
    return any(
        book.get_lot(lot_id).is_over(at) if lot_id else not book.credit_limit_nano
        for lot_id, _ in lease.draws
    )


def carve(book: Book, lease: HoldRow, amount_nano: int) -> tuple[tuple[Draw, ...], HoldRow]:
    """Part a lease at ``amount_nano``: the draws of the request's hold, and the lease after it."""
    used, rest = split([Draw(lot_id, nano) for lot_id, nano in lease.draws], amount_nano)
    smaller = msgspec.structs.replace(
        lease,
        amount_nano=lease.amount_nano - amount_nano,
        draws=[(drawn.lot_id, drawn.amount_nano) for drawn in rest],
    )
    book.new_holds[lease.request_id] = smaller
    return used, smaller


def carve_postings(draws: tuple[Draw, ...]) -> tuple[Posting, ...]:
    """What was held stays held: from the lease to the request, lot by lot."""
    return tuple(
        posting
        for drawn in draws
        for posting in (
            Posting(Account.HELD, drawn.lot_id, drawn.amount_nano),
            Posting(Account.HELD, drawn.lot_id, -drawn.amount_nano),
        )
    )


def return_lease(book: Book, member: ReturnLease, book_it: BookIt) -> int:
    """Give back what is left; how much that was."""
    row = book.find_hold(member.lease_id)
    if row is None:
        return 0
    held = tuple(Draw(lot_id, nano) for lot_id, nano in row.draws)
    if held:
        book_it(Movement.RELEASE, movements.release(held, book.kind_of), member.lease_id)
    book.ended_holds.add(member.lease_id)
    book.is_changed = True
    return row.amount_nano


def _merge(draws: tuple[Draw, ...]) -> tuple[Draw, ...]:
    """One draw a lot, in the order in which the lots came."""
    sums: dict[str, int] = {}
    for drawn in draws:
        sums[drawn.lot_id] = sums.get(drawn.lot_id, 0) + drawn.amount_nano
    return tuple(Draw(lot_id, nano) for lot_id, nano in sums.items())
