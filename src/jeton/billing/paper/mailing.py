"""Mailing: the PDF that goes with a mail about a document, drawn when the mail is sent and stored nowhere."""

import asyncio

from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.paper.files import make_file
from jeton.billing.paper.look import Look
from jeton.db.pool import Pool
from jeton.notifications.catalogue.data import EventData
from jeton.notifications.mail import Attachment


class PaperClip:
    """Makes the PDF that goes with a mail about a document; it is stored nowhere."""

    def __init__(self, pool: Pool, look: Look) -> None:
        """``look``: as it is set now; what a document says is as it was issued."""
        self._pool = pool
        self._look = look

    async def attach(self, data: EventData) -> tuple[Attachment, ...]:
        """The PDF of the document that an event names; DrawingError, UnknownDocumentError."""
        document_id = getattr(data, "document_id", "")
        if not document_id:
            return ()
        async with self._pool.connection() as connection:
            document = await get_document(connection, document_id)
        # Drawing takes a moment, in which others are served.
        made = await asyncio.to_thread(make_file, document, "pdf", self._look)
        return (Attachment(made.name, made.media_type, made.content),)
