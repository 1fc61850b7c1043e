"""Reading: what Stripe's API says, as the words of any provider; pure.

Fields that are not named here are of no concern. Statuses: https://docs.stripe.com/payments/paymentintents/lifecycle.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from jeton.billing.providers.stripe.amounts import from_stripe
from jeton.billing.providers.words import (
    Card,
    CardSetup,
    Decline,
    DisputeStatus,
    HostedPage,
    PageOutcome,
    ProviderDispute,
    ProviderPayment,
    ProviderRefund,
    RefundStatus,
    Status,
)

REFERENCE = "jeton_id"
REASON_CHARS_MAX = 300

# Trying again cannot help: docs.stripe.com/declines/codes, and "hard declines" of smart retries.
# authentication_required is not among them here, since a person can answer the bank.
HARD_DECLINES = frozenset(
    {
        "card_not_supported",
        "highest_risk_level",
        "incorrect_number",
        "invalid_account",
        "lost_card",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stolen_card",
        "stop_payment_order",
        "transaction_not_allowed",
    }
)
_ADVICE_NEVER = "do_not_try_again"

_STATUSES: dict[str, Status] = {
    "requires_payment_method": "requires_card",
    "requires_confirmation": "processing",
    "requires_action": "requires_action",
    "processing": "processing",
    "requires_capture": "processing",
    "canceled": "canceled",
    "succeeded": "succeeded",
}
_REFUND_STATUSES: dict[str, RefundStatus] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",
}
# An early warning takes no money: https://docs.stripe.com/disputes/how-disputes-work.
_DISPUTE_STATUSES: dict[str, DisputeStatus] = {"won": "won", "lost": "lost"}
NO_DISPUTE = frozenset({"warning_needs_response", "warning_under_review", "warning_closed", "prevented"})


class CardFields(msgspec.Struct):
    """The card of a payment method; its number is nowhere."""

    brand: str = ""
    last4: str = ""
    exp_year: int = 0
    exp_month: int = 0


class Method(msgspec.Struct):
    """A payment method."""

    id: str
    card: CardFields | None = None
    customer: str | None = None


class Redirect(msgspec.Struct):
    """Where a person goes on."""

    url: str | None = None


class NextAction(msgspec.Struct):
    """What is needed of a person."""

    redirect_to_url: Redirect | None = None


class PaymentError(msgspec.Struct):
    """Why an attempt failed."""

    code: str | None = None
    decline_code: str | None = None
    message: str | None = None
    advice_code: str | None = None


class Intent(msgspec.Struct):
    """A PaymentIntent."""

    id: str
    amount: int
    currency: str
    status: str
    created: int
    customer: str | None = None
    metadata: dict[str, str] = {}
    next_action: NextAction | None = None
    last_payment_error: PaymentError | None = None
    payment_method: Method | str | None = None


class Setup(msgspec.Struct):
    """A SetupIntent."""

    id: str
    status: str
    client_secret: str | None = None
    payment_method: Method | str | None = None


class Page(msgspec.Struct):
    """A Checkout Session."""

    id: str
    status: str | None = None
    url: str | None = None
    payment_intent: Intent | str | None = None
    setup_intent: Setup | str | None = None
    metadata: dict[str, str] = {}


class Refund(msgspec.Struct):
    """A Refund."""

    id: str
    amount: int
    currency: str
    created: int
    payment_intent: str | None = None
    status: str | None = None
    failure_reason: str | None = None
    metadata: dict[str, str] | None = None


class Evidence(msgspec.Struct):
    """Until when a dispute may be answered."""

    due_by: int | None = None


class Dispute(msgspec.Struct):
    """A Dispute."""

    id: str
    amount: int
    currency: str
    status: str
    created: int
    payment_intent: str | None = None
    reason: str = ""
    evidence_details: Evidence | None = None


class ErrorBody(msgspec.Struct):
    """What an answer of 402 says."""

    code: str | None = None
    decline_code: str | None = None
    message: str | None = None
    advice_code: str | None = None
    payment_intent: Intent | None = None


def read_payment(intent: Intent) -> ProviderPayment:
    """A PaymentIntent as any provider's payment."""
    action = intent.next_action
    redirect = action.redirect_to_url if action is not None else None
    status = _STATUSES.get(intent.status, "processing")
    error = intent.last_payment_error if status in {"requires_card", "canceled"} else None
    method = intent.payment_method
    return ProviderPayment(
        provider_payment_id=intent.id,
        reference=intent.metadata.get(REFERENCE, ""),
        amount_minor=from_stripe(intent.amount, intent.currency.upper()),
        currency=intent.currency.upper(),
        status=status,
        created_at=read_instant(intent.created),
        action_url=(redirect.url or "") if redirect is not None and status == "requires_action" else "",
        decline=None if error is None else read_decline(error),
        card=read_card(method) if isinstance(method, Method) else None,
        provider_customer_id=intent.customer or "",
    )


def read_decline(error: PaymentError | ErrorBody) -> Decline:
    """Why a bank said no; the decline code says more than the error's code, where there is one."""
    named = error.decline_code or error.code or "card_declined"
    is_hard = named in HARD_DECLINES or error.advice_code == _ADVICE_NEVER
    reason = (error.message or "The bank gave no reason.")[:REASON_CHARS_MAX]
    return Decline(named[:100], reason, is_hard)


def read_card(method: Method) -> Card | None:
    """A payment method as a card; None where it is none."""
    card = method.card
    if card is None:
        return None
    return Card(
        method.id, card.brand or "card", card.last4, card.exp_year, card.exp_month, method.customer or ""
    )


def read_setup(setup: Setup) -> CardSetup:
    """A SetupIntent as any provider's."""
    method = setup.payment_method
    return CardSetup(
        setup.id,
        setup.client_secret or "",
        is_done=setup.status == "succeeded",
        card=read_card(method) if isinstance(method, Method) else None,
    )


def read_page(page: Page) -> HostedPage:
    """A Checkout Session that was just made."""
    return HostedPage(page.id, page.url or "", _id_of(page.payment_intent))


def read_page_outcome(page: Page) -> PageOutcome:
    """A Checkout Session as it is now."""
    card = None
    for intent in (page.setup_intent, page.payment_intent):
        if isinstance(intent, Setup | Intent) and isinstance(intent.payment_method, Method):
            card = read_card(intent.payment_method)
    return PageOutcome(page.status in {"complete", "expired"}, _id_of(page.payment_intent), card)


def read_refund(refund: Refund) -> ProviderRefund:
    """A Refund as any provider's."""
    return ProviderRefund(
        provider_refund_id=refund.id,
        provider_payment_id=refund.payment_intent or "",
        reference=(refund.metadata or {}).get(REFERENCE, ""),
        amount_minor=from_stripe(refund.amount, refund.currency.upper()),
        currency=refund.currency.upper(),
        status=_REFUND_STATUSES.get(refund.status or "", "pending"),
        created_at=read_instant(refund.created),
        failure_reason=(refund.failure_reason or "")[:REASON_CHARS_MAX],
    )


def read_dispute(dispute: Dispute) -> ProviderDispute | None:
    """A Dispute as any provider's; None for a mere warning, which takes no money."""
    if dispute.status in NO_DISPUTE:
        return None
    due_by = dispute.evidence_details.due_by if dispute.evidence_details is not None else None
    return ProviderDispute(
        provider_dispute_id=dispute.id,
        provider_payment_id=dispute.payment_intent or "",
        amount_minor=from_stripe(dispute.amount, dispute.currency.upper()),
        currency=dispute.currency.upper(),
        status=_DISPUTE_STATUSES.get(dispute.status, "open"),
        reason=dispute.reason[:REASON_CHARS_MAX],
        created_at=read_instant(dispute.created),
        answer_by=None if due_by is None else read_instant(due_by),
    )


def read_instant(seconds: int) -> datetime:
    """Seconds since 1970 as an instant."""
    return datetime.fromtimestamp(seconds, UTC)


def _id_of(thing: Any) -> str:  # noqa: ANN401 - a Struct with an id, an id, or None
    return thing if isinstance(thing, str) else getattr(thing, "id", "")
