"""Marking: where the payment of a document stands, which is all of it that changes.

Whoever marks posts to the ledger in the same transaction, first (order of locks: balances, then documents).
"""

from datetime import date, datetime

from psycopg.rows import class_row

from jeton.billing.invoicing.documents.reading import HEAD
from jeton.billing.invoicing.documents.rows import DocumentRow, parse_document
from jeton.billing.invoicing.errors import CorrectionError, UnknownDocumentError
from jeton.billing.words import Document
from jeton.db.pool import Connection

_LOCK = f"{HEAD} WHERE d.document_id = %s FOR UPDATE OF d"
_MARK = """
    UPDATE documents SET paid_minor = %(paid)s, credited_minor = %(credited)s, state = %(state)s,
        paid_at = CASE WHEN %(state)s = 'paid' THEN coalesce(paid_at, %(at)s) ELSE paid_at END
    WHERE document_id = %(id)s
"""
_VOID = "UPDATE documents SET state = 'void', voided_at = %s WHERE document_id = %s"
_OVERDUE = """
    UPDATE documents SET state = 'overdue', overdue_at = %(at)s
    WHERE document_id IN (
        SELECT document_id FROM documents WHERE state = 'issued' AND kind <> 'credit_note' AND due_on < %(on)s
        ORDER BY due_on, document_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ) RETURNING document_id
"""
OVERDUE_MAX = 1_000


async def lock_document(connection: Connection, document_id: str) -> Document:
    """The document without its lines, locked until the caller's transaction ends; UnknownDocumentError."""
    async with connection.cursor(row_factory=class_row(DocumentRow)) as cursor:
        await cursor.execute(_LOCK, (document_id,))
        row = await cursor.fetchone()
    if row is None:
        raise UnknownDocumentError(document_id)
    return parse_document(row)


async def mark_paid(connection: Connection, document_id: str, amount_minor: int, *, at: datetime) -> Document:
    """Add what was paid of a document (below zero: what came back), in minor units of its currency.

    It is paid when nothing is due any more. Raises UnknownDocumentError, and CorrectionError for more than
    is due, for what comes back of one that was paid whole, and for one that nothing is due on.
    """
    document = await lock_document(connection, document_id)
    return await _mark(connection, document, paid=amount_minor, credited=0, at=at)


async def mark_credited(
    connection: Connection, document_id: str, amount_minor: int, *, at: datetime
) -> Document:
    """Add what a credit note took off a document, as ``mark_paid``."""
    document = await lock_document(connection, document_id)
    return await _mark(connection, document, paid=0, credited=amount_minor, at=at)


async def mark_void(connection: Connection, document: Document, *, at: datetime) -> None:
    """Mark a locked document as cancelled: nothing is due on it, and its period can be issued again."""
    await connection.execute(_VOID, (at, document.document_id))


async def mark_overdue(connection: Connection, *, on: date, at: datetime) -> tuple[str, ...]:
    """Mark issued documents that were due before ``on``, at most OVERDUE_MAX; their ids."""
    cursor = await connection.execute(_OVERDUE, {"on": on, "at": at, "limit": OVERDUE_MAX})
    return tuple(row[0] for row in await cursor.fetchall())


async def _mark(
    connection: Connection, document: Document, *, paid: int, credited: int, at: datetime
) -> Document:
    paid_minor, credited_minor = document.paid_minor + paid, document.credited_minor + credited
    left_minor = document.total_minor - paid_minor - credited_minor
    is_open = document.state in ("issued", "overdue") and document.kind != "credit_note"
    if not is_open or left_minor < 0 or paid_minor < 0 or credited_minor < 0:
        raise CorrectionError(
            f"{document.due_minor} minor units are due on {document.number}, which is {document.state}: "
            f"{paid + credited} cannot be marked as paid or credited."
        )
    state = document.state if left_minor else "paid"
    values = {"paid": paid_minor, "credited": credited_minor, "state": state, "at": at}
    await connection.execute(_MARK, {**values, "id": document.document_id})
    return await lock_document(connection, document.document_id)
