"""Embedding: the XML of a document inside its PDF, as Factur-X wants it, the same bytes each time.

Typst attaches the file and makes PDF/A-3b; what it has no words for is what the metadata must say of the
attachment. That is appended as an incremental update (ISO 32000-1, 7.5.6) of the one metadata stream. The
``factur-x`` library would write the file anew instead: 2 s for 500 lines, and with the time of day in it.
"""

import re

from jeton.billing.paper.cii.invoice import render_xml
from jeton.billing.paper.drawing.pdf import draw_pdf
from jeton.billing.paper.errors import DrawingError
from jeton.billing.paper.look import PLAIN, Look
from jeton.billing.paper.standard.limits import find_obstacle
from jeton.billing.words import Document

XML_NAME = "factur-x.xml"
_METADATA = re.compile(
    rb"(\d+) 0 obj\n<</Length \d+/Type/Metadata/Subtype/XML>>\nstream\n(.*?)\nendstream", re.DOTALL
)
_TRAILER = re.compile(rb"trailer\n<<(.*?)>>\nstartxref\n(\d+)\n%%EOF\s*$", re.DOTALL)
_SCHEMAS_END = b"</rdf:Bag></pdfaExtension:schemas>"
_RDF_END = b"</rdf:RDF>"
_URN = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_PROPERTIES = (
    ("DocumentFileName", XML_NAME, "The name of the embedded XML document"),
    ("DocumentType", "INVOICE", "The type of the hybrid document in capital letters, e.g. INVOICE or ORDER"),
    ("Version", "1.0", "The actual version of the standard applying to the embedded XML document"),
    ("ConformanceLevel", "EN 16931", "The conformance level of the embedded XML document"),
)


def render_pdf(document: Document, look: Look = PLAIN) -> bytes:
    """A document as PDF/A-3b with its EN 16931 XML inside, where the standard can say it; DrawingError."""
    if find_obstacle(document) is not None:
        return draw_pdf(document, look)
    return _declare(draw_pdf(document, look, attached=render_xml(document)))


def _declare(pdf: bytes) -> bytes:
    """The file, and after it the metadata again, which now says what is attached."""
    metadata, trailer = _METADATA.search(pdf), _TRAILER.search(pdf)
    if metadata is None or trailer is None or _SCHEMAS_END not in metadata[2]:
        raise DrawingError(
            "Typst wrote a PDF in another way than the one that this version of the program knows."
        )
    said = metadata[2].replace(_SCHEMAS_END, _schema() + _SCHEMAS_END).replace(_RDF_END, _values() + _RDF_END)
    number = int(metadata[1])
    head = b"%d 0 obj\n<</Length %d/Type/Metadata/Subtype/XML>>\nstream\n" % (number, len(said))
    added = head + said + b"\nendstream\nendobj\n"
    start = len(pdf) if pdf.endswith(b"\n") else len(pdf) + 1
    return b"".join(
        (
            pdf.ljust(start, b"\n"),
            added,
            b"xref\n%d 1\n%010d 00000 n \n" % (number, start),
            b"trailer\n<<%b/Prev %b>>\nstartxref\n%d\n%%%%EOF\n"
            % (trailer[1], trailer[2], start + len(added)),
        )
    )


def _schema() -> bytes:
    """What the properties of Factur-X mean, as PDF/A wants to be told of any that is not its own."""
    properties = "".join(
        '<rdf:li rdf:parseType="Resource"><pdfaProperty:category>external</pdfaProperty:category>'
        f"<pdfaProperty:description>{meaning}</pdfaProperty:description>"
        f"<pdfaProperty:name>{name}</pdfaProperty:name>"
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType></rdf:li>"
        for name, _, meaning in _PROPERTIES
    )
    return (
        '<rdf:li rdf:parseType="Resource">'
        "<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>"
        f"<pdfaSchema:namespaceURI>{_URN}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property></rdf:li>"
    ).encode()


def _values() -> bytes:
    values = "".join(f"<fx:{name}>{value}</fx:{name}>" for name, value, _ in _PROPERTIES)
    return f'<rdf:Description rdf:about="" xmlns:fx="{_URN}">{values}</rdf:Description>'.encode()
