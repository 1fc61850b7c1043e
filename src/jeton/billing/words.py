"""Words of documents: what an invoice, a receipt or a credit note says, before it is drawn or stored.

Amounts end in ``_nano`` (nano-dollars, exact, the ledger's) or in ``_minor`` (whole minor units of the
document's currency: cents of EUR and USD, yen of JPY, fils of KWD). A document is rounded once a line;
its lines sum to its total, its tax is figured for each category from rounded lines (EN 16931, BR-CO-17).
"""

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Literal
from uuid import UUID

DocumentKind = Literal["invoice", "receipt", "credit_note"]
DocumentState = Literal["draft", "issued", "paid", "overdue", "written_off", "void"]
# Why there is a document: what was used in a period; credit that was bought or paid back; a document
# cancelled whole, or goodwill on one; late usage that came to less than was billed.
Purpose = Literal["period", "purchase", "refund", "cancellation", "allowance", "adjustment"]
# S standard rate, Z zero rate, E exempt, AE reverse charge, O outside the scope (UNTDID 5305).
TaxCategory = Literal["S", "Z", "E", "AE", "O"]
LineKind = Literal[
    "usage", "adjustment", "credit", "commit", "true_up", "minimum", "top_up", "refund", "rounding"
]

# Keys of lines about credit that is taxed at its use: what it paid, by lot, and the tax that is in it.
VOUCHER_PAID = "voucher|paid|"
VOUCHER_GIVEN = "voucher|given|"
VOUCHER_TAX = "voucher|tax"


@dataclass(frozen=True, slots=True)
class Party:
    """Who sells or buys, as the law wants it on a document; empty where there is none."""

    name: str
    street: str
    city: str
    postal_code: str
    country: str
    vat_number: str = ""
    registration: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Remittance:
    """Where a transfer goes, as it was when the document was issued; empty where there is none.

    ``account_number`` is for banks without an IBAN (with the routing number, as the bank writes it);
    ``reference`` is what the payer is asked to quote, else the document's number.
    """

    account_holder: str = ""
    bank_name: str = ""
    iban: str = ""
    bic: str = ""
    account_number: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Discount:
    """One modifier of the stack on one line; below zero it adds (a surcharge)."""

    stage: str
    name: str
    factor: Fraction
    amount_nano: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line: ``quantity`` at ``list_rate`` nano-dollars per ``per`` units, less its discounts.

    ``net_nano`` is what the ledger has for it. ``rounding_nano`` is that less what quantity, rate and
    discounts come to: each request was rounded to the nano by itself, half a nano at most.
    """

    line_id: str
    kind: LineKind
    description: str
    quantity: int
    per: int
    list_rate: int
    list_nano: int
    discounts: tuple[Discount, ...]
    rounding_nano: int
    net_nano: int
    list_minor: int
    net_minor: int
    tax_category: TaxCategory
    tax_rate: Fraction
    workspace_id: str = ""
    workspace_name: str = ""
    cost_center: str = ""
    purchase_order: str = ""
    model: str = ""
    bucket: str = ""
    price_version_id: str = ""
    # How it ran where that has a price: service tier, geography, speed, prompt-length band.
    conditions: str = ""
    # The number of the document that an adjustment corrects.
    corrects: str = ""
    # What is billed, the same in every document; and the period it belongs to, an earlier one for an
    # adjustment.
    key: str = ""
    period_from: datetime | None = None
    period_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaxLine:
    """Tax of one category and rate: ``tax_minor`` is ``taxable_minor`` times the rate, rounded once.

    Where credit paid that is taxed at its use, its part of the tax is taken out of what it paid, by itself.
    """

    category: TaxCategory
    rate: Fraction
    taxable_minor: int
    tax_minor: int
    reason: str = ""
    # What a tax service calls its answer, "" where the settings' rates decided.
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice, a receipt or a credit note, whole; a draft has no number.

    total = sum of lines + tax; due = total - what is paid, credited or written off. Amounts of a credit note
    are positive. ``rate`` is units of the document's currency for one dollar. ``replaces`` is the id of the
    cancelled document that this is made instead of, ``subject`` that of the payment or refund it is about.

    In the ledger: ``accrued_nano`` is what it takes out of accrued, ``owed_nano`` what of its total was in
    receivable before it (overruns, commits), ``earned_nano`` what it earns without usage (true-up, minimum).
    """

    document_id: str
    kind: DocumentKind
    state: DocumentState
    number: str
    organization_id: UUID
    seller: Party
    buyer: Party
    currency: str
    rate: Fraction
    period_from: datetime
    period_to: datetime
    zone: str
    issued_at: datetime | None
    issued_on: date | None
    due_on: date | None
    purchase_order: str
    terms: str
    lines: tuple[Line, ...]
    taxes: tuple[TaxLine, ...]
    lines_minor: int
    tax_minor: int
    total_minor: int
    paid_minor: int
    net_nano: int
    tax_nano: int
    total_nano: int
    # The legal number of the document that this one corrects, and the day that one was issued.
    corrects: str = ""
    notes: tuple[str, ...] = ()
    # The id of the document that this one corrects.
    corrects_id: str = ""
    purpose: Purpose = "period"
    credited_minor: int = 0
    written_off_minor: int = 0
    replaces: str = ""
    subject: str = ""
    reason: str = ""
    accrued_nano: int = 0
    owed_nano: int = 0
    earned_nano: int = 0
    paid_at: datetime | None = None
    overdue_at: datetime | None = None
    voided_at: datetime | None = None
    corrects_on: date | None = None
    remittance: Remittance = Remittance()
    # How many entries the organization's books had when its usage was read: what came later is not on it.
    booked_sequence: int | None = None

    @property
    def voucher_minor(self) -> int:
        """What credit paid of it that is taxed at its use, tax included; of a document with its lines."""
        return -sum(line.net_minor for line in self.lines if is_payment(line))

    @property
    def sold_lines(self) -> tuple[Line, ...]:
        """The lines without those that are a payment."""
        return tuple(line for line in self.lines if not is_payment(line))

    @property
    def contained_tax_nano(self) -> int:
        """The tax that is in what such credit paid."""
        return -sum(line.net_nano for line in self.lines if line.key == VOUCHER_TAX)

    @property
    def due_minor(self) -> int:
        """What is still to be paid; nothing of a credit note or of what was cancelled."""
        is_open = self.kind != "credit_note" and self.state != "void"
        gone_minor = self.paid_minor + self.credited_minor + self.written_off_minor
        return self.total_minor - gone_minor if is_open else 0


def is_payment(line: Line) -> bool:
    """Whether the line is no supply but what credit paid that is taxed at its use."""
    return line.key.startswith(VOUCHER_PAID)
