"""Reading: one document whole, and lists of them by pages; a page takes as long however many there are."""

from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row, dict_row

from jeton.billing.invoicing.documents.rows import (
    DOCUMENT_COLUMNS,
    LINE_COLUMNS,
    DocumentRow,
    parse_document,
    parse_line,
)
from jeton.billing.invoicing.errors import UnknownDocumentError
from jeton.billing.words import Document, DocumentKind, DocumentState, Line, Purpose
from jeton.db.pool import Connection

PAGE_MAX = 1_000
LINES_MAX = 100_000

# What may be added to a document after 0026, and what it says of the one that it corrects.
HEAD: LiteralString = f"""
    SELECT {", ".join(f"d.{name}" for name in DOCUMENT_COLUMNS)}, d.written_off_minor,
           c.number AS corrects_number, c.issued_on AS corrects_on
    FROM documents AS d LEFT JOIN documents AS c ON c.document_id = d.corrects
"""  # noqa: S608 - names of our own
_BY_NAME = f"{HEAD} WHERE d.document_id = %(name)s OR d.number = %(name)s"
_LINES = f"""
    SELECT {", ".join(LINE_COLUMNS)} FROM document_lines WHERE document_id = %s
    ORDER BY position LIMIT {LINES_MAX}
"""  # noqa: S608 - as above
# Each condition with the field of the filter that it is for; only those asked for stand in the statement, so
# that the index for them is used.
_WHERE = {
    "organization_id": "d.organization_id = %(organization_id)s",
    "kinds": "d.kind = ANY (%(kinds)s)",
    "states": "d.state = ANY (%(states)s)",
    "purposes": "d.purpose = ANY (%(purposes)s)",
    "corrects": "d.corrects = %(corrects)s",
    "subjects": "d.subject <> '' AND d.subject = ANY (%(subjects)s)",
    "before": "split_part(d.document_id, '_', 2) < split_part(%(before)s, '_', 2)",
}
_LATEST = "ORDER BY split_part(d.document_id, '_', 2) DESC LIMIT %(limit)s"


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """Which documents: of one organization, of these kinds, states and purposes; () is every one."""

    organization_id: UUID | None = None
    kinds: tuple[DocumentKind, ...] = ()
    states: tuple[DocumentState, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    corrects: str = ""
    # Of which payments and refunds; to be asked with their purposes, which the index begins with.
    subjects: tuple[str, ...] = ()


async def get_document(connection: Connection, name: str, *, organization_id: UUID | None = None) -> Document:
    """The document of an id or a number, with its lines; UnknownDocumentError, also for somebody else's."""
    head = await find_head(connection, name)
    if head is None or organization_id not in (None, head.organization_id):
        raise UnknownDocumentError(name)
    return parse_document(head, await read_lines(connection, head.document_id))


async def find_head(connection: Connection, name: str) -> DocumentRow | None:
    """The row of an id or a number."""
    async with connection.cursor(row_factory=class_row(DocumentRow)) as cursor:
        await cursor.execute(_BY_NAME, {"name": name})
        return await cursor.fetchone()


async def read_lines(connection: Connection, document_id: str) -> tuple[Line, ...]:
    """The lines of a document, in their order."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_LINES, (document_id,))
        return tuple(parse_line(row) for row in await cursor.fetchall())


async def list_documents(
    connection: Connection,
    chosen: DocumentFilter,
    *,
    limit: int = PAGE_MAX,
    before: str | None = None,
) -> tuple[Document, ...]:
    """The latest documents first, without their lines; ``before`` is the id of the last one seen."""
    asked = {
        "organization_id": chosen.organization_id,
        "kinds": list(chosen.kinds),
        "states": list(chosen.states),
        "purposes": list(chosen.purposes),
        "corrects": chosen.corrects,
        "subjects": list(chosen.subjects),
        "before": before,
    }
    where = " AND ".join(_WHERE[name] for name, value in asked.items() if value) or "true"
    query = f"{HEAD} WHERE {where} {_LATEST}"
    async with connection.cursor(row_factory=class_row(DocumentRow)) as cursor:
        await cursor.execute(query, {**asked, "limit": min(limit, PAGE_MAX)})
        return tuple(parse_document(row) for row in await cursor.fetchall())
