"""Issued: a document as it was when it was issued, whatever was paid, credited or cancelled since.

Its papers are made of this, so that a copy fetched next year is the one that was mailed, to the byte.
"""

from dataclasses import replace

from jeton.billing.words import Document

# A receipt of a purchase says what was paid, a credit note of a refund what went back.
_PAID_AT_ISSUE = frozenset({"purchase", "refund"})


def as_issued(document: Document) -> Document:
    """The document at its issue; a draft as it is."""
    if document.state == "draft":
        return document
    is_paid = document.purpose in _PAID_AT_ISSUE
    return replace(
        document,
        state="paid" if is_paid and document.kind != "credit_note" else "issued",
        paid_minor=document.paid_minor if is_paid else 0,
        credited_minor=0,
        written_off_minor=0,
        paid_at=None,
        overdue_at=None,
        voided_at=None,
    )
