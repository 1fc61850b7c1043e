"""Events of documents: an invoice, a receipt or a credit note was issued."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from jeton.notifications.catalogue.data import EventData

_NAMES = {"invoice": "Invoice", "receipt": "Receipt", "credit_note": "Credit note"}


class DocumentIssued(EventData, frozen=True, kw_only=True):
    """A document was issued; its mail has the PDF."""

    type = "document.issued"
    when = (
        "An invoice, a receipt or a credit note was issued. Its mail has the PDF attached and goes to the"
        " addresses of the billing profile, too; a receipt over nothing is not mailed."
    )
    page = "/invoices"
    has_papers = True

    document_id: Annotated[str, Meta(description="the document")]
    number: Annotated[str, Meta(description="its number")]
    kind: Annotated[Literal["invoice", "receipt", "credit_note"], Meta(description="what it is")]
    currency: Annotated[str, Meta(description="its currency, ISO 4217")]
    total: Annotated[str, Meta(description="its total with tax, in units of the currency")]
    due: Annotated[str, Meta(description="what is to be paid of it, in units of the currency")]
    due_on: Annotated[
        date | None, Meta(description="the last day on which it is paid in time; null: nothing is due")
    ] = None
    corrects: Annotated[str, Meta(description="the number of the document that it corrects, or nothing")] = ""

    @classmethod
    def wants_mail(cls, data: Mapping[str, object]) -> bool:
        """No receipt over nothing: credit paid all of it, and whoever reads the mail has nothing to do."""
        return data.get("kind") != "receipt" or any(sign in "123456789" for sign in str(data.get("total")))

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"{_NAMES[self.kind]} {self.number}: {self.currency} {self.total}"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        opening = f"{_NAMES[self.kind]} {self.number} over {self.currency} {self.total} is attached as PDF."
        if self.kind == "credit_note":
            corrected = f" It corrects {self.corrects}." if self.corrects else ""
            return f"{opening}{corrected} There is nothing to pay."
        if self.due_on is None:
            return f"{opening} There is nothing to pay."
        on = f"{self.due_on.day} {self.due_on:%B %Y}"
        return f"{opening} Please pay {self.currency} {self.due} by {on}."


EXAMPLES: tuple[EventData, ...] = (
    DocumentIssued(
        document_id="inv_01k…", number="INV-2026-000123", kind="invoice", currency="EUR", total="714.00",
        due="714.00", due_on=date(2027, 1, 2),
    ),
)  # fmt: skip
