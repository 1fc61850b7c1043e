"""Words of the export: what is asked for, and on what a row stands: a document, or a period without one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from jeton.billing.focus.columns import ATTO
from jeton.billing.invoicing.periods import Period
from jeton.billing.invoicing.rates import LEDGER_CURRENCY, PAR
from jeton.identity.organizations import Workspace
from jeton.insight.explore.stretches import Stretch
from jeton.money import NANO_PER_USD, divide_half_even

ATTO_PER_NANO = ATTO // NANO_PER_USD


@dataclass(frozen=True, slots=True)
class FocusAsk:
    """Which charges: of one organization (None: of all), of a stretch, of these values of DIMENSIONS.

    Narrowed, there is only usage: a tax, a purchase or a rounding is of no key and of no model. Of one
    ``token_class`` there is what it was charged: free credit and reversals are of whole requests.
    """

    organization_id: UUID | None
    stretch: Stretch
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    token_class: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out but by time."""
        return not self.where and not self.token_class


@dataclass(frozen=True, slots=True)
class Names:
    """What the ids of an organization's rows are called."""

    organization_id: UUID
    organization: str
    issuer: str
    workspaces: Mapping[str, Workspace]
    keys: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Frame:
    """On what rows stand: a document by its number ("" for none yet), its currency, its billing period."""

    names: Names
    period: Period
    invoice: str = ""
    currency: str = LEDGER_CURRENCY
    rate: Fraction = PAR

    def convert(self, usd_atto: int) -> int:
        """Dollars in the currency of the document, both in atto; half-even, exact where they are the same."""
        return divide_half_even(usd_atto * self.rate.numerator, self.rate.denominator)


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a charge is for, half-open."""

    starts_at: datetime
    ends_at: datetime
