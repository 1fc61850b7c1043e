"""Correcting: a document is corrected, and what follows for its organization is done with it.

What had paid a cancelled document is freed, what a credit note leaves goes to what is due, and who owes
nothing any more may go on at once, not with the next look at its debts.
"""

from dataclasses import replace

from jeton.billing.invoicing.correcting import Correction, Request, cancel_document, credit_document
from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.receivables.credit import put_credit
from jeton.db.pool import Connection


async def cancel_and_settle(
    connection: Connection, name: str, request: Request, *, is_reissue: bool
) -> Correction:
    """Cancel a document of a period, as ``cancel_document``, which names what it raises.

    What was made instead is returned as it is then: what had paid the cancelled one may have paid it.
    """
    made = await cancel_document(connection, name, request, is_reissue=is_reissue)
    await put_credit(connection, made.credit_note.organization_id, at=request.at)
    documents = [await get_document(connection, one.document_id) for one in made.documents]
    return replace(made, documents=tuple(documents))


async def credit_and_settle(
    connection: Connection, name: str, amount_minor: int, request: Request
) -> Correction:
    """Credit so much of a document out of goodwill, as ``credit_document``, which names what it raises."""
    made = await credit_document(connection, name, amount_minor, request)
    await put_credit(connection, made.credit_note.organization_id, at=request.at)
    return made
