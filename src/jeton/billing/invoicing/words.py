"""Words of invoicing: whom documents are for, and by which rules they are made."""

from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Literal
from uuid import UUID

from jeton.billing.taxation.desk import TaxDesk
from jeton.billing.words import Party, Remittance, TaxCategory

TaxPoint = Literal["purchase", "use"]
# Whether a period that credit paid whole has a receipt, which comes to nothing.
ZeroReceipts = Literal["issue", "omit"]
OrganizationKind = Literal["prepaid", "invoiced"]

NET_DAYS = 30
GRACE_DAYS = 2
LOOKBACK_DAYS = 100


@dataclass(frozen=True, slots=True)
class TaxRate:
    """The standard rate (19/100) of a country, from a day on."""

    country: str
    rate: Fraction
    from_on: date


@dataclass(frozen=True, slots=True)
class NumberFormats:
    """How numbers are written: ``{year}`` and ``{number}`` (which may have a width, ``{number:06d}``).

    What stands before the number is the series, so ``INV-{year}-`` begins anew each year.
    """

    invoice: str = "INV-{year}-{number:06d}"
    receipt: str = "RCT-{year}-{number:06d}"
    credit_note: str = "CRN-{year}-{number:06d}"


NO_REMITTANCE = Remittance()
NOBODY = Party(name="", street="", city="", postal_code="", country="")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator has chosen, for every organization: who sells, tax, numbers, days, currency."""

    seller: Party = NOBODY
    remittance: Remittance = NO_REMITTANCE
    tax_point: TaxPoint = "purchase"
    tax_rates: tuple[TaxRate, ...] = ()
    numbers: NumberFormats = field(default_factory=NumberFormats)
    net_days: int = NET_DAYS
    grace_days: int = GRACE_DAYS
    lookback_days: int = LOOKBACK_DAYS
    currency: str = "USD"
    zero_receipts: ZeroReceipts = "issue"
    note: str = ""
    # Who decides on tax instead of the rates; asked between transactions (``taxation.desk.asking``).
    tax_desk: TaxDesk | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Profile:
    """Whom an organization's documents are for and when they are made, as it was entered.

    None and "" are as the rules say. ``anchor_day`` (1 to 31) is the day, in ``zone``, on which a period
    begins; ``minimum_nano`` what each period of an invoiced organization comes to at least. Usage and
    cost are shown in ``display_currency``, and documents are not. ``documents`` counts those that were made.
    """

    organization_id: UUID
    organization_name: str
    kind: OrganizationKind
    created_at: datetime
    legal_name: str = ""
    street: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = ""
    vat_number: str = ""
    registration: str = ""
    emails: tuple[str, ...] = ()
    currency: str = ""
    zone: str = "UTC"
    anchor_day: int = 1
    net_days: int | None = None
    grace_days: int | None = None
    purchase_order: str = ""
    tax_category: TaxCategory | Literal[""] = ""
    tax_reason: str = ""
    minimum_nano: int = 0
    display_currency: str = ""
    documents: int = 0

    @property
    def buyer(self) -> Party:
        """The organization as a document names it."""
        return Party(
            name=self.legal_name or self.organization_name,
            street=self.street,
            city=self.city,
            postal_code=self.postal_code,
            country=self.country,
            vat_number=self.vat_number,
            registration=self.registration,
            email=self.emails[0] if self.emails else "",
        )


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """Units of a currency for one dollar from a day on, and where the operator has it from."""

    rate_id: str
    currency: str
    from_on: date
    rate: Fraction
    source: str
    noted_at: datetime
    noted_by: str


@dataclass(frozen=True, slots=True)
class Commitment:
    """So much net amount was agreed for a term, half-open; what is missing at its end is billed."""

    commitment_id: str
    organization_id: UUID
    amount_nano: int
    starts_at: datetime
    ends_at: datetime
    reason: str
    agreed_by: str
