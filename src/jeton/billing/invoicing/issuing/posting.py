"""Posting: what a document does to its organization's book."""

from jeton.billing.words import Document
from jeton.charging.deciding import Batch
from jeton.ledger import movements
from jeton.ledger.book import Book
from jeton.ledger.transaction import Movement, Posting


def post_document(batch: Batch, book: Book, document: Document) -> str:
    """Book a document that has its number, on a locked book; the id of the transaction."""
    movement = Movement.CREDIT_NOTE if document.kind == "credit_note" else Movement.INVOICE_ISSUE
    return batch.book(book, movement, document_postings(document), reason=document.number)


def document_postings(document: Document) -> tuple[Posting, ...]:
    """The postings of a document: an invoice, its exact reverse for a credit note, or goodwill."""
    if document.purpose == "allowance":
        return movements.allow(
            net_nano=document.net_nano, tax_nano=document.tax_nano, total_nano=document.total_nano
        )
    postings = movements.invoice_issue(
        accrued_nano=document.accrued_nano,
        owed_nano=document.owed_nano,
        earned_nano=document.earned_nano,
        tax_nano=document.tax_nano,
        total_nano=document.total_nano,
        contained_nano=document.contained_tax_nano,
    )
    return movements.reverse(postings) if document.kind == "credit_note" else postings
