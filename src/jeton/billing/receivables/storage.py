"""Storage: rows of payments on documents, and documents as paying them needs them.

Everything is in the caller's transaction. Order of locks: bank_lines, balances, documents, received_payments,
organizations.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from jeton.billing.invoicing.errors import UnknownDocumentError
from jeton.billing.receivables.errors import ApplicationNotFoundError, ReceivedPaymentNotFoundError
from jeton.billing.receivables.words import Application, OpenDocument, ReceivedPayment, WriteOff
from jeton.db.pool import Connection

# More documents than these are not paid by one payment, and no more payments are open at a time.
OPEN_MAX = 10_000

_PAYMENT = ", ".join(entry.name for entry in fields(ReceivedPayment))
_APPLICATION = ", ".join(entry.name for entry in fields(Application))

# What of a document is in receivable: its total, less what payments cleared, what was given up, and what
# credit notes of goodwill took off (of those only the part that was set off against it). Of one that was
# cancelled nothing but what payments still on it have cleared. Its tax is that of what is asked for: what
# was in credit that paid is none of it.
_DOCUMENT = """
    SELECT d.document_id, d.organization_id, d.number, d.kind, d.state, d.currency, d.due_on, d.total_minor,
           (d.tax_minor + v.minor)::bigint AS tax_minor, d.total_nano,
           (d.tax_nano + v.nano)::bigint AS tax_nano, d.written_off_minor,
           CASE WHEN d.state = 'void' THEN 0
                ELSE d.total_minor - d.paid_minor - d.credited_minor - d.written_off_minor END AS due_minor,
           (CASE WHEN d.state = 'void' THEN 0 ELSE d.total_nano - w.nano - n.nano END
                - a.nano)::bigint AS due_nano,
           d.overdue_at IS NOT NULL AS is_late
    FROM documents AS d
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount_nano), 0) AS nano FROM payment_applications
                        WHERE document_id = d.document_id) AS a
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount_nano), 0) AS nano FROM write_offs
                        WHERE document_id = d.document_id) AS w
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(round(total_nano::numeric * credited_minor / nullif(total_minor, 0))), 0) AS nano
        FROM documents WHERE corrects = d.document_id AND purpose = 'allowance') AS n
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(net_minor), 0) AS minor, coalesce(sum(net_nano), 0) AS nano
        FROM document_lines WHERE document_id = d.document_id AND line_key = 'voucher|tax') AS v
"""
_LOCK_DOCUMENT = "SELECT FROM documents WHERE document_id = %s FOR NO KEY UPDATE"
_FIND_DOCUMENT = f"{_DOCUMENT} WHERE d.document_id = %s"
_LOCK_DOCUMENTS = "SELECT FROM documents WHERE document_id = ANY (%s) ORDER BY document_id FOR NO KEY UPDATE"
_FIND_DOCUMENTS = f"{_DOCUMENT} WHERE d.document_id = ANY (%s)"
_KNOWN = "SELECT external_id FROM received_payments WHERE method = %s AND external_id = ANY (%s)"
# Locked before it is looked at, so that of a payment and a step of dunning at once the second sees the first.
_IN_ARREARS = """
    SELECT organization_id, arrears FROM organizations WHERE organization_id = ANY (%s)
    ORDER BY organization_id FOR NO KEY UPDATE
"""
_OPEN_DOCUMENTS = f"""
    {_DOCUMENT} WHERE d.organization_id = %s AND d.state IN ('issued', 'overdue') AND d.kind <> 'credit_note'
        AND d.total_minor > d.paid_minor + d.credited_minor + d.written_off_minor
    ORDER BY d.due_on, d.document_id LIMIT {OPEN_MAX}
"""
_MARK = """
    UPDATE documents SET
        paid_minor = paid_minor + %(paid)s, written_off_minor = written_off_minor + %(written)s,
        state = CASE
            WHEN state = 'void' THEN 'void'
            WHEN total_minor > paid_minor + credited_minor + written_off_minor + %(paid)s + %(written)s
                THEN CASE WHEN overdue_at IS NULL THEN 'issued' ELSE 'overdue' END
            WHEN written_off_minor + %(written)s > 0 THEN 'written_off'
            ELSE 'paid' END,
        paid_at = CASE
            WHEN total_minor > paid_minor + credited_minor + written_off_minor + %(paid)s + %(written)s
                THEN NULL
            WHEN state = 'void' THEN paid_at
            ELSE coalesce(paid_at, %(at)s) END
    WHERE document_id = %(id)s
"""
_GET_PAYMENT = f"SELECT {_PAYMENT} FROM received_payments WHERE payment_id = %s"  # noqa: S608 - as above
_LOCK_PAYMENT = f"{_GET_PAYMENT} FOR UPDATE"
_KNOWN_PAYMENT = f"SELECT {_PAYMENT} FROM received_payments WHERE method = %s AND external_id = %s"  # noqa: S608 - as above
# A card's payment and what came back of it later, whose names begin with its own.
_KNOWN_PARTS = f"""
    SELECT {_PAYMENT} FROM received_payments
    WHERE organization_id = %s AND method = %s AND split_part(external_id, ':', 1) = %s
    ORDER BY recorded_at DESC, payment_id DESC
"""  # noqa: S608 - as above
_UNAPPLIED = f"""
    SELECT {_PAYMENT} FROM received_payments WHERE organization_id = %s AND unapplied_minor > 0
    ORDER BY payment_id LIMIT {OPEN_MAX} FOR UPDATE
"""  # noqa: S608 - as above
_LEFT = """
    UPDATE received_payments SET unapplied_minor = unapplied_minor + %(minor)s,
        unapplied_nano = unapplied_nano + %(nano)s, returned_minor = returned_minor + %(returned)s,
        is_automatic = is_automatic AND %(is_automatic)s,
        voided_at = coalesce(voided_at, %(voided_at)s)
    WHERE payment_id = %(id)s
"""
_ON_DOCUMENTS = f"""
    SELECT {", ".join(f"a.{entry.name}" for entry in fields(Application))}
    FROM payment_applications AS a LEFT JOIN payment_applications AS u ON u.undoes = a.application_id
    WHERE a.undoes IS NULL AND u.application_id IS NULL
"""  # noqa: S608 - as above


async def lock_document(connection: Connection, document_id: str) -> OpenDocument:
    """The document, locked until the transaction ends; its organization's balances are locked before.

    Raises UnknownDocumentError.
    """
    await connection.execute(_LOCK_DOCUMENT, (document_id,))
    return await find_open_document(connection, document_id)


async def find_open_document(connection: Connection, document_id: str) -> OpenDocument:
    """The document as it is now; UnknownDocumentError."""
    async with connection.cursor(row_factory=class_row(OpenDocument)) as cursor:
        await cursor.execute(_FIND_DOCUMENT, (document_id,))
        found = await cursor.fetchone()
    if found is None:
        raise UnknownDocumentError(document_id)
    return found


async def lock_documents(connection: Connection, document_ids: Sequence[str]) -> dict[str, OpenDocument]:
    """These documents by id, locked as ``lock_document`` does; who is not there is left out."""
    await connection.execute(_LOCK_DOCUMENTS, (list(document_ids),))
    async with connection.cursor(row_factory=class_row(OpenDocument)) as cursor:
        await cursor.execute(_FIND_DOCUMENTS, (list(document_ids),))
        return {document.document_id: document for document in await cursor.fetchall()}


async def list_known(connection: Connection, method: str, external_ids: Sequence[str]) -> frozenset[str]:
    """Of these external ids those that were recorded before."""
    cursor = await connection.execute(_KNOWN, (method, list(external_ids)))
    return frozenset([str(row[0]) async for row in cursor])


async def list_in_arrears(connection: Connection, organization_ids: Sequence[UUID]) -> list[UUID]:
    """Of these organizations those in arrears; the standing of all is locked."""
    cursor = await connection.execute(_IN_ARREARS, (list(organization_ids),))
    return [row[0] for row in await cursor.fetchall() if row[1]]


async def list_open_documents(connection: Connection, organization_id: UUID) -> list[OpenDocument]:
    """What the organization has to pay, the longest due first."""
    async with connection.cursor(row_factory=class_row(OpenDocument)) as cursor:
        await cursor.execute(_OPEN_DOCUMENTS, (organization_id,))
        return await cursor.fetchall()


async def mark_document(
    connection: Connection, document_id: str, *, paid_minor: int = 0, written_off_minor: int = 0, at: datetime
) -> None:
    """Add what was paid or written off (below zero: what is taken back), and what state that makes."""
    values = {"id": document_id, "paid": paid_minor, "written": written_off_minor, "at": at}
    await connection.execute(_MARK, values)


async def mark_all_paid(connection: Connection, paid: Sequence[tuple[str, int]], *, at: datetime) -> None:
    """As ``mark_document``, for what was paid on each of many documents."""
    values = [{"id": name, "paid": minor, "written": 0, "at": at} for name, minor in paid]
    async with connection.cursor() as cursor:
        await cursor.executemany(_MARK, values)


async def insert_row(
    connection: Connection, table: str, row: ReceivedPayment | Application | WriteOff
) -> None:
    """Write a new row of one of our tables, whose columns are the fields of its dataclass."""
    await insert_rows(connection, table, [row])


async def insert_rows(
    connection: Connection, table: str, rows: Sequence[ReceivedPayment | Application | WriteOff]
) -> None:
    """Write new rows of one of our tables, whose columns are the fields of their dataclass."""
    names = [entry.name for entry in fields(rows[0])]
    places = ", ".join(["%s"] * len(names))
    query = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - names of our own
    async with connection.cursor() as cursor:
        await cursor.executemany(query, [[getattr(row, name) for name in names] for row in rows])


async def get_received_payment(
    connection: Connection, payment_id: str, *, is_locked: bool = False
) -> ReceivedPayment:
    """The payment; locked, nobody else changes it. Raises ReceivedPaymentNotFoundError."""
    found = await _find_payment(connection, _LOCK_PAYMENT if is_locked else _GET_PAYMENT, (payment_id,))
    if found is None:
        raise ReceivedPaymentNotFoundError(payment_id)
    return found


async def find_known_payment(connection: Connection, method: str, external_id: str) -> ReceivedPayment | None:
    """What was recorded of the same money before."""
    return await _find_payment(connection, _KNOWN_PAYMENT, (method, external_id)) if external_id else None


async def list_known_payments(
    connection: Connection, organization_id: UUID, *, method: str, external_id: str
) -> list[ReceivedPayment]:
    """What was recorded of one payment: itself, and what came back of it after it was taken; newest first."""
    async with connection.cursor(row_factory=class_row(ReceivedPayment)) as cursor:
        await cursor.execute(_KNOWN_PARTS, (organization_id, method, external_id))
        return await cursor.fetchall()


async def list_unapplied(connection: Connection, organization_id: UUID) -> list[ReceivedPayment]:
    """Payments with something left, locked, the oldest first."""
    async with connection.cursor(row_factory=class_row(ReceivedPayment)) as cursor:
        await cursor.execute(_UNAPPLIED, (organization_id,))
        return await cursor.fetchall()


async def change_left(
    connection: Connection,
    payment: ReceivedPayment,
    *,
    minor: int,
    nano: int,
    **more: Any,  # noqa: ANN401 - the few other columns that change
) -> None:
    """Change what is left of a locked payment; also ``returned``, ``is_automatic`` and ``voided_at``."""
    values = {"returned": 0, "is_automatic": True, "voided_at": None, **more}
    await connection.execute(_LEFT, {**values, "minor": minor, "nano": nano, "id": payment.payment_id})


async def get_application(connection: Connection, application_id: str) -> Application:
    """What of a payment is on a document; ApplicationNotFoundError, also for what was taken off again."""
    found = await _list_applications(connection, "AND a.application_id = %s", application_id)
    if not found:
        raise ApplicationNotFoundError(application_id)
    return found[0]


async def list_on_documents(connection: Connection, payment_id: str) -> list[Application]:
    """What of a payment is on documents now, in the order it came there."""
    return await _list_applications(connection, "AND a.payment_id = %s", payment_id)


async def list_of_document(connection: Connection, document_id: str) -> list[Application]:
    """What of payments is on a document now, in the order it came there."""
    return await _list_applications(connection, "AND a.document_id = %s", document_id)


async def _list_applications(connection: Connection, condition: str, value: str) -> list[Application]:
    query = f"{_ON_DOCUMENTS} {condition} ORDER BY a.application_id LIMIT {OPEN_MAX}"
    async with connection.cursor(row_factory=class_row(Application)) as cursor:
        await cursor.execute(query, (value,))
        return await cursor.fetchall()


async def _find_payment(
    connection: Connection, query: str, values: tuple[str, ...]
) -> ReceivedPayment | None:
    async with connection.cursor(row_factory=class_row(ReceivedPayment)) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchone()
