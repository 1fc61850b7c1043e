"""PDF: a document drawn by Typst as tagged PDF/A-3b; the same document and look give the same bytes."""

import hashlib
import json
from datetime import UTC, datetime, time
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from jeton.billing.paper.drawing.glyphs import FONTS, fit, list_characters, list_fonts
from jeton.billing.paper.drawing.page import describe_page
from jeton.billing.paper.errors import DrawingError
from jeton.billing.paper.look import PLAIN, Look
from jeton.billing.words import Document

TEMPLATE = Path(__file__).parent / "document.typ"
PIXELS_PER_INCH = 110
DIGEST_CHARACTERS = 16


def draw_pdf(document: Document, look: Look = PLAIN, *, attached: bytes = b"") -> bytes:
    """A document as PDF/A-3b, with its XML if given; DrawingError for a logo that cannot be drawn."""
    return _compile(document, look, "pdf", attached)[0]


def draw_pictures(document: Document, look: Look = PLAIN) -> list[bytes]:
    """The pages of a document as PNG, for whoever wants to look at them; DrawingError as ``draw_pdf``."""
    return _compile(document, look, "png")


def find_drawer() -> str:
    """Who draws: two that are equal draw the same document as the same bytes."""
    sources = (TEMPLATE, *list_fonts(FONTS))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    return f"typst {version('typst')}, template {digest[:DIGEST_CHARACTERS]}"


def stamp(document: Document) -> datetime:
    """The instant at which a file says it was made: the issue, or of a draft the begin of its period."""
    on = document.issued_on or document.period_from.date()
    # Typst takes whole seconds only.
    return (document.issued_at or datetime.combine(on, time(), UTC)).replace(microsecond=0)


def _compile(
    document: Document, look: Look, form: Literal["pdf", "png"], attached: bytes = b""
) -> list[bytes]:
    # Typst is 80 MB on disk and 30 ms to load: only who draws needs it.
    import typst  # noqa: PLC0415

    have = list_characters(look.fonts)
    texts = _fit(describe_page(document, look), have)
    folders = [FONTS] if look.fonts is None else [FONTS, look.fonts]
    fonts = typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=folders,
    )
    texts["fonts"] = ["Inter", *sorted(set(fonts.families()) - {"Inter"})]
    texts["logo"] = look.logo.decode()
    texts["attached"] = attached.decode()
    try:
        compiler = typst.Compiler(
            TEMPLATE,
            root=TEMPLATE.parent,
            font_paths=fonts,
            sys_inputs={"data": json.dumps(texts, ensure_ascii=False)},
        )
        drawn = compiler.compile(
            format=form,
            ppi=PIXELS_PER_INCH,
            pdf_standards=["a-3b"] if form == "pdf" else [],
            timestamp=stamp(document),
        )
    except typst.TypstError as error:
        raise DrawingError(f"{document.number or 'The draft'} cannot be drawn: {error.message}") from error
    return drawn if isinstance(drawn, list) else [drawn or b""]


def _fit(value: object, have: frozenset[int]) -> dict[str, object]:
    def fitted(part: object) -> object:
        match part:
            case str():
                return fit(part, have)
            case list():
                return [fitted(each) for each in part]
            case dict():
                return {key: fitted(each) for key, each in part.items()}
        return part

    found = fitted(value)
    assert isinstance(found, dict)  # noqa: S101 - tells the type checker what the line above did
    return found
