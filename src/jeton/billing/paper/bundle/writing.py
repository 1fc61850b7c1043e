"""Writing a bundle: files in a fixed order with the document's own time, so that the same is the same bytes.

Receipts are written one by one as they come: of ten million none is in memory but the one at hand.
"""

import hashlib
import zipfile
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

import msgspec

from jeton import find_version
from jeton.billing.paper.bundle.words import (
    BILLED,
    DOCUMENT,
    LEDGER,
    LINES,
    LOOK,
    MANIFEST,
    PDF,
    RECEIPTS,
    SCHEMA,
    TERMS,
    UBL,
    VERSIONS,
    XML,
    BilledRecord,
    FileRecord,
    LedgerRecord,
    Manifest,
    ReceiptRecord,
    TermsRecord,
    VersionRecord,
)
from jeton.billing.paper.cii.invoice import render_xml
from jeton.billing.paper.drawing.pdf import find_drawer, stamp
from jeton.billing.paper.embedding import render_pdf
from jeton.billing.paper.lines_csv import render_lines_csv
from jeton.billing.paper.look import PLAIN, Look
from jeton.billing.paper.standard.limits import find_obstacle
from jeton.billing.paper.stored import render_document, render_look
from jeton.billing.paper.ubl.document import render_ubl
from jeton.billing.words import Document

_MODE = 0o644 << 16


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a document is checked against, beside receipts: prices, terms, and what was billed before it."""

    versions: Sequence[VersionRecord] = ()
    terms: Sequence[TermsRecord] = ()
    billed: Sequence[BilledRecord] = ()
    # Up to when; None: the issue of the document.
    booked_until: datetime | None = None
    ledger: LedgerRecord | None = None


class _Writer:
    """A zip that remembers the digest of each file."""

    def __init__(self, archive: zipfile.ZipFile, document: Document) -> None:
        self._archive = archive
        self._made_at = stamp(document).timetuple()[:6]
        self.files: dict[str, FileRecord] = {}

    def describe(self, name: str) -> zipfile.ZipInfo:
        """A file as the archive lists it."""
        info = zipfile.ZipInfo(name, self._made_at)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = _MODE
        return info

    def add(self, name: str, content: bytes) -> None:
        """Write a whole file."""
        self._archive.writestr(self.describe(name), content)
        self.files[name] = FileRecord(len(content), hashlib.sha256(content).hexdigest())

    async def add_receipts(self, receipts: AsyncIterable[ReceiptRecord]) -> int:
        """Write receipts as they come; how many there were."""
        digest, size, count = hashlib.sha256(), 0, 0
        encoder = msgspec.json.Encoder()
        with self._archive.open(self.describe(RECEIPTS), "w", force_zip64=True) as file:
            async for receipt in receipts:
                line = encoder.encode(receipt) + b"\n"
                digest.update(line)
                size, count = size + len(line), count + 1
                file.write(line)
        self.files[RECEIPTS] = FileRecord(size, digest.hexdigest())
        return count


async def write_bundle(
    target: BinaryIO,
    document: Document,
    *,
    evidence: Evidence,
    receipts: AsyncIterable[ReceiptRecord],
    look: Look = PLAIN,
) -> Manifest:
    """Write the bundle of an issued document; DrawingError. In memory is the document, and one receipt."""
    with zipfile.ZipFile(target, "w") as archive:
        writer = _Writer(archive, document)
        writer.add(DOCUMENT, render_document(document))
        writer.add(LOOK, render_look(look))
        writer.add(PDF, render_pdf(document, look))
        if find_obstacle(document) is None:
            writer.add(XML, render_xml(document))
            writer.add(UBL, render_ubl(document))
        writer.add(LINES, render_lines_csv(document))
        writer.add(VERSIONS, _render(sorted(evidence.versions, key=lambda one: one.price_version_id)))
        writer.add(TERMS, _render(sorted(evidence.terms, key=lambda one: one.terms_id)))
        writer.add(BILLED, _render(evidence.billed))
        if evidence.ledger is not None:
            writer.add(LEDGER, _render(evidence.ledger))
        count = await writer.add_receipts(receipts)
        manifest = Manifest(
            schema=SCHEMA,
            document_id=document.document_id,
            number=document.number,
            made_by=f"jeton {find_version()}",
            drawn_by="" if look.fonts else find_drawer(),
            receipts=count,
            booked_until=evidence.booked_until or stamp(document),
            files=writer.files,
        ).seal()
        archive.writestr(writer.describe(MANIFEST), _render(manifest))
    return manifest


def _render(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1)
