"""Reading: what the commands of ``jeton payments`` are given, and documents by their number."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import typer

from jeton.billing.currencies import display_minor, parse_minor
from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.receivables.words import Share
from jeton.billing.words import Document
from jeton.db.pool import Connection
from jeton.errors import InvalidInputError

PaymentId = Annotated[str, typer.Argument(help="The payment's id: rcvd_…")]
Documents = Annotated[
    list[str] | None,
    typer.Option("--document", help="A document by number or id, with =AMOUNT if not all of it; repeatable."),
]


async def read_shares(connection: Connection, documents: Sequence[str], *, left_minor: int) -> list[Share]:
    """What goes to which document: as much as is said, else what is due, as far as the money lasts."""
    shares = []
    for text in documents:
        name, sign, amount = text.partition("=")
        document = await get_document(connection, name.strip())
        asked = (
            parse_minor(amount.strip(), document.currency) if sign else min(document.due_minor, left_minor)
        )
        if not asked:
            due = display_minor(document.due_minor, document.currency)
            raise InvalidInputError(
                f"Nothing goes to {document.number}: {due} is due, and the rest is given away."
            )
        shares.append(Share(document.document_id, asked))
        left_minor -= asked
    return shares


async def find_document(connection: Connection, name: str) -> Document:
    """The document of a number or an id; UnknownDocumentError."""
    return await get_document(connection, name)


def read_day(text: str) -> date:
    """A day, as 2026-12-20; InvalidInputError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(f"{text!r} is not a day; write it as 2026-12-20.") from None
