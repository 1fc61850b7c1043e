"""Members: what can be asked of the books, each idempotent by its own id."""

from datetime import datetime
from uuid import UUID

import msgspec

from jeton.charging.batching.members import BatchMember
from jeton.charging.costing.rows import AttemptRow
from jeton.charging.counting.members import BudgetMember
from jeton.charging.words import Charge, ChargeState, HoldAsk, Rule
from jeton.ledger.lots import Lot
from jeton.ledger.transaction import Movement
from jeton.metering.events import UsageEvent
from jeton.pricing.rating import Rating
from jeton.usage import Usage

LEASE_PREFIX = "lease"


class TakeHold(msgspec.Struct, frozen=True):
    """Take a hold; idempotent by request id. Out of ``lease_id`` where that covers it, else of the lots.

    ``is_late``: the request was served while the database was away. Its hold is empty, nothing
    refuses it any more, and all that it cost exceeds it.
    """

    ask: HoldAsk
    node_id: str
    taken_at: datetime
    valid_until: datetime
    lease_id: str = ""
    is_late: bool = False

    @property
    def organization_id(self) -> UUID:
        """Whose book is needed."""
        return self.ask.organization_id


class EndHold(msgspec.Struct, frozen=True):
    """End a hold: settle it with a rating, or give it back; idempotent by request id.

    ``is_late``: it was kept in the spool while the database was away; should the sweeper have ended
    the hold meanwhile, what was used is charged all the same.
    """

    organization_id: UUID
    request_id: str
    state: ChargeState
    rule: Rule
    usage: Usage | None = None
    rating: Rating | None = None
    event: UsageEvent | None = None
    is_late: bool = False
    attempts: tuple[AttemptRow, ...] = ()

    @property
    def movement(self) -> Movement:
        """What its transaction is called."""
        if self.state == "settled":
            return Movement.SETTLE
        return Movement.EXPIRE_HOLD if self.state == "unconfirmed" else Movement.RELEASE


class GrantLot(msgspec.Struct, frozen=True):
    """Open a lot and fill it; idempotent by lot id."""

    organization_id: UUID
    lot: Lot
    amount_nano: int
    reason: str


class ExpireLots(msgspec.Struct, frozen=True):
    """Take what is left of lots whose time is over."""

    organization_id: UUID


class LeaseTerms(msgspec.Struct, frozen=True):
    """What a lease holds (nano), and until when; 0 where direct holds are the right way."""

    left_nano: int
    valid_until: datetime


class TakeLease(msgspec.Struct, frozen=True):
    """Set credit aside for a node, or add to what it has: up to ``wanted_nano`` in all.

    The outcome is its terms.
    """

    organization_id: UUID
    lease_id: str
    node_id: str
    wanted_nano: int
    taken_at: datetime
    valid_until: datetime


class ReturnLease(msgspec.Struct, frozen=True):
    """Give back what is left of a lease; idempotent, the outcome is how much that was."""

    organization_id: UUID
    lease_id: str


Member = TakeHold | EndHold | GrantLot | ExpireLots | BudgetMember | TakeLease | ReturnLease | BatchMember
Outcome = str | Charge | int | LeaseTerms
