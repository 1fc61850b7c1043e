"""Client: Stripe as a provider; importing it imports the official package, which takes a while."""

from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import msgspec
import stripe

from jeton import clock
from jeton.billing.providers.errors import ProviderRefusedError, ProviderUnreachableError
from jeton.billing.providers.stripe.amounts import to_stripe
from jeton.billing.providers.stripe.reading import (
    REFERENCE,
    Dispute,
    ErrorBody,
    Intent,
    Method,
    Page,
    Refund,
    Setup,
    read_card,
    read_decline,
    read_dispute,
    read_page,
    read_page_outcome,
    read_payment,
    read_refund,
    read_setup,
)
from jeton.billing.providers.stripe.signature import parse_event
from jeton.billing.providers.stripe.transport import RETRIES_MAX, Transport
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

PROVIDER = "stripe"
PAGE_MAX = 100
CARDS_MAX = 100
LISTED_MAX = 100_000
_DECLINED = 402
_CONFLICT = 409
_TOO_MANY = 429
_SERVER_ERRORS = 500


class StripeProvider:
    """Stripe, or a server that speaks as it does, at ``base_url``."""

    def __init__(self, secret_key: str, webhook_secret: str, *, base_url: str, timeout_s: int) -> None:
        """No call is made yet."""
        addresses: Any = {"api": base_url} if base_url else None
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses=addresses,
            max_network_retries=RETRIES_MAX,
            http_client=Transport(timeout_s),
        ).v1
        self._webhook_secret = webhook_secret

    @property
    def name(self) -> str:
        """Its stable name."""
        return PROVIDER

    async def create_customer(self, customer: NewCustomer, *, key: str) -> str:
        """Make it known who pays; return Stripe's id for them."""
        fields = {"name": customer.name, "metadata": {REFERENCE: customer.reference}}
        if customer.email:
            fields["email"] = customer.email
        made = await _ask(self._client.customers.create_async(cast("Any", fields), {"idempotency_key": key}))
        return str(made["id"])

    async def start_setup(self, provider_customer_id: str, *, key: str) -> CardSetup:
        """A SetupIntent for cards that are charged while nobody is there."""
        fields = {
            "customer": provider_customer_id,
            "payment_method_types": ["card"],
            "usage": "off_session",
        }
        made = await _ask(
            self._client.setup_intents.create_async(cast("Any", fields), {"idempotency_key": key})
        )
        return read_setup(msgspec.convert(made, Setup))

    async def fetch_setup(self, provider_setup_id: str) -> CardSetup:
        """A SetupIntent with the card that it saved."""
        found = await _ask(
            self._client.setup_intents.retrieve_async(provider_setup_id, {"expand": ["payment_method"]})
        )
        return read_setup(msgspec.convert(found, Setup))

    async def start_page(self, order: PageOrder, *, key: str) -> HostedPage:
        """A Checkout Session: it saves the card, and takes the amount where there is one."""
        metadata = {REFERENCE: order.reference}
        fields: dict[str, Any] = {
            "customer": order.provider_customer_id,
            "payment_method_types": ["card"],
            "success_url": order.return_url,
            "cancel_url": order.cancel_url,
            "metadata": metadata,
        }
        if order.amount_minor:
            item = {
                "quantity": 1,
                "price_data": {
                    "currency": order.currency.lower(),
                    "unit_amount": to_stripe(order.amount_minor, order.currency),
                    "product_data": {"name": order.label},
                },
            }
            kept = {"metadata": metadata, "setup_future_usage": "off_session"}
            fields |= {"mode": "payment", "line_items": [item], "payment_intent_data": kept}
        else:
            fields |= {"mode": "setup", "currency": order.currency.lower()}
        made = await _ask(
            self._client.checkout.sessions.create_async(cast("Any", fields), {"idempotency_key": key})
        )
        return read_page(msgspec.convert(made, Page))

    async def fetch_page(self, provider_page_id: str) -> PageOutcome:
        """A Checkout Session with the card that it saved."""
        expanded = ["payment_intent.payment_method", "setup_intent.payment_method"]
        found = await _ask(
            self._client.checkout.sessions.retrieve_async(provider_page_id, {"expand": expanded})
        )
        return read_page_outcome(msgspec.convert(found, Page))

    async def end_page(self, provider_page_id: str) -> PageOutcome:
        """Expire a Checkout Session; what was over stays as it was."""
        try:
            ended = await _ask(self._client.checkout.sessions.expire_async(provider_page_id))
        except ProviderRefusedError:
            return await self.fetch_page(provider_page_id)
        return read_page_outcome(msgspec.convert(ended, Page))

    async def detach_card(self, provider_method_id: str) -> None:
        """Forget a saved card; a refusal means that it was forgotten before."""
        try:
            await _ask(self._client.payment_methods.detach_async(provider_method_id))
        except ProviderRefusedError:
            return

    async def list_cards(self, provider_customer_id: str) -> tuple[Card, ...]:
        """The cards that are saved."""
        asked: Any = {"customer": provider_customer_id, "type": "card", "limit": CARDS_MAX}
        found = await _ask(self._client.payment_methods.list_async(asked))
        cards = (read_card(msgspec.convert(one, Method)) for one in found["data"])
        return tuple(card for card in cards if card is not None)

    async def charge(self, order: ChargeOrder, *, key: str) -> ProviderPayment:
        """Create and confirm a PaymentIntent; a decline is an answer."""
        fields: dict[str, Any] = {
            "amount": to_stripe(order.amount_minor, order.currency),
            "currency": order.currency.lower(),
            "customer": order.provider_customer_id,
            "payment_method": order.provider_method_id,
            "payment_method_types": ["card"],
            "confirm": True,
            "off_session": order.is_off_session,
            "metadata": {REFERENCE: order.reference},
        }
        if order.return_url and not order.is_off_session:
            fields["return_url"] = order.return_url
        try:
            made = await self._client.payment_intents.create_async(
                cast("Any", fields), {"idempotency_key": key}
            )
        except stripe.StripeError as error:
            if error.http_status != _DECLINED:
                raise _translate(error) from error
            return _read_declined(error, order)
        return read_payment(msgspec.convert(made.to_dict(), Intent))

    async def fetch_payment(self, provider_payment_id: str) -> ProviderPayment:
        """A PaymentIntent with its card."""
        found = await _ask(
            self._client.payment_intents.retrieve_async(provider_payment_id, {"expand": ["payment_method"]})
        )
        return read_payment(msgspec.convert(found, Intent))

    async def cancel_payment(self, provider_payment_id: str) -> ProviderPayment:
        """Cancel a PaymentIntent; what is over stays as it is."""
        try:
            ended = await _ask(self._client.payment_intents.cancel_async(provider_payment_id))
        except ProviderRefusedError:
            return await self.fetch_payment(provider_payment_id)
        return read_payment(msgspec.convert(ended, Intent))

    async def refund(
        self, provider_payment_id: str, amount_minor: int, *, reference: str, key: str
    ) -> ProviderRefund:
        """Give money back."""
        fields = {
            "payment_intent": provider_payment_id,
            # Credit is bought in USD, whose units are the same at Stripe.
            "amount": amount_minor,
            "metadata": {REFERENCE: reference},
        }
        made = await _ask(self._client.refunds.create_async(cast("Any", fields), {"idempotency_key": key}))
        return read_refund(msgspec.convert(made, Refund))

    async def list_payments(self, since: datetime) -> AsyncIterator[ProviderPayment]:
        """Every PaymentIntent that was made since, newest first."""
        async for found in _pages(self._client.payment_intents.list_async, since):
            yield read_payment(msgspec.convert(found, Intent))

    async def list_refunds(self, since: datetime) -> AsyncIterator[ProviderRefund]:
        """Every Refund that was made since, newest first."""
        async for found in _pages(self._client.refunds.list_async, since):
            yield read_refund(msgspec.convert(found, Refund))

    async def list_disputes(self, since: datetime) -> AsyncIterator[ProviderDispute]:
        """Every Dispute that was opened since, newest first; no mere warnings."""
        async for found in _pages(self._client.disputes.list_async, since):
            dispute = read_dispute(msgspec.convert(found, Dispute))
            if dispute is not None:
                yield dispute

    def parse_webhook(self, body: bytes, signature: str, at: datetime) -> ProviderEvent:
        """What a webhook says; SignatureError."""
        return parse_event(body, signature, secret=self._webhook_secret, at=at)


async def _ask(call: Awaitable[Any]) -> dict[str, Any]:
    """The answer as plain values; ProviderUnreachableError, ProviderRefusedError."""
    try:
        answer = await call
    except stripe.StripeError as error:
        raise _translate(error) from error
    return cast("dict[str, Any]", answer.to_dict())


async def _pages(listing: Any, since: datetime) -> AsyncIterator[dict[str, Any]]:  # noqa: ANN401 - a method of a generated service
    """Every entry since an instant, page by page, LISTED_MAX at most."""
    asked: dict[str, Any] = {"limit": PAGE_MAX, "created": {"gte": int(since.timestamp())}}
    for _ in range(LISTED_MAX // PAGE_MAX):
        found = await _ask(listing(cast("Any", asked)))
        for one in found["data"]:
            yield one
        if not found.get("has_more") or not found["data"]:
            return
        asked["starting_after"] = found["data"][-1]["id"]


def _translate(error: stripe.StripeError) -> ProviderRefusedError | ProviderUnreachableError:
    status = error.http_status or 0
    problem = error.user_message or type(error).__name__
    if not status or status in {_CONFLICT, _TOO_MANY} or status >= _SERVER_ERRORS:
        return ProviderUnreachableError(PROVIDER, problem)
    return ProviderRefusedError(PROVIDER, problem)


def _read_declined(error: stripe.StripeError, order: ChargeOrder) -> ProviderPayment:
    """The payment that a bank declined; one without an id where the answer does not name it."""
    said: Any = error.json_body
    body = msgspec.convert((said or {}).get("error", {}), ErrorBody)
    decline = read_decline(body)
    if body.payment_intent is not None:
        return replace(
            read_payment(body.payment_intent), status="requires_card", action_url="", decline=decline
        )
    return ProviderPayment(
        provider_payment_id="",
        reference=order.reference,
        amount_minor=order.amount_minor,
        currency=order.currency,
        status="requires_card",
        created_at=clock.now(),
        decline=decline,
    )
