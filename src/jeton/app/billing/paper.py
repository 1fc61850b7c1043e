"""Paper: how documents look, as the settings want it."""

from jeton.billing.paper.look import Look
from jeton.settings import Settings


def make_look(settings: Settings) -> Look:
    """The name and mark of the pages, and what is set for documents alone."""
    return Look(
        brand_name=settings.brand_name,
        logo=b"" if settings.brand_mark is None else settings.brand_mark.read_bytes(),
        accent=settings.document_accent,
        paper=settings.document_paper,
        fonts=settings.document_fonts,
    )
