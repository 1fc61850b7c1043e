"""Bank: a payment provider in the process, with its own truth: what was taken, given back and disputed.

Cards decline, answers get lost, webhooks come twice or never, refunds fail weeks later, disputes are won and
lost. What happens to an organization's money is drawn from that organization's own seed, so that a year can
be played again.
"""

from collections.abc import AsyncIterator, Container, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Literal, NoReturn, TypeVar

import msgspec

from jeton.billing.providers.errors import ProviderRefusedError, ProviderUnreachableError
from jeton.billing.providers.opening import ProviderDoor
from jeton.billing.providers.provider import Provider
from jeton.billing.providers.words import (
    Card,
    CardSetup,
    ChargeOrder,
    Decline,
    HostedPage,
    NewCustomer,
    PageOrder,
    PageOutcome,
    ProviderDispute,
    ProviderEvent,
    ProviderPayment,
    ProviderRefund,
    Status,
)

NAME = "stripe"
# In percent.
DECLINED, HARD, LOST_ANSWERS, LOST_WEBHOOKS, DOUBLED_WEBHOOKS, FAILING_REFUNDS = 8, 2, 4, 10, 20, 5
_Made = TypeVar("_Made", bound=ProviderPayment | ProviderRefund | ProviderDispute)
_SOFT = Decline("insufficient_funds", "Your card has insufficient funds.", is_hard=False)
_STOLEN = Decline("stolen_card", "Your card was declined.", is_hard=True)


@dataclass(slots=True)
class Bank:
    """Implements ``Provider``; ``at`` is its clock."""

    at: datetime
    payments: dict[str, ProviderPayment] = field(default_factory=dict)
    refunds: dict[str, ProviderRefund] = field(default_factory=dict)
    disputes: dict[str, ProviderDispute] = field(default_factory=dict)
    randoms: dict[str, Random] = field(default_factory=dict)
    webhooks: list[bytes] = field(default_factory=list)
    answers: dict[str, ProviderPayment | ProviderRefund] = field(default_factory=dict)
    is_calm: bool = False

    @property
    def name(self) -> str:
        """As it is stored."""
        return NAME

    async def create_customer(self, customer: NewCustomer, *, key: str) -> str:
        """The same organization is the same customer."""
        del key
        return f"cus_{customer.reference}"

    async def charge(self, order: ChargeOrder, *, key: str) -> ProviderPayment:
        """Take money; sometimes the bank says no, sometimes the answer is lost."""
        random = self.randoms[order.provider_customer_id]
        known = self.answers.get(key)
        if isinstance(known, ProviderPayment):
            return self.payments[known.provider_payment_id]
        fate = random.randrange(100)
        is_declined = fate < DECLINED and not self.is_calm
        status: Status = "requires_card" if is_declined else "succeeded"
        payment = ProviderPayment(
            provider_payment_id=f"pi_{len(self.payments) + 1}",
            reference=order.reference,
            amount_minor=order.amount_minor,
            currency=order.currency,
            status=status,
            created_at=self.at,
            decline=(_STOLEN if fate < HARD else _SOFT) if is_declined else None,
            provider_customer_id=order.provider_customer_id,
        )
        self.payments[payment.provider_payment_id] = payment
        self.answers[key] = payment
        self._tell(random, f"payment_intent.{status}", payment.provider_payment_id, payment=payment)
        if random.randrange(100) < LOST_ANSWERS and not self.is_calm:
            raise ProviderUnreachableError(NAME, "the answer was lost.")
        return payment

    async def refund(
        self, provider_payment_id: str, amount_minor: int, *, reference: str, key: str
    ) -> ProviderRefund:
        """Give money back; some of it comes back weeks later."""
        known = self.answers.get(key)
        if isinstance(known, ProviderRefund):
            return self.refunds[known.provider_refund_id]
        payment = self.payments[provider_payment_id]
        if amount_minor > payment.amount_minor - self.given_back(provider_payment_id):
            raise ProviderRefusedError(NAME, "more than was paid")
        refund = ProviderRefund(
            provider_refund_id=f"re_{len(self.refunds) + 1}",
            provider_payment_id=provider_payment_id,
            reference=reference,
            amount_minor=amount_minor,
            currency=payment.currency,
            status="succeeded",
            created_at=self.at,
        )
        self.refunds[refund.provider_refund_id] = refund
        self.answers[key] = refund
        random = self.randoms[payment.provider_customer_id]
        self._tell(random, "refund.created", refund.provider_refund_id, refund=refund)
        if random.randrange(100) < FAILING_REFUNDS and not self.is_calm:
            failed = replace(refund, status="failed", failure_reason="The card was closed.")
            self.refunds[refund.provider_refund_id] = failed
            self._tell(random, "refund.failed", refund.provider_refund_id, refund=failed)
        return refund

    def give_back(self, provider_payment_id: str, amount_minor: int) -> bool:
        """Somebody clicks in our own pages: so much of a payment, or what is left; whether anything was."""
        payment = self.payments[provider_payment_id]
        left_minor = payment.amount_minor - self.given_back(provider_payment_id)
        is_disputed = any(one.provider_payment_id == provider_payment_id for one in self.disputes.values())
        if left_minor <= 0 or is_disputed:
            return False
        refund = ProviderRefund(
            provider_refund_id=f"re_{len(self.refunds) + 1}",
            provider_payment_id=provider_payment_id,
            reference="",
            amount_minor=min(amount_minor, left_minor),
            currency=payment.currency,
            status="succeeded",
            created_at=self.at,
        )
        self.refunds[refund.provider_refund_id] = refund
        random = self.randoms[payment.provider_customer_id]
        self._tell(random, "refund.created", refund.provider_refund_id, refund=refund)
        return True

    def dispute(self, provider_payment_id: str) -> None:
        """Somebody wants all that is left of a payment back."""
        payment = self.payments[provider_payment_id]
        open_minor = payment.amount_minor - self.given_back(provider_payment_id)
        if open_minor <= 0:
            return
        dispute = ProviderDispute(
            provider_dispute_id=f"dp_{len(self.disputes) + 1}",
            provider_payment_id=provider_payment_id,
            amount_minor=open_minor,
            currency=payment.currency,
            status="open",
            reason="fraudulent",
            created_at=self.at,
        )
        self._say(dispute)

    def decide(self, provider_dispute_id: str, status: Literal["won", "lost"]) -> None:
        """The bank has decided."""
        self._say(replace(self.disputes[provider_dispute_id], status=status))

    def given_back(self, provider_payment_id: str) -> int:
        """What was refunded, or is disputed or lost, of a payment; minor units."""
        refunds = (
            one.amount_minor
            for one in self.refunds.values()
            if one.provider_payment_id == provider_payment_id and one.status != "failed"
        )
        disputes = (
            one.amount_minor
            for one in self.disputes.values()
            if one.provider_payment_id == provider_payment_id and one.status != "won"
        )
        return sum(refunds) + sum(disputes)

    def open_disputes(self, customer: str) -> list[str]:
        """Disputes of a customer that are not decided."""
        return [
            one.provider_dispute_id
            for one in self.disputes.values()
            if one.status == "open"
            and self.payments[one.provider_payment_id].provider_customer_id == customer
        ]

    def sum_received(self, without: Container[str]) -> dict[str, int]:
        """What it has taken of each customer and not given back, of other payments than these; cents."""
        sums: dict[str, int] = {}
        for one in self.payments.values():
            if one.status == "succeeded" and one.provider_payment_id not in without:
                left_minor = one.amount_minor - self.given_back(one.provider_payment_id)
                sums[one.provider_customer_id] = sums.get(one.provider_customer_id, 0) + left_minor
        return sums

    def collect_webhooks(self) -> list[bytes]:
        """Those that arrive now."""
        due, self.webhooks = self.webhooks, []
        return due

    async def fetch_payment(self, provider_payment_id: str) -> ProviderPayment:
        """As it is now."""
        return self.payments[provider_payment_id]

    async def cancel_payment(self, provider_payment_id: str) -> ProviderPayment:
        """It can succeed no more, unless it has."""
        payment = self.payments[provider_payment_id]
        if payment.status != "succeeded":
            payment = self.payments[provider_payment_id] = replace(payment, status="canceled")
        return payment

    async def list_payments(self, since: datetime) -> AsyncIterator[ProviderPayment]:
        """Newest first."""
        for one in _newest(self.payments.values(), since):
            yield one

    async def list_refunds(self, since: datetime) -> AsyncIterator[ProviderRefund]:
        """Newest first."""
        for one in _newest(self.refunds.values(), since):
            yield one

    async def list_disputes(self, since: datetime) -> AsyncIterator[ProviderDispute]:
        """Newest first."""
        for one in _newest(self.disputes.values(), since):
            yield one

    def parse_webhook(self, body: bytes, signature: str, at: datetime) -> ProviderEvent:
        """Signatures are another test's."""
        del signature, at
        return msgspec.json.decode(body, type=ProviderEvent)

    async def start_setup(self, provider_customer_id: str, *, key: str) -> CardSetup:
        """Cards are there already."""
        _not_played(provider_customer_id, key)

    async def fetch_setup(self, provider_setup_id: str) -> CardSetup:
        """As above."""
        _not_played(provider_setup_id)

    async def start_page(self, order: PageOrder, *, key: str) -> HostedPage:
        """Nobody sits before a page."""
        _not_played(order, key)

    async def fetch_page(self, provider_page_id: str) -> PageOutcome:
        """As above."""
        _not_played(provider_page_id)

    async def end_page(self, provider_page_id: str) -> PageOutcome:
        """As above."""
        _not_played(provider_page_id)

    async def detach_card(self, provider_method_id: str) -> None:
        """Cards stay."""
        _not_played(provider_method_id)

    async def list_cards(self, provider_customer_id: str) -> tuple[Card, ...]:
        """As above."""
        _not_played(provider_customer_id)

    def _say(self, dispute: ProviderDispute) -> None:
        self.disputes[dispute.provider_dispute_id] = dispute
        random = self.randoms[self.payments[dispute.provider_payment_id].provider_customer_id]
        self._tell(random, "charge.dispute", dispute.provider_dispute_id, dispute=dispute)

    def _tell(
        self,
        random: Random,
        kind: str,
        object_id: str,
        *,
        payment: ProviderPayment | None = None,
        refund: ProviderRefund | None = None,
        dispute: ProviderDispute | None = None,
    ) -> None:
        """A webhook, or two of the same, or none."""
        event = ProviderEvent(
            f"evt_{kind}_{object_id}_{random.randrange(10**12)}",
            kind,
            self.at,
            object_id=object_id,
            payment=payment,
            refund=refund,
            dispute=dispute,
        )
        if random.randrange(100) < LOST_WEBHOOKS:
            return
        copies = 2 if random.randrange(100) < DOUBLED_WEBHOOKS else 1
        self.webhooks += [msgspec.json.encode(event)] * copies


class BankDoor(ProviderDoor):
    """Opens to a bank."""

    def __init__(self, bank: Bank) -> None:
        """``bank`` is the provider."""
        super().__init__(None)
        self._bank = bank

    @property
    def is_there(self) -> bool:
        """Cards are taken."""
        return True

    async def open(self) -> Provider:
        """The bank."""
        return self._bank


def _newest(those: Iterable[_Made], since: datetime) -> Iterator[_Made]:
    return (one for one in reversed([*those]) if one.created_at >= since)


def _not_played(*what: object) -> NoReturn:
    raise NotImplementedError(what)
