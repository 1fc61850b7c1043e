"""Words of a payment provider, whichever it is: what is asked of it and what it says.

Amounts are whole minor units of their currency (cents of USD, yen of JPY); currencies are ISO 4217 in
capitals. Nothing here has a card's number: a card is its brand, its last four digits and its expiry.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

# processing: the bank has not said yet. requires_card: nothing was paid, another card may be tried.
Status = Literal["processing", "requires_action", "requires_card", "succeeded", "canceled"]
RefundStatus = Literal["pending", "succeeded", "failed"]
DisputeStatus = Literal["open", "won", "lost"]


@dataclass(frozen=True, slots=True)
class Card:
    """A saved card, by what a person knows it by."""

    provider_method_id: str
    brand: str
    last4: str
    expires_year: int
    expires_month: int
    provider_customer_id: str = ""


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """Who pays, as the provider keeps it: ``reference`` is our organization's id."""

    reference: str
    name: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class ChargeOrder:
    """One attempt to take money from a saved card.

    ``is_off_session``: nobody is there to answer a bank. ``return_url`` is where 3-D Secure leads back to.
    """

    reference: str
    provider_customer_id: str
    provider_method_id: str
    amount_minor: int
    currency: str
    is_off_session: bool
    return_url: str = ""


@dataclass(frozen=True, slots=True)
class PageOrder:
    """A page of the provider where a person gives a card, and pays where there is an amount."""

    reference: str
    provider_customer_id: str
    return_url: str
    cancel_url: str
    amount_minor: int = 0
    currency: str = "USD"
    label: str = ""


@dataclass(frozen=True, slots=True)
class HostedPage:
    """Such a page, once it is made."""

    provider_page_id: str
    url: str
    provider_payment_id: str = ""


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """What became of it: the payment, or the card that was saved; empty while nobody was there."""

    is_over: bool
    provider_payment_id: str = ""
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class CardSetup:
    """An intent to save a card; ``client_secret`` is for a form of the provider's own."""

    provider_setup_id: str
    client_secret: str
    is_done: bool = False
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a bank said no: its code, its reason in words, and whether trying again is of no use."""

    code: str
    reason: str
    is_hard: bool


@dataclass(frozen=True, slots=True)
class ProviderPayment:
    """A payment as the provider has it now; ``reference`` is our payment's id, "" if it is not ours."""

    provider_payment_id: str
    reference: str
    amount_minor: int
    currency: str
    status: Status
    created_at: datetime
    action_url: str = ""
    decline: Decline | None = None
    card: Card | None = None
    provider_customer_id: str = ""


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    """A refund as the provider has it now; ``reference`` is our refund's id."""

    provider_refund_id: str
    provider_payment_id: str
    reference: str
    amount_minor: int
    currency: str
    status: RefundStatus
    created_at: datetime
    failure_reason: str = ""


@dataclass(frozen=True, slots=True)
class ProviderDispute:
    """A dispute as the provider has it now."""

    provider_dispute_id: str
    provider_payment_id: str
    amount_minor: int
    currency: str
    status: DisputeStatus
    reason: str
    created_at: datetime
    answer_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """What a webhook says, once its signature and age were checked.

    One of the three is there, or a page (by its id), or none where the type is of no concern to us.
    """

    event_id: str
    type: str
    occurred_at: datetime
    object_id: str = ""
    payment: ProviderPayment | None = None
    refund: ProviderRefund | None = None
    dispute: ProviderDispute | None = None
    page_reference: str = ""
    page: PageOutcome | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What a provider has made since an instant; oldest last."""

    payments: tuple[ProviderPayment, ...] = field(default=())
    refunds: tuple[ProviderRefund, ...] = field(default=())
    disputes: tuple[ProviderDispute, ...] = field(default=())
