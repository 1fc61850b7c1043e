"""Words of payments: what is to be paid, one attempt at it, and who is told when it ends.

An attempt is a row of its own with a number and an idempotency key of its own. What is paid for is
``(purpose, subject_id)``: the purchase, the reload or the document. At most one attempt at it is open.
Amounts end in ``_minor`` (of the payment's currency) or in ``_nano`` (what that is in the ledger).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from jeton.db.pool import Connection

Purpose = Literal["purchase", "reload", "document"]
PaymentState = Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
RefundState = Literal["pending", "succeeded", "failed"]
DisputeState = Literal["open", "won", "lost"]

# States that nothing follows, but that money which was taken after all is always booked.
OVER: frozenset[PaymentState] = frozenset({"succeeded", "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """Money to take from a card: ``net`` buys ``credit_nano`` (0 for a document), tax comes on top.

    Without a ``payment_method_id`` it is the organization's default card. ``is_off_session``: nobody is
    there, so a bank that wants to ask somebody counts as a decline.
    """

    organization_id: UUID
    purpose: Purpose
    subject_id: str
    currency: str
    net_minor: int
    net_nano: int
    tax_minor: int = 0
    tax_nano: int = 0
    tax_category: str = "O"
    tax_rate: str = "0"
    tax_point: str = "purchase"
    credit_nano: int = 0
    given_nano: int = 0
    payment_method_id: str = ""
    is_off_session: bool = True
    started_by: str = "system"


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt, as it is stored."""

    payment_id: str
    organization_id: UUID
    purpose: Purpose
    subject_id: str
    attempt: int
    provider: str
    idempotency_key: str
    payment_method_id: str | None
    is_off_session: bool
    currency: str
    net_minor: int
    tax_minor: int
    amount_minor: int
    tax_category: str
    tax_rate: str
    net_nano: int
    tax_nano: int
    credit_nano: int
    given_nano: int
    state: PaymentState
    action_url: str
    provider_page_id: str | None
    provider_payment_id: str | None
    decline_code: str
    decline_reason: str
    is_hard_decline: bool
    lot_id: str | None
    given_lot_id: str | None
    transaction_id: str | None
    refunded_minor: int
    refunded_tax_minor: int
    started_by: str
    started_at: datetime
    updated_at: datetime
    settled_at: datetime | None
    # Whether its tax was taken with it, or is due when the credit is used.
    tax_point: str = "purchase"

    @property
    def is_over(self) -> bool:
        """Whether this attempt has come to its end."""
        return self.state in OVER


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back, as it is stored; ``net`` and ``tax`` are parts of the payment's.

    What was given back elsewhere beyond what was left of the lot is ``owed``; ``used_nano`` is its credit.
    """

    refund_id: str
    organization_id: UUID
    payment_id: str
    lot_id: str | None
    idempotency_key: str
    credit_nano: int
    given_nano: int
    net_minor: int
    tax_minor: int
    amount_minor: int
    net_nano: int
    tax_nano: int
    state: RefundState
    provider_refund_id: str | None
    failure_reason: str
    reason: str
    asked_by: str
    transaction_id: str
    asked_at: datetime
    settled_at: datetime | None
    used_nano: int = 0
    owed_minor: int = 0
    owed_nano: int = 0


@dataclass(frozen=True, slots=True)
class Dispute:
    """A payment that a bank took back, as it is stored."""

    dispute_id: str
    organization_id: UUID
    payment_id: str
    provider: str
    provider_dispute_id: str
    currency: str
    amount_minor: int
    state: DisputeState
    reason: str
    left_nano: int
    given_nano: int
    owed_nano: int
    tax_nano: int
    pending_nano: int
    refunded_before_nano: int
    is_freezing: bool
    opened_at: datetime
    answer_by: datetime | None
    closed_at: datetime | None


# Called in the transaction in which a payment ends, with the payment as it is then and the instant.
PaymentHook = Callable[[Connection, Payment, datetime], Awaitable[None]]
RefundHook = Callable[[Connection, Refund, datetime], Awaitable[None]]
LockHook = Callable[[Connection, UUID], Awaitable[None]]
DisputeHook = Callable[[Connection, Dispute, datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Hooks:
    """Who is told, by purpose, in the very transaction that books a payment's end.

    ``settled`` of a purchase and a reload comes after their lot was opened; that of a document must book
    the payment itself. ``failed`` is called for a decline and for a payment that was given up. ``refunded``
    is called when a refund is booked and when it has failed (``state``), ``disputed`` for each state: there a
    document's money is moved by them, too. ``locked_first`` locks what is locked before the books, where a
    dispute of the organization is about to be booked.
    """

    settled: Mapping[Purpose, PaymentHook] = field(default_factory=dict)
    failed: Mapping[Purpose, PaymentHook] = field(default_factory=dict)
    refunded: RefundHook | None = None
    disputed: DisputeHook | None = None
    locked_first: LockHook | None = None
