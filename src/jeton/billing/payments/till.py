"""Till: what taking payments works with, put together once by the composition root."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Protocol
from uuid import UUID

from jeton.billing.payments.words import Hooks
from jeton.billing.providers.opening import ProviderDoor
from jeton.db.pool import Connection, Pool

USD_CENT_NANO = 10_000_000
CREDIT_DAYS = 365


@dataclass(frozen=True, slots=True)
class PaymentTax:
    """The tax on a payment: its category (UNTDID 5305), rate and amount in minor units.

    ``tax_point`` is ``use`` where the credit is sold without tax, which is due when it is used.
    """

    category: str
    rate: Fraction
    tax_minor: int
    tax_point: str = "purchase"


class TaxOf(Protocol):
    """Who knows the tax that an organization pays on ``net_minor`` at an instant."""

    def __call__(
        self, connection: Connection, organization_id: UUID, net_minor: int, *, at: datetime
    ) -> Awaitable[PaymentTax]:
        """The tax, rounded once."""
        ...


async def no_tax(
    connection: Connection, organization_id: UUID, net_minor: int, *, at: datetime
) -> PaymentTax:
    """Nothing is taxed: outside the scope."""
    del connection, organization_id, net_minor, at
    return PaymentTax("O", Fraction(0), 0)


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """What the operator sells credit on: amounts in whole cents, days that it is good for, a bonus.

    ``credit_days`` 0: for ever. ``given_percent`` of what is bought is given on top.
    """

    min_cents: int = 500
    max_cents: int = 500_000
    credit_days: int = CREDIT_DAYS
    given_percent: int = 0
    label: str = "Credit"


@dataclass(frozen=True, slots=True)
class Till:
    """A pool, the provider's door, the terms, the tax, whom to tell, and where people come back to."""

    pool: Pool
    door: ProviderDoor
    terms: PaymentTerms = field(default_factory=PaymentTerms)
    tax_of: TaxOf = no_tax
    hooks: Hooks = field(default_factory=Hooks)
    base_url: str = ""
