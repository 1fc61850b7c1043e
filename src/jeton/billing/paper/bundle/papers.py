"""Papers: the PDF, the XML in it and beside it, the UBL and the CSV say the same as the document."""

from jeton.billing.paper.bundle.findings import Findings
from jeton.billing.paper.bundle.reading import Bundle
from jeton.billing.paper.bundle.words import LINES, LOOK, PDF, UBL, XML
from jeton.billing.paper.cii.invoice import render_xml
from jeton.billing.paper.drawing.pdf import find_drawer
from jeton.billing.paper.embedding import XML_NAME, render_pdf
from jeton.billing.paper.lines_csv import render_lines_csv
from jeton.billing.paper.standard.limits import find_obstacle
from jeton.billing.paper.stored import parse_look
from jeton.billing.paper.ubl.document import render_ubl
from jeton.billing.words import Document

CSV_CHECK = "lines.csv"
XML_CHECK = "XML beside the PDF"
INSIDE_CHECK = "XML inside the PDF"
UBL_CHECK = "UBL"
PDF_CHECK = "PDF drawn again"


def check_papers(bundle: Bundle, document: Document, findings: Findings) -> None:
    """Each file is what the document gives; the PDF to the byte, where this Jeton draws as its maker did."""
    _compare_texts(findings, CSV_CHECK, bundle.read(LINES), render_lines_csv(document))
    pdf = bundle.read(PDF)
    obstacle = find_obstacle(document)
    findings.begin(XML_CHECK, obstacle or "")
    findings.begin(INSIDE_CHECK, obstacle or "")
    findings.begin(UBL_CHECK, obstacle or ("" if bundle.has(UBL) else "its bundle is older than this form"))
    if obstacle is None:
        expected = render_xml(document)
        if findings.require(XML_CHECK, XML, is_met=bundle.has(XML)):
            _compare_texts(findings, XML_CHECK, bundle.read(XML), expected)
        _compare_texts(findings, INSIDE_CHECK, _extract(pdf), expected)
        if bundle.has(UBL):
            _compare_texts(findings, UBL_CHECK, bundle.read(UBL), render_ubl(document))
    drawer = find_drawer()
    if bundle.manifest.drawn_by != drawer:
        findings.begin(
            PDF_CHECK, f"left out: drawn by {bundle.manifest.drawn_by or 'other fonts'}, here {drawer}"
        )
        return
    drawn = render_pdf(document, parse_look(bundle.read(LOOK)))
    if pdf != drawn:
        findings.compare(PDF_CHECK, PDF, stated=f"{len(pdf)} bytes", found=f"{len(drawn)} other bytes")
    else:
        findings.compare(PDF_CHECK, PDF, stated=len(pdf), found=len(drawn))


def _extract(pdf: bytes) -> bytes:
    """The XML inside a PDF, found by a library that is not ours; b"" where there is none."""
    # With lxml it is 30 MB in memory: only who verifies needs it.
    from facturx import get_facturx_xml_from_pdf  # type: ignore[import-untyped] # noqa: PLC0415 # it has no types
    from pypdf.errors import PyPdfError  # noqa: PLC0415 - as above

    try:
        name, xml = get_facturx_xml_from_pdf(pdf, check_xsd=False)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, OSError):
        # What a damaged PDF makes of its reader.
        return b""
    return bytes(xml) if name == XML_NAME else b""


def _compare_texts(findings: Findings, check: str, stated: bytes, found: bytes) -> None:
    """Two texts; the first line in which they differ is named, with both."""
    if findings.compare(check, check, stated=len(stated), found=len(found)) and stated == found:
        return
    pairs = zip(stated.splitlines(), found.splitlines(), strict=False)
    for number, (left, right) in enumerate(pairs, start=1):
        if left != right:
            where = f"{check}, line {number}"
            findings.compare(check, where, stated=_show(left), found=_show(right))
            return


def _show(line: bytes) -> str:
    return line.decode(errors="replace").strip()[:SHOWN_MAX]


SHOWN_MAX = 200
