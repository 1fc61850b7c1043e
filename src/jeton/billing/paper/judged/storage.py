"""Storage: what was made of documents as data, and what its judges said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from jeton.billing.paper.standard.limits import find_obstacle
from jeton.billing.words import Document
from jeton.db.pool import Connection

_OF = """
    SELECT document_id, obstacle, problem, cii_sha256, ubl_sha256, made_by, checked_at FROM e_invoices
    WHERE document_id = ANY(%s)
"""
# By an index of those that wait: it is asked every few minutes, however many were ever issued.
_UNJUDGED = "SELECT document_id FROM documents WHERE NOT is_judged ORDER BY document_id LIMIT %s"
# Of two workers the second finds that it was done.
_INSERT = """
    WITH found AS (
        INSERT INTO e_invoices (document_id, obstacle, problem, cii_sha256, ubl_sha256, made_by, checked_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (document_id) DO NOTHING
    )
    UPDATE documents SET is_judged = true WHERE document_id = %s AND NOT is_judged
"""


@dataclass(frozen=True, slots=True)
class EInvoice:
    """A document as data: why there is none, or the digests of both syntaxes and what schemas said."""

    document_id: str
    obstacle: str
    problem: str
    cii_sha256: bytes | None
    ubl_sha256: bytes | None
    made_by: str
    checked_at: datetime

    @property
    def is_valid(self) -> bool:
        """Whether it was made, and nothing was found against it."""
        return not (self.obstacle or self.problem)


async def list_e_invoices(connection: Connection, document_ids: Sequence[str]) -> dict[str, EInvoice]:
    """Those of these documents that were judged, by the id of their document."""
    async with connection.cursor(row_factory=class_row(EInvoice)) as cursor:
        await cursor.execute(_OF, (list(document_ids),))
        return {one.document_id: one async for one in cursor}


async def read_e_invoice(connection: Connection, document: Document) -> dict[str, object]:
    """One issued document's, as data."""
    judged = await list_e_invoices(connection, [document.document_id])
    return render_e_invoice(find_obstacle(document), judged.get(document.document_id))


async def list_unjudged(connection: Connection, limit: int) -> tuple[str, ...]:
    """Ids of issued documents that nobody has judged yet."""
    cursor = await connection.execute(_UNJUDGED, (limit,))
    return tuple([str(row[0]) async for row in cursor])


async def insert_e_invoice(connection: Connection, one: EInvoice) -> None:
    """Keep what was found, once."""
    values = (one.document_id, one.obstacle, one.problem, one.cii_sha256, one.ubl_sha256, one.made_by)
    await connection.execute(_INSERT, (*values, one.checked_at, one.document_id))


def render_e_invoice(obstacle: str | None, judged: EInvoice | None) -> dict[str, object]:
    """As data: which forms there are (``obstacle`` says why none), and when schemas said what about them."""
    forms = [] if obstacle else ["factur-x", "ubl"]
    if judged is None:
        return {"formats": forms, "obstacle": obstacle, "checked_at": None, "is_valid": None, "problem": None}
    return {
        "formats": forms,
        "obstacle": obstacle,
        "checked_at": judged.checked_at.isoformat(),
        "is_valid": None if judged.obstacle else not judged.problem,
        "problem": judged.problem or None,
        "cii_sha256": None if judged.cii_sha256 is None else judged.cii_sha256.hex(),
        "ubl_sha256": None if judged.ubl_sha256 is None else judged.ubl_sha256.hex(),
        "made_by": judged.made_by,
    }
