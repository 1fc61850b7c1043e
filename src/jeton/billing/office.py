"""Office: what pages and the API work with where money comes in; the composition root makes one."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from jeton.billing.invoicing.words import Rules
from jeton.billing.paper.look import PLAIN, Look
from jeton.billing.payments.till import Till
from jeton.billing.providers.opening import ProviderDoor
from jeton.billing.receivables.dunning.words import DunningTerms
from jeton.billing.receivables.statements.comma_separated import CsvTerms
from jeton.billing.reloads.words import Terms as ReloadTerms
from jeton.db.pool import Pool


@dataclass(frozen=True, slots=True)
class Office:
    """The till that takes cards, the rules that documents follow, how they look, dunning, auto-reload.

    ``bank`` is how the bank writes its CSV, ``books_zone`` the zone of the months that finance closes.
    """

    till: Till
    rules: Rules = field(default_factory=Rules)
    look: Look = PLAIN
    dunning: DunningTerms = field(default_factory=DunningTerms)
    reloads: ReloadTerms = field(default_factory=ReloadTerms)
    bank: CsvTerms = field(default_factory=lambda: CsvTerms({}, "USD"))
    books_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    @property
    def has_cards(self) -> bool:
        """Whether a payment provider is configured, so that cards are taken."""
        return self.till.door.is_there


def bare_office(pool: Pool) -> Office:
    """An office without a payment provider and with every rule as it comes."""
    return Office(Till(pool, ProviderDoor(None)))
