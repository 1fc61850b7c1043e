"""Look: what paper has of the operator's own, beside what the document says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PaperSize = Literal["a4", "us-letter"]
ACCENT = "#2f4ac0"


@dataclass(frozen=True, slots=True)
class Look:
    """The name and picture (SVG) at the head, the colour of accents, the paper, and further fonts.

    ``fonts`` is a folder; what a document says in characters that neither our font nor one there has is
    shown as an empty box.
    """

    brand_name: str = "Jeton"
    logo: bytes = b""
    accent: str = ACCENT
    paper: PaperSize = "a4"
    fonts: Path | None = None


PLAIN = Look()
