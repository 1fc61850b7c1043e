"""Words of auto-reload: the rule, what is known when it is asked, attempts and their outcomes, decisions.

Amounts are nano-dollars of credit, before tax; what the card is charged has the tax on top.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from jeton.money import NANO_PER_USD

# Cards are charged in whole cents.
CENT_NANO = NANO_PER_USD // 100
AMOUNT_MIN_NANO = 5 * NANO_PER_USD
AMOUNT_MAX_NANO = 100_000 * NANO_PER_USD
COOL_DOWN_MAX = timedelta(days=31)


class Outcome(StrEnum):
    """How an attempt ended; stored."""

    SUCCEEDED = "succeeded"
    # The bank may say yes another time: no funds, a limit, an error of the network or of the provider.
    SOFT_DECLINE = "soft_decline"
    # The bank will never say yes to this card: lost, stolen, expired, closed.
    HARD_DECLINE = "hard_decline"
    # The bank wants its customer to confirm it, and nobody sits there.
    AUTHENTICATION_REQUIRED = "authentication_required"
    # Nothing was paid and nothing will be: it was called off before the bank was asked.
    CANCELED = "canceled"


FAILED = frozenset({Outcome.SOFT_DECLINE, Outcome.HARD_DECLINE, Outcome.AUTHENTICATION_REQUIRED})


class OffReason(StrEnum):
    """Why a rule is off; stored, "" while it is on."""

    NONE = ""
    # A person did it.
    SWITCHED_OFF = "switched_off"
    NO_CARD = "no_card"
    HARD_DECLINE = "hard_decline"
    AUTHENTICATION_REQUIRED = "authentication_required"
    # As many soft declines in a row as are borne.
    FAILURES = "failures"
    # A payment was disputed at the bank: a person has to want it again.
    DISPUTED = "disputed"


# Another card ends these by itself.
ENDED_BY_A_CARD = frozenset(OffReason) - {OffReason.NONE, OffReason.SWITCHED_OFF, OffReason.DISPUTED}


@dataclass(frozen=True, slots=True)
class Rule:
    """What an organization chose: below ``threshold_nano`` its balance is brought to ``target_nano``.

    At most ``ceiling_nano`` is bought so within a calendar month of ``zone``, and between two reloads at
    least ``cool_down`` passes. Failures of what was opened before ``armed_at`` do not count. It went off
    with ``off_card``.
    """

    threshold_nano: int
    target_nano: int
    ceiling_nano: int
    zone: str
    cool_down: timedelta
    armed_at: datetime
    off_reason: OffReason = OffReason.NONE
    off_card: str = ""

    @property
    def is_on(self) -> bool:
        """Whether it buys."""
        return self.off_reason is OffReason.NONE


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator lets auto-reload do: see the settings of the same names."""

    failures_max: int = 4
    back_off_first: timedelta = timedelta(hours=1)
    back_off_max: timedelta = timedelta(days=3)
    # The least and the most that is bought at once.
    amount_min_nano: int = AMOUNT_MIN_NANO
    amount_max_nano: int = AMOUNT_MAX_NANO


@dataclass(frozen=True, slots=True)
class Attempt:
    """A reload of the past; ``card`` is the one that was asked."""

    opened_at: datetime
    ended_at: datetime
    outcome: Outcome
    card: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What is so at one instant, read in one statement.

    ``balance_nano`` is credit that is left or held and good for every model; ``pending_nano`` what is
    being bought, by hand too; ``bought_nano`` what reloads of this month took or may still take.
    ``attempts`` are the last ones that ended, oldest first. ``card`` is what
    a person knows the default card by, "" where none is saved, ``method_id`` its id.
    """

    balance_nano: int
    pending_nano: int
    bought_nano: int
    has_open: bool
    card: str
    method_id: str = ""
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing is bought, and why; ``until`` is when that may change by itself."""

    why: Literal["off", "open", "enough", "cool_down", "back_off", "ceiling", "retries"]
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reload:
    """Credit is bought, exactly so much."""

    amount_nano: int


@dataclass(frozen=True, slots=True)
class SwitchOff:
    """The rule goes off, because nothing would come of it."""

    reason: OffReason


Decision = Nothing | Reload | SwitchOff
