"""Provider: what every payment provider can do for us.

Each call that changes something takes an idempotency key: the same key again does nothing twice and
answers as the first time. None of them may be made inside a database transaction. They raise
ProviderUnreachableError when nobody knows what was done, and ProviderRefusedError when nothing was.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from jeton.billing.providers.words import (
    Card,
    CardSetup,
    ChargeOrder,
    HostedPage,
    NewCustomer,
    PageOrder,
    PageOutcome,
    ProviderDispute,
    ProviderEvent,
    ProviderPayment,
    ProviderRefund,
)


class Provider(Protocol):
    """A payment provider; ``name`` is stored with everything it says."""

    @property
    def name(self) -> str:
        """Its stable name."""
        ...

    async def create_customer(self, customer: NewCustomer, *, key: str) -> str:
        """Make it known who pays; return the provider's id for them."""
        ...

    async def start_setup(self, provider_customer_id: str, *, key: str) -> CardSetup:
        """An intent to save a card, for a form of the provider's own."""
        ...

    async def fetch_setup(self, provider_setup_id: str) -> CardSetup:
        """What became of such an intent."""
        ...

    async def start_page(self, order: PageOrder, *, key: str) -> HostedPage:
        """A page of the provider's that saves a card and, where there is an amount, takes it."""
        ...

    async def fetch_page(self, provider_page_id: str) -> PageOutcome:
        """What became of such a page."""
        ...

    async def end_page(self, provider_page_id: str) -> PageOutcome:
        """Close such a page so that nobody pays there any more; what became of it before."""
        ...

    async def detach_card(self, provider_method_id: str) -> None:
        """Forget a saved card; nothing happens if it is forgotten already."""
        ...

    async def list_cards(self, provider_customer_id: str) -> tuple[Card, ...]:
        """The cards that are saved."""
        ...

    async def charge(self, order: ChargeOrder, *, key: str) -> ProviderPayment:
        """Take money from a saved card; a decline is an answer (``requires_card``), no error."""
        ...

    async def fetch_payment(self, provider_payment_id: str) -> ProviderPayment:
        """A payment as it is now."""
        ...

    async def cancel_payment(self, provider_payment_id: str) -> ProviderPayment:
        """See to it that a payment can no longer succeed; as it is then, which may be succeeded."""
        ...

    async def refund(
        self, provider_payment_id: str, amount_minor: int, *, reference: str, key: str
    ) -> ProviderRefund:
        """Give money back."""
        ...

    def list_payments(self, since: datetime) -> AsyncIterator[ProviderPayment]:
        """Every payment that was made since, newest first."""
        ...

    def list_refunds(self, since: datetime) -> AsyncIterator[ProviderRefund]:
        """Every refund that was made since, newest first."""
        ...

    def list_disputes(self, since: datetime) -> AsyncIterator[ProviderDispute]:
        """Every dispute that was opened since, newest first."""
        ...

    def parse_webhook(self, body: bytes, signature: str, at: datetime) -> ProviderEvent:
        """What a webhook says, once it is known to be the provider's and of now; SignatureError."""
        ...
