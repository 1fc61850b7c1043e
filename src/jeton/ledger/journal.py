"""Journal: how books are locked, read and written in PostgreSQL, many organizations at a time.

Only use cases post to it. Rows travel as one JSON document a table, because that costs the
process that serves requests the least; PostgreSQL takes them apart.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from jeton.db.pool import Connection
from jeton.ledger.book import Book
from jeton.ledger.chart import Account, LotKind
from jeton.ledger.lots import Lot
from jeton.ledger.transaction import Transaction

_COLUMNS = {account: f"{account.value.replace(':', '_')}_nano" for account in Account}
_ACCOUNTS = tuple(_COLUMNS)

# Locked in one order, so that two nodes never wait for each other in a circle.
_LOCK_BALANCES = f"""
    SELECT organization_id, {", ".join(_COLUMNS.values())} FROM balances
    WHERE organization_id = ANY(%s) ORDER BY organization_id FOR UPDATE
"""  # noqa: S608 - column names come from the chart above, nothing from outside

_READ_LOTS = """
    SELECT organization_id, lot_id, kind, priority, models, effective_at, expires_at, granted_at,
           granted_nano, left_nano, held_nano, used_nano, expired_nano, refunded_nano
    FROM lots WHERE organization_id = ANY(%s) AND is_open
"""

_WRITE_BALANCES = f"""
    UPDATE balances AS b SET {", ".join(f"{column} = n.{column}" for column in _COLUMNS.values())}
    FROM json_populate_recordset(NULL::balances, %s::json) AS n
    WHERE b.organization_id = n.organization_id
"""  # noqa: S608 - as above

_WRITE_LOTS = """
    UPDATE lots AS l SET granted_nano = n.granted_nano, left_nano = n.left_nano,
        held_nano = n.held_nano, used_nano = n.used_nano, expired_nano = n.expired_nano,
        refunded_nano = n.refunded_nano
    FROM json_populate_recordset(NULL::lots, %s::json) AS n WHERE l.lot_id = n.lot_id
"""

_INSERT_LOTS = """
    INSERT INTO lots (lot_id, organization_id, kind, priority, models, granted_nano, left_nano,
                      effective_at, expires_at, granted_at, reason)
    SELECT lot_id, organization_id, kind, priority, models, granted_nano, left_nano,
           effective_at, expires_at, granted_at, reason
    FROM json_populate_recordset(NULL::lots, %s::json)
"""

_INSERT_TRANSACTIONS = """
    INSERT INTO transactions (transaction_id, organization_id, movement, request_id, accounts, lots,
                              amounts, reason, posted_at)
    SELECT transaction_id, organization_id, movement, request_id, accounts, lots, amounts, reason,
           posted_at
    FROM json_populate_recordset(NULL::transactions, %s::json)
"""

_INSERT_HOLDS = """
    INSERT INTO holds SELECT * FROM json_populate_recordset(NULL::holds, %s::json)
"""
_DELETE_HOLDS = "DELETE FROM holds WHERE request_id = ANY(%s)"


class HoldRow(msgspec.Struct, frozen=True):
    """An open hold as it is stored; ``draws`` are (lot, nano) pairs in burn order."""

    request_id: str
    organization_id: UUID
    workspace_id: str
    key_id: str
    node_id: str
    model: str
    upstream: str
    price_version_id: str
    is_rehearsal: bool
    amount_nano: int
    draws: list[tuple[str, int]]
    transaction_id: str
    taken_at: datetime
    valid_until: datetime


_READ_HOLDS = f"SELECT {', '.join(HoldRow.__struct_fields__)} FROM holds WHERE request_id = ANY(%s)"  # noqa: S608 - field names of the struct above


@dataclass(slots=True)
class Entries:
    """What one database transaction adds to the ledger."""

    transactions: list[Transaction]
    taken: list[HoldRow]
    ended: list[str]


def encode(rows: object) -> str:
    """Rows as the JSON text that ``json_populate_recordset`` reads."""
    return msgspec.json.encode(rows).decode()


async def lock_books(
    connection: Connection, organization_ids: Collection[UUID], request_ids: Sequence[str]
) -> tuple[dict[UUID, Book], dict[str, HoldRow]]:
    """Lock the organizations' balances, then read their open lots and the holds named."""
    ids = list(organization_ids)
    async with connection.pipeline():
        locked = await connection.execute(_LOCK_BALANCES, (ids,))
        # A statement of its own: it must see what committed while the lock was waited for.
        open_lots = await connection.execute(_READ_LOTS, (ids,))
        open_holds = await connection.execute(_READ_HOLDS, (list(request_ids),))
        balance_rows = await locked.fetchall()
        lot_rows = await open_lots.fetchall()
        hold_rows = await open_holds.fetchall()
    lots: dict[UUID, list[Lot]] = {row[0]: [] for row in balance_rows}
    for row in lot_rows:
        lots[row[0]].append(_read_lot(row))
    books = {
        row[0]: Book(row[0], dict(zip(_ACCOUNTS, row[1:], strict=True)), lots[row[0]]) for row in balance_rows
    }
    return books, {row[0]: HoldRow(*row) for row in hold_rows}


def _read_lot(row: tuple[Any, ...]) -> Lot:
    models = None if row[4] is None else frozenset(row[4])
    return Lot(row[1], LotKind(row[2]), row[3], models, *row[5:])


async def write_books(
    connection: Connection, books: Collection[Book], entries: Entries, at: datetime
) -> None:
    """Write what changed; call it inside the pipeline that also commits. Rows of facts only grow."""
    changed = [book for book in books if book.is_changed]
    if not changed:
        return
    new_lots = [_lot_row(lot, book, reason) for book in changed for lot, reason in book.new_lots]
    if new_lots:
        await connection.execute(_INSERT_LOTS, (encode(new_lots),))
    await connection.execute(
        _INSERT_TRANSACTIONS, (encode([_transaction_row(entry, at) for entry in entries.transactions]),)
    )
    if entries.taken:
        await connection.execute(_INSERT_HOLDS, (encode(entries.taken),))
    if entries.ended:
        await connection.execute(_DELETE_HOLDS, (entries.ended,))
    fresh = {row["lot_id"] for row in new_lots}
    lots = [
        _lot_amounts(lot) for book in changed for lot in book.changed_lots.values() if lot.lot_id not in fresh
    ]
    if lots:
        await connection.execute(_WRITE_LOTS, (encode(lots),))
    await connection.execute(_WRITE_BALANCES, (encode([_balance_row(book) for book in changed]),))


def _balance_row(book: Book) -> dict[str, Any]:
    row: dict[str, Any] = {_COLUMNS[account]: nano for account, nano in book.balances.items()}
    row["organization_id"] = book.organization_id
    return row


def _transaction_row(entry: Transaction, at: datetime) -> dict[str, Any]:
    return {
        "transaction_id": entry.transaction_id,
        "organization_id": entry.organization_id,
        "movement": entry.movement,
        "request_id": entry.request_id,
        "accounts": [posting.account for posting in entry.postings],
        "lots": [posting.lot_id for posting in entry.postings],
        "amounts": [posting.amount_nano for posting in entry.postings],
        "reason": entry.reason,
        "posted_at": at,
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


def _lot_row(lot: Lot, book: Book, reason: str) -> dict[str, Any]:
    return {
        "lot_id": lot.lot_id,
        "organization_id": book.organization_id,
        "kind": lot.kind,
        "priority": lot.priority,
        "models": None if lot.models is None else sorted(lot.models),
        "granted_nano": lot.granted_nano,
        "left_nano": lot.left_nano,
        "effective_at": lot.effective_at,
        "expires_at": lot.expires_at,
        "granted_at": lot.granted_at,
        "reason": reason,
    }
