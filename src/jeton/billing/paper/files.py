"""Files: an issued document in each of the forms in which it is handed out.

``open_paper`` is the one place that makes a download of any form; edges only put headers on it.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal, assert_never

from jeton.billing.paper.bundle.gathering import gather
from jeton.billing.paper.bundle.words import Manifest
from jeton.billing.paper.bundle.writing import write_bundle
from jeton.billing.paper.cii.invoice import render_xml
from jeton.billing.paper.embedding import render_pdf
from jeton.billing.paper.issued import as_issued
from jeton.billing.paper.lines_csv import render_lines_csv
from jeton.billing.paper.look import PLAIN, Look
from jeton.billing.paper.ubl.document import render_ubl
from jeton.billing.words import Document
from jeton.db.pool import Connection, Pool
from jeton.insight.verify import snapshot

Form = Literal["pdf", "xml", "ubl", "csv"]
FORMS: dict[str, Form] = {"pdf": "pdf", "xml": "xml", "ubl": "ubl", "csv": "csv"}
BUNDLE = "zip"
# What a document is asked for by: in the Console as the end of its address, in the API as a form.
DOWNLOADS = (*FORMS, BUNDLE)
CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class PaperFile:
    """A file with the name and the media type under which it is handed out."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Download:
    """A file that is being handed out: ``close`` is called once ``chunks`` were sent, or will not be."""

    name: str
    media_type: str
    size_bytes: int
    chunks: Iterator[bytes]
    close: Callable[[], None]


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
        case "ubl":
            return PaperFile(name_file(issued, "ubl.xml"), "application/xml", render_ubl(issued))
        case "csv":
            return PaperFile(name_file(issued, "csv"), "text/csv; charset=utf-8", render_lines_csv(issued))
        case _:
            assert_never(form)


async def save_bundle(
    connection: Connection, document: Document, target: BinaryIO, look: Look = PLAIN
) -> Manifest:
    """Write the bundle of a document as it was issued, in one snapshot; the connection is left idle."""
    issued = as_issued(document)
    async with snapshot(connection):
        evidence, receipts = await gather(connection, issued)
        return await write_bundle(target, issued, evidence=evidence, receipts=receipts, look=look)


async def open_paper(pool: Pool, document: Document, *, wanted: str, look: Look = PLAIN) -> Download:
    """One of DOWNLOADS of a document, for an edge to send; KeyError for what is none of them.

    Drawing takes a moment, in which others are served. A bundle may be larger than memory, so it is in a
    file first. Raises DrawingError and NotInvoiceDataError.
    """
    if wanted == BUNDLE:
        return await _open_bundle(pool, document, look)
    made = await asyncio.to_thread(make_file, document, FORMS[wanted], look)
    return Download(made.name, made.media_type, len(made.content), iter((made.content,)), lambda: None)


async def _open_bundle(pool: Pool, document: Document, look: Look) -> Download:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed once it was sent
    try:
        async with pool.connection() as connection:
            await save_bundle(connection, document, file, look)
        size_bytes = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    chunks = iter(lambda: file.read(CHUNK_BYTES), b"")
    return Download(name_file(document, BUNDLE), "application/zip", size_bytes, chunks, file.close)
