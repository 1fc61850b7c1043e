"""Media: what an image or a PDF costs in tokens, from its bytes and without drawing it."""

from jeton.tokens.media.images import count_image, find_image_size, image_tokens, resized_size
from jeton.tokens.media.pdfs import PDF_PAGES_MAX, count_pages, pdf_span, pdf_tokens

__all__ = (
    "PDF_PAGES_MAX",
    "count_image",
    "count_pages",
    "find_image_size",
    "image_tokens",
    "pdf_span",
    "pdf_tokens",
    "resized_size",
)
