"""Journal: how books are locked, read and written in PostgreSQL, many organizations at a time.

Only use cases post to it. A group commit is one or two calls of functions in the database
(migrations 0005, 0006 and 0008): ``lock_books`` reads, unless the books are in memory; ``write_books``
writes. Rows travel as one JSON document a table, because that costs the process that serves
requests the least.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from jeton.db.channel import Channel, render_array
from jeton.ledger.book import Book, HoldRow
from jeton.ledger.budgets.budgets import Payer
from jeton.ledger.budgets.storage import WantedWindow, parse_budgets, parse_each, render_budgets
from jeton.ledger.chain import Entry, link
from jeton.ledger.chart import Account, LotKind
from jeton.ledger.lots import Lot
from jeton.ledger.transaction import Transaction

_COLUMNS = {account: f"{account.value.replace(':', '_')}_nano" for account in Account}

# How PostgreSQL writes and reads bytes.
_HEX = "\\x"

_READ_LOTS = "SELECT json_agg(l) FROM lots AS l WHERE l.lot_id = ANY ($1)"
# Budgets are read once the balances they are given are locked, as the function before them has done.
_LOCK_BOOKS = """
    SELECT book.balances, book.lots, book.holds, counted.budgets, counted.windows
    FROM lock_books($1, $2) AS book, LATERAL read_budgets(book.balances, $2) AS counted
"""
_READ_EACH = "SELECT read_each_windows($1)"


class _LotRow(msgspec.Struct, frozen=True):
    lot_id: str
    organization_id: UUID
    kind: LotKind
    priority: int
    models: frozenset[str] | None
    granted_nano: int
    left_nano: int
    held_nano: int
    used_nano: int
    expired_nano: int
    refunded_nano: int
    effective_at: datetime
    expires_at: datetime | None
    granted_at: datetime
    cost_basis_nano: int = 0
    first_use_days: int | None = None
    revoked_at: datetime | None = None


_lots_decoder = msgspec.json.Decoder(list[_LotRow])
_holds_decoder = msgspec.json.Decoder(list[HoldRow])


@dataclass(slots=True)
class Entries:
    """What one database transaction adds to the ledger."""

    transactions: list[Transaction] = field(default_factory=list)
    taken: list[HoldRow] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    leases: dict[str, HoldRow] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Documents:
    """The ledger's parameters of ``write_books``, in its order; None where there is nothing."""

    new_lots: str | None
    new_transactions: str | None
    new_holds: str | None
    ended_holds: str | None
    changed_lots: str | None
    changed_balances: str | None
    lot_terms: str | None
    changed_budgets: str | None
    changed_windows: str | None
    each_windows: str | None
    leases: str | None


def encode(rows: Sequence[object]) -> str | None:
    """Rows as the JSON text that ``json_populate_recordset`` reads; None for no rows."""
    return msgspec.json.encode(rows).decode() if rows else None


async def lock_books(
    channel: Channel, organization_ids: Collection[UUID], request_ids: Sequence[str]
) -> dict[UUID, Book]:
    """Lock the organizations' balances, then read their open lots, their budgets and the holds named."""
    ((balances, lots, holds, budgets, windows),) = await channel.fetch(
        _LOCK_BOOKS, render_array([str(one) for one in organization_ids]), render_array([*request_ids])
    )
    lots_of: dict[UUID, list[Lot]] = {}
    for stored in _lots_decoder.decode(lots) if lots else ():
        lots_of.setdefault(stored.organization_id, []).append(_open_lot(stored))
    books = {}
    for columns in msgspec.json.decode(balances) if balances else ():
        organization_id = UUID(columns["organization_id"])
        amounts = {account: columns[column] for account, column in _COLUMNS.items()}
        book = books[organization_id] = Book(
            organization_id, amounts, lots_of.get(organization_id, ()), version=columns["version"]
        )
        book.credit_limit_nano = columns["credit_limit_nano"]
        book.chain_length = columns["chain_length"]
        book.chain_digest = bytes.fromhex(columns["chain_digest"].removeprefix(_HEX))
    for hold in _holds_decoder.decode(holds) if holds else ():
        books[hold.organization_id].holds[hold.request_id] = hold
    if budgets:
        for organization_id, some in parse_budgets(budgets, windows).items():
            books[organization_id].budgets = some
            for hold in books[organization_id].holds.values():
                some.know(hold.taken_at)
    return books


async def read_each_windows(channel: Channel, asked: Iterable[tuple[Book, Iterable[Payer]]]) -> None:
    """Have books know what budgets of every end user counted of payers; no statement if they do.

    The books must be locked, or what is decided on them be written under the version that they have.
    """
    books: dict[WantedWindow, Book] = {
        WantedWindow(budget_id, payer.end_user, payer.taken_at): book
        for book, payers in asked
        for payer in payers
        for budget_id in book.budgets.find_missing(payer)
    }
    if not books:
        return
    ((windows,),) = await channel.fetch(_READ_EACH, encode(list(books)))
    found = parse_each(windows)
    for wanted, book in books.items():
        key = wanted.budget_id, wanted.end_user
        book.budgets.add_each(*key, windows=found.get(key, ()))


async def read_lots(channel: Channel, lot_ids: Collection[str]) -> list[Lot]:
    """Lots by id, open or not; their books must be locked."""
    ((lots,),) = await channel.fetch(_READ_LOTS, render_array([*lot_ids]))
    return [_open_lot(stored) for stored in _lots_decoder.decode(lots)] if lots else []


def render_entries(books: Iterable[Book], entries: Entries, at: datetime) -> Documents:
    """What changed, as ``write_books`` takes it; rows of facts only grow."""
    changed = [book for book in books if book.is_changed]
    open_books = {book.organization_id: book for book in changed}
    transactions = [
        _transaction_row(entry, open_books[entry.organization_id], at) for entry in entries.transactions
    ]
    fresh = {lot.lot_id for book in changed for lot, _ in book.new_lots}
    # A hold that was taken and ended in one commit never stood open.
    brief = {row.request_id for row in entries.taken}.intersection(entries.ended)
    taken = [row for row in entries.taken if row.request_id not in brief] if brief else entries.taken
    ended = [one for one in entries.ended if one not in brief] if brief else entries.ended
    budgets, windows, each_windows = render_budgets(book.budgets for book in changed)
    return Documents(
        new_lots=encode([_lot_row(lot, book, reason) for book in changed for lot, reason in book.new_lots]),
        new_transactions=encode(transactions),
        new_holds=encode(taken),
        ended_holds=render_array(ended) if ended else None,
        changed_lots=encode(
            [
                _lot_amounts(lot)
                for book in changed
                for lot in book.changed_lots.values()
                if lot.lot_id not in fresh or lot.left_nano != lot.granted_nano
            ]
        ),
        changed_balances=encode([_balance_row(book) for book in changed]),
        lot_terms=encode([_lot_terms(lot) for book in changed for lot in book.changed_terms.values()]),
        changed_budgets=budgets,
        changed_windows=windows,
        each_windows=each_windows,
        leases=encode([*entries.leases.values()]),
    )


def _open_lot(row: _LotRow) -> Lot:
    return Lot(
        lot_id=row.lot_id,
        kind=row.kind,
        priority=row.priority,
        models=row.models,
        effective_at=row.effective_at,
        expires_at=row.expires_at,
        granted_at=row.granted_at,
        granted_nano=row.granted_nano,
        left_nano=row.left_nano,
        held_nano=row.held_nano,
        used_nano=row.used_nano,
        expired_nano=row.expired_nano,
        refunded_nano=row.refunded_nano,
        cost_basis_nano=row.cost_basis_nano,
        first_use_days=row.first_use_days,
        revoked_at=row.revoked_at,
    )


def _balance_row(book: Book) -> dict[str, Any]:
    row: dict[str, Any] = {_COLUMNS[account]: nano for account, nano in book.balances.items()}
    row["organization_id"] = book.organization_id
    row["version"] = book.version
    row["chain_length"] = book.chain_length
    row["chain_digest"] = _HEX + book.chain_digest.hex()
    return row


def _transaction_row(entry: Transaction, book: Book, at: datetime) -> dict[str, Any]:
    """The row, as the next link of its organization's chain."""
    accounts = [posting.account for posting in entry.postings]
    lots = [posting.lot_id for posting in entry.postings]
    amounts = [posting.amount_nano for posting in entry.postings]
    posted_at = entry.posted_at or at
    book.chain_length += 1
    fields = Entry(
        book.chain_length,
        book.organization_text,
        entry.transaction_id,
        entry.movement,
        entry.request_id,
        accounts,
        lots,
        amounts,
        posted_at,
        entry.reason,
    )
    book.chain_digest = link(book.chain_digest, fields)
    return {
        "transaction_id": entry.transaction_id,
        "organization_id": entry.organization_id,
        "movement": entry.movement,
        "request_id": entry.request_id,
        "accounts": accounts,
        "lots": lots,
        "amounts": amounts,
        "reason": entry.reason,
        "posted_at": posted_at,
        "sequence": book.chain_length,
        "digest": _HEX + book.chain_digest.hex(),
    }


def _lot_amounts(lot: Lot) -> dict[str, Any]:
    return {
        "lot_id": lot.lot_id,
        "granted_nano": lot.granted_nano,
        "left_nano": lot.left_nano,
        "held_nano": lot.held_nano,
        "used_nano": lot.used_nano,
        "expired_nano": lot.expired_nano,
        "refunded_nano": lot.refunded_nano,
    }


def _lot_terms(lot: Lot) -> dict[str, Any]:
    return {
        "lot_id": lot.lot_id,
        "cost_basis_nano": lot.cost_basis_nano,
        "first_use_days": lot.first_use_days,
        "expires_at": lot.expires_at,
        "revoked_at": lot.revoked_at,
    }


def _lot_row(lot: Lot, book: Book, reason: str) -> dict[str, Any]:
    return {
        "lot_id": lot.lot_id,
        "organization_id": book.organization_id,
        "kind": lot.kind,
        "priority": lot.priority,
        "models": None if lot.models is None else sorted(lot.models),
        "granted_nano": lot.granted_nano,
        # As it was filled; what was drawn from it in the same batch follows as a change.
        "left_nano": lot.granted_nano,
        "effective_at": lot.effective_at,
        "expires_at": lot.expires_at,
        "granted_at": lot.granted_at,
        "reason": reason,
    }
