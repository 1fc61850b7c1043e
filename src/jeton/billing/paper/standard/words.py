"""Words of EN 16931: what a document says in the standard's own terms (BT-1 and on), as texts.

Both syntaxes are written from these, so that no figure is worked out twice. "" is what is not said.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

# Pieces (UN/ECE Recommendation 20); a token has no unit of its own.
PIECE = "C62"


@dataclass(frozen=True, slots=True)
class StatedParty:
    """Seller (BG-4) or buyer (BG-7); ``tax_number`` is for VAT (BT-31, BT-48) if ``is_vat``, else BT-32."""

    name: str
    identifier: str
    registration: str
    street: str
    city: str
    postal_code: str
    country: str
    email: str
    tax_number: str
    is_vat: bool


@dataclass(frozen=True, slots=True)
class StatedMeans:
    """How it is to be paid (BG-16, BG-17)."""

    code: str
    account: str
    is_iban: bool
    holder: str
    bic: str


@dataclass(frozen=True, slots=True)
class StatedStep:
    """A discount of a line (BG-27) or a surcharge (BG-28), above zero."""

    is_charge: bool
    amount: str
    reason_code: str
    reason: str


@dataclass(frozen=True, slots=True)
class StatedLine:
    """A line (BG-25): ``quantity`` at ``price`` for ``per``; ``rate`` in per cent, "" outside the scope."""

    line_id: str
    note: str
    item_id: str
    name: str
    attributes: tuple[tuple[str, str], ...]
    price: str
    per: str
    quantity: str
    category: str
    rate: str
    steps: tuple[StatedStep, ...]
    net: str
    cost_center: str


@dataclass(frozen=True, slots=True)
class StatedTax:
    """Tax of a category and rate (BG-23)."""

    category: str
    rate: str
    taxable: str
    tax: str
    reason: str
    reason_code: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A document, whole; the totals are BT-106, 109, 110, 112, 113 and 115."""

    form: Literal["invoice", "credit_note"]
    type_code: str
    number: str
    issued_on: date
    due_on: date | None
    first_on: date
    last_on: date
    notes: tuple[str, ...]
    currency: str
    purchase_order: str
    payment_reference: str
    terms: str
    seller: StatedParty
    buyer: StatedParty
    means: StatedMeans | None
    corrects: str
    corrects_on: date | None
    taxes: tuple[StatedTax, ...]
    lines: tuple[StatedLine, ...]
    net: str
    tax: str
    total: str
    prepaid: str
    due: str
