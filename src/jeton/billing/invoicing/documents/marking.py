"""Marking: where the payment of a document stands, which is all of it that changes.

Whoever marks posts to the ledger in the same transaction, first (order of locks: balances, then documents).
"""

from datetime import datetime

from psycopg.rows import class_row

from jeton.billing.invoicing.documents.reading import HEAD
from jeton.billing.invoicing.documents.rows import DocumentRow, parse_document
from jeton.billing.invoicing.errors import CorrectionError, UnknownDocumentError
from jeton.billing.words import Document
from jeton.db.pool import Connection

_LOCK = f"{HEAD} WHERE d.document_id = %s FOR UPDATE OF d"
_CREDIT = """
    UPDATE documents SET credited_minor = credited_minor + %(credited)s, state = %(state)s,
        paid_at = CASE WHEN %(state)s = 'paid' THEN coalesce(paid_at, %(at)s) ELSE paid_at END
    WHERE document_id = %(id)s
"""
_VOID = "UPDATE documents SET state = 'void', voided_at = %s WHERE document_id = %s"


async def lock_document(connection: Connection, document_id: str) -> Document:
    """The document without its lines, locked until the caller's transaction ends; UnknownDocumentError."""
    async with connection.cursor(row_factory=class_row(DocumentRow)) as cursor:
        await cursor.execute(_LOCK, (document_id,))
        row = await cursor.fetchone()
    if row is None:
        raise UnknownDocumentError(document_id)
    return parse_document(row)


async def mark_credited(
    connection: Connection, document_id: str, amount_minor: int, *, at: datetime
) -> Document:
    """Add what a credit note took off a document, in minor units of its currency.

    It is paid when nothing is due any more. Raises UnknownDocumentError, and CorrectionError for more than
    is due.
    """
    document = await lock_document(connection, document_id)
    if not 0 <= amount_minor <= document.due_minor:
        raise CorrectionError(
            f"{document.due_minor} minor units are due on {document.number}, which is {document.state}: "
            f"{amount_minor} cannot be credited."
        )
    settled = "written_off" if document.written_off_minor else "paid"
    state = document.state if amount_minor < document.due_minor else settled
    values = {"credited": amount_minor, "state": state, "at": at, "id": document_id}
    await connection.execute(_CREDIT, values)
    return await lock_document(connection, document_id)


async def mark_void(connection: Connection, document: Document, *, at: datetime) -> None:
    """Mark a locked document as cancelled: nothing is due on it, and its period can be issued again."""
    await connection.execute(_VOID, (at, document.document_id))
