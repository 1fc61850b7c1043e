"""Errors of paper."""

from jeton.errors import ConflictError, JetonError


class DrawingError(JetonError):
    """A document that cannot be drawn with what the operator has chosen."""

    code = "document_not_drawn"


class NotInvoiceDataError(ConflictError):
    """A document that EN 16931 has no way to say."""

    code = "document_not_en16931"

    def __init__(self, number: str, obstacle: str) -> None:
        """Name the document, and what stands in the way."""
        super().__init__(f"{number or 'A draft'} has no EN 16931 data: {obstacle}")
