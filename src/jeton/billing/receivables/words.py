"""Words of receivables: money that came in, what of it is on which document, and what is still due.

Amounts end in ``_minor`` (whole minor units of their currency) or in ``_nano`` (what that is in the ledger).
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from jeton.billing.words import DocumentKind, DocumentState

Method = Literal["card", "bank_transfer", "cheque", "credit_note", "other"]
# What an operator may record; cards and credit notes come by themselves.
METHODS_BY_HAND: tuple[Method, ...] = ("bank_transfer", "cheque", "other")


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money that came in, before it is recorded.

    ``external_id`` is what the bank or the provider knows it by: the same is recorded once. ``reason`` says
    who says so; it is kept for ever.
    """

    organization_id: UUID
    method: Method
    currency: str
    amount_minor: int
    received_on: date
    reason: str
    external_id: str = ""
    payer: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class ReceivedPayment:
    """Money that came in, as it is stored; what is on no document is credit of the organization.

    ``unapplied_nano`` is what that credit is worth, below zero in ``receivable``.
    """

    payment_id: str
    organization_id: UUID
    method: Method
    external_id: str
    currency: str
    amount_minor: int
    amount_nano: int
    unapplied_minor: int
    unapplied_nano: int
    returned_minor: int
    is_automatic: bool
    received_on: date
    payer: str
    reference: str
    reason: str
    recorded_at: datetime
    recorded_by: str
    transaction_id: str
    voided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Share:
    """What of a payment goes to one document."""

    document_id: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Application:
    """What of a payment went to a document; below zero: it was taken off again (``undoes``)."""

    application_id: str
    organization_id: UUID
    payment_id: str
    document_id: str
    amount_minor: int
    amount_nano: int
    released_nano: int
    undoes: str | None
    reason: str
    transaction_id: str
    applied_at: datetime
    applied_by: str


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """A document as paying it needs to know it; ``due_nano`` is what of it is in ``receivable``."""

    document_id: str
    organization_id: UUID
    number: str
    kind: DocumentKind
    state: DocumentState
    currency: str
    due_on: date
    total_minor: int
    tax_minor: int
    total_nano: int
    tax_nano: int
    written_off_minor: int
    due_minor: int
    due_nano: int
    is_late: bool


@dataclass(frozen=True, slots=True)
class WriteOff:
    """What was given up of a document, and the tax in it."""

    write_off_id: str
    document_id: str
    organization_id: UUID
    amount_minor: int
    tax_minor: int
    amount_nano: int
    tax_nano: int
    reason: str
    transaction_id: str
    written_off_at: datetime
    written_off_by: str
