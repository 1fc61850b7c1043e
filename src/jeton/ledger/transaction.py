"""Transaction: postings that sum to zero, and nothing else."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from jeton.ledger.chart import Account
from jeton.ledger.errors import UnbalancedError

NO_LOT = ""


class Movement(StrEnum):
    """Why money moved; the value is the stored code."""

    GRANT = "grant"
    TOP_UP = "top_up"
    HOLD = "hold"
    SETTLE = "settle"
    RELEASE = "release"
    EXPIRE_HOLD = "expire_hold"
    EXPIRE_LOT = "expire_lot"
    REFUND = "refund"
    DISPUTE = "dispute"
    ADJUST = "adjust"
    INVOICE_ISSUE = "invoice_issue"
    INVOICE_PAY = "invoice_pay"
    CREDIT_NOTE = "credit_note"
    WRITE_OFF = "write_off"
    RERATE = "rerate"


class Posting(msgspec.Struct, frozen=True, gc=False):
    """A signed amount on one account; ``lot_id`` is ``NO_LOT`` where no lot is concerned."""

    account: Account
    lot_id: str
    amount_nano: int


class Transaction(msgspec.Struct, frozen=True):
    """One movement of money of one organization; raises UnbalancedError unless it sums to zero.

    ``posted_at`` is the instant that it counts from, where that is not the instant of its booking.
    """

    transaction_id: str
    organization_id: UUID
    movement: Movement
    postings: tuple[Posting, ...]
    request_id: str | None = None
    reason: str = ""
    posted_at: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse a transaction that creates or destroys money."""
        total = 0
        for posting in self.postings:
            total += posting.amount_nano
        if total:
            raise UnbalancedError(self.movement, total)
