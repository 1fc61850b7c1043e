"""Files: an issued document in each of the forms in which it is handed out."""

from dataclasses import dataclass
from typing import BinaryIO, Literal

from jeton.billing.paper.bundle.gathering import gather
from jeton.billing.paper.bundle.words import Manifest
from jeton.billing.paper.bundle.writing import write_bundle
from jeton.billing.paper.cii.invoice import render_xml
from jeton.billing.paper.embedding import render_pdf
from jeton.billing.paper.issued import as_issued
from jeton.billing.paper.lines_csv import render_lines_csv
from jeton.billing.paper.look import PLAIN, Look
from jeton.billing.words import Document
from jeton.db.pool import Connection
from jeton.insight.verify import snapshot

Form = Literal["pdf", "xml", "csv"]


@dataclass(frozen=True, slots=True)
class PaperFile:
    """A file with the name and the media type under which it is handed out."""

    name: str
    media_type: str
    content: bytes


def name_file(document: Document, suffix: str) -> str:
    """The file's name: its number, with nothing in it that a file system minds; a draft by its period."""
    number = document.number or f"draft-{document.period_from:%Y-%m-%d}"
    return f"{''.join(sign if sign.isalnum() or sign in '-_.' else '-' for sign in number)}.{suffix}"


def make_file(document: Document, form: Form, look: Look = PLAIN) -> PaperFile:
    """A document as it was issued, in 40 ms, or 0.6 s for 500 lines; DrawingError, NotInvoiceDataError."""
    issued = as_issued(document)
    match form:
        case "pdf":
            return PaperFile(name_file(issued, "pdf"), "application/pdf", render_pdf(issued, look))
        case "xml":
            return PaperFile(name_file(issued, "xml"), "application/xml", render_xml(issued))
        case "csv":
            return PaperFile(name_file(issued, "csv"), "text/csv; charset=utf-8", render_lines_csv(issued))


async def save_bundle(
    connection: Connection, document: Document, target: BinaryIO, look: Look = PLAIN
) -> Manifest:
    """Write the bundle of a document as it was issued, in one snapshot; the connection is left idle."""
    issued = as_issued(document)
    async with snapshot(connection):
        evidence, receipts = await gather(connection, issued)
        return await write_bundle(target, issued, evidence=evidence, receipts=receipts, look=look)
