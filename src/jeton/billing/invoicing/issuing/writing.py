"""Writing: documents and their lines into the database, many at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg import sql

from jeton.billing.invoicing.documents.rows import (
    DOCUMENT_COLUMNS,
    LINE_COLUMNS,
    document_values,
    line_values,
)
from jeton.billing.invoicing.issuing.telling import tell_issued
from jeton.billing.words import Document
from jeton.db.pool import Connection


@dataclass(frozen=True, slots=True)
class Numbered:
    """A document with its number, and where it stands in its series and in the ledger ("" nowhere)."""

    document: Document
    series: str
    sequence: int
    transaction_id: str


async def write_documents(connection: Connection, numbered: Sequence[Numbered]) -> None:
    """Write these documents, all their lines in one go so that each comes whole, and that they are there."""
    await _copy(
        connection,
        "documents",
        DOCUMENT_COLUMNS,
        (
            document_values(
                one.document,
                series=one.series,
                sequence=one.sequence,
                transaction_id=one.transaction_id or None,
            )
            for one in numbered
        ),
    )
    await _copy(
        connection,
        "document_lines",
        LINE_COLUMNS,
        (
            line_values(one.document, position, line)
            for one in numbered
            for position, line in enumerate(one.document.lines, start=1)
        ),
    )
    await tell_issued(connection, [one.document for one in numbered])


async def _copy(
    connection: Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]
) -> None:
    query = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    async with connection.cursor() as cursor, cursor.copy(query) as copy:
        for row in rows:
            await copy.write_row(row)
