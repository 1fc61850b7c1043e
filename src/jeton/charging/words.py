"""The values that charging takes and gives."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from jeton.metering.contract import Rule
from jeton.metering.labels import NO_LABELS, Labels
from jeton.pricing.book import PriceVersion
from jeton.pricing.rating import Conditions
from jeton.pricing.terms import Terms
from jeton.upstreams.attempts import Attempt
from jeton.usage import Usage

__all__ = [
    "Charge",
    "ChargeState",
    "Hold",
    "HoldAsk",
    "Metered",
    "Rule",
    "UsageSource",
]

UsageSource = Literal["upstream", "counted", "estimated"]
ChargeState = Literal["settled", "released", "unconfirmed", "quarantined"]


class HoldAsk(msgspec.Struct, frozen=True):
    """A hold to take: who, for what, at which price, and the most it could cost (nano).

    ``asked_at``: when price version and ``terms`` were found, which is then when the hold is taken; without
    it that is when it is asked for. ``terms`` None: the published prices. ``labels``: for whom and what.
    """

    request_id: str
    organization_id: UUID
    workspace_id: str
    key_id: str
    model: str
    upstream: str
    price_version: PriceVersion
    amount_nano: int
    is_rehearsal: bool = False
    outage_cap_nano: int = 0
    asked_at: datetime | None = None
    terms: Terms | None = None
    labels: Labels = NO_LABELS

    @property
    def terms_id(self) -> str | msgspec.UnsetType:
        """The terms as they are stored; left out where there are none."""
        return msgspec.UNSET if self.terms is None else self.terms.terms_id


class Hold(msgspec.Struct, frozen=True):
    """A committed hold: durable before the upstream is called (P2).

    ``attempts`` is the log of what is tried under it, filled while the request runs.
    """

    ask: HoldAsk
    transaction_id: str
    taken_at: datetime
    valid_until: datetime
    attempts: list[Attempt] = msgspec.field(default_factory=list)


class Metered(msgspec.Struct, frozen=True):
    """What a request turned out to be.

    ``usage`` None means unknown (P8: a state, never a zero) or contradictory; then the rule
    says why and nothing is charged. ``reported`` is the upstream's usage object as JSON text.
    """

    rule: Rule
    usage: Usage | None
    source: UsageSource
    conditions: Conditions
    reported: str | None = None


class Charge(msgspec.Struct, frozen=True):
    """A hold's end: what was charged and what it would have been at list price (nano)."""

    request_id: str
    state: ChargeState
    rule: Rule
    list_nano: int
    net_nano: int
    transaction_id: str
