"""Issued: a document as it was when it was issued, whatever was paid, credited or cancelled since.

Its papers are made of this, so that a copy fetched next year is the one that was mailed, to the byte.
"""

from dataclasses import replace

from jeton.billing.words import Document


def as_issued(document: Document) -> Document:
    """The document at its issue; a draft as it is."""
    if document.state == "draft":
        return document
    # A receipt of a purchase says that it was paid, which is what it is for.
    is_paid = document.purpose == "purchase"
    return replace(
        document,
        state="paid" if is_paid else "issued",
        paid_minor=document.total_minor if is_paid else 0,
        credited_minor=0,
        written_off_minor=0,
        paid_at=None,
        overdue_at=None,
        voided_at=None,
    )
