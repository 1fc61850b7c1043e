"""Truth: what happened at a payment provider, whatever we have heard of it.

It keeps keys for a day, as Stripe does, and answers a repeated one as it did the first time. On the way to
it and back everything may go wrong that does on a network: a request is lost, its answer is, it arrives
minutes later; a webhook comes twice, late, out of order or never; and the process that asks may die.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Literal, NoReturn

import msgspec

from jeton.billing.providers.errors import ProviderUnreachableError
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
KEYS_KEPT = timedelta(hours=24)
LATE_MAX = timedelta(minutes=10)
WEBHOOK_LATE_MAX = timedelta(days=3)
PROCESSING_MAX = timedelta(hours=6)

Mood = Literal["approves", "soft", "hard", "asks", "processes"]
DECLINES = {
    "soft": Decline("insufficient_funds", "Your card has insufficient funds.", is_hard=False),
    "hard": Decline("stolen_card", "Your card was declined.", is_hard=True),
    "asks": Decline("authentication_required", "The bank wants its customer.", is_hard=False),
}


class Crash(BaseException):
    """The process ends here: nothing of ours may handle it."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How often what goes wrong, in percent; the rest arrives and is answered."""

    lost: int = 0
    unanswered: int = 0
    late: int = 0
    crash: int = 0
    webhook_lost: int = 0
    webhook_twice: int = 0


NONE = Faults()
HEAVY = Faults(lost=10, unanswered=15, late=10, crash=5, webhook_lost=25, webhook_twice=25)


@dataclass(slots=True)
class Taken:
    """A payment as it is at the provider, and when it was made."""

    payment: ProviderPayment
    key: str
    customer: str
    resolves_at: datetime | None = None


@dataclass(slots=True)
class Truth:
    """One provider and its clock; implements ``Provider``."""

    at: datetime
    random: Random
    faults: Faults = HEAVY
    taken: dict[str, Taken] = field(default_factory=dict)
    # What each customer's bank says at present; and customers by our id of the organization.
    moods: dict[str, Mood] = field(default_factory=dict)
    customers: dict[str, str] = field(default_factory=dict)
    answers: dict[str, tuple[datetime, ProviderPayment]] = field(default_factory=dict)
    flying: list[tuple[datetime, ChargeOrder, str]] = field(default_factory=list)
    webhooks: list[tuple[datetime, bytes]] = field(default_factory=list)
    refunds: tuple[ProviderRefund, ...] = ()
    disputes: tuple[ProviderDispute, ...] = ()
    events: int = 0
    calls: int = 0
    keys_repeated: int = 0

    @property
    def name(self) -> str:
        """As it is stored."""
        return NAME

    async def create_customer(self, customer: NewCustomer, *, key: str) -> str:
        """The same organization is the same customer."""
        self.calls += 1
        self._may_fail(key, is_sent=False)
        return self.customers.setdefault(customer.reference, f"cus_{customer.reference}")

    async def charge(self, order: ChargeOrder, *, key: str) -> ProviderPayment:
        """Take money, unless something happens on the way."""
        self.calls += 1
        fate = self.random.randrange(100)
        faults = self.faults
        if fate < faults.lost:
            raise ProviderUnreachableError(NAME, "the request was lost.")
        fate -= faults.lost
        if fate < faults.late:
            self.flying.append((self.at + LATE_MAX * self.random.random(), order, key))
            raise ProviderUnreachableError(NAME, "the request is late.")
        fate -= faults.late
        answer = self._take(order, key)
        if fate < faults.unanswered:
            raise ProviderUnreachableError(NAME, "the answer was lost.")
        if fate < faults.unanswered + faults.crash:
            raise Crash
        return answer

    async def fetch_payment(self, provider_payment_id: str) -> ProviderPayment:
        """As it is now."""
        self.calls += 1
        self._may_fail(provider_payment_id, is_sent=False)
        return self.taken[provider_payment_id].payment

    async def cancel_payment(self, provider_payment_id: str) -> ProviderPayment:
        """It can succeed no more, unless it has, or a bank is at it."""
        self.calls += 1
        self._may_fail(provider_payment_id, is_sent=False)
        taken = self.taken[provider_payment_id]
        if taken.payment.status in {"requires_card", "requires_action"}:
            self._change(taken, "canceled")
        self._may_fail(provider_payment_id, is_sent=True)
        return taken.payment

    async def list_payments(self, since: datetime) -> AsyncIterator[ProviderPayment]:
        """Newest first."""
        self.calls += 1
        for taken in reversed(self.taken.values()):
            if taken.payment.created_at >= since:
                yield taken.payment

    async def list_refunds(self, since: datetime) -> AsyncIterator[ProviderRefund]:
        """None is made here."""
        for refund in self.refunds:
            if refund.created_at >= since:
                yield refund

    async def list_disputes(self, since: datetime) -> AsyncIterator[ProviderDispute]:
        """None is opened here."""
        for dispute in self.disputes:
            if dispute.created_at >= since:
                yield dispute

    def parse_webhook(self, body: bytes, signature: str, at: datetime) -> ProviderEvent:
        """Signatures are another test's."""
        del signature, at
        return msgspec.json.decode(body, type=ProviderEvent)

    def pass_time(self, at: datetime) -> None:
        """What was on its way arrives; what a bank had to think about is decided."""
        arriving = sorted((flight for flight in self.flying if flight[0] <= at), key=lambda one: one[0])
        self.flying = [flight for flight in self.flying if flight[0] > at]
        for when, order, key in arriving:
            self.at = when
            self._take(order, key)
        self.at = at
        for taken in self.taken.values():
            if taken.resolves_at is not None and taken.resolves_at <= at:
                taken.resolves_at = None
                is_good = self.random.random() < 0.7
                self._change(
                    taken,
                    "succeeded" if is_good else "requires_card",
                    None if is_good else DECLINES["soft"],
                )

    def collect_webhooks(self, at: datetime) -> list[bytes]:
        """Those that arrive until ``at``, in no order."""
        due = [body for when, body in self.webhooks if when <= at]
        self.webhooks = [(when, body) for when, body in self.webhooks if when > at]
        self.random.shuffle(due)
        return due

    def _take(self, order: ChargeOrder, key: str) -> ProviderPayment:
        known = self.answers.get(key)
        if known is not None and self.at - known[0] < KEYS_KEPT:
            self.keys_repeated += 1
            # As it was answered the first time, even if much has happened since.
            return known[1]
        mood = self.moods.get(order.provider_method_id, "approves")
        status: Status = "requires_card"
        if mood == "approves":
            status = "succeeded"
        elif mood == "processes":
            status = "processing"
        payment = ProviderPayment(
            provider_payment_id=f"pi_{len(self.taken) + 1}",
            reference=order.reference,
            amount_minor=order.amount_minor,
            currency=order.currency,
            status=status,
            created_at=self.at,
            decline=DECLINES.get(mood),
            provider_customer_id=order.provider_customer_id,
        )
        taken = Taken(payment, key, order.provider_customer_id)
        if status == "processing":
            taken.resolves_at = self.at + PROCESSING_MAX * self.random.random()
        self.taken[payment.provider_payment_id] = taken
        self.answers[key] = (self.at, payment)
        self._tell(payment)
        return payment

    def _change(self, taken: Taken, status: Status, decline: Decline | None = None) -> None:
        taken.payment = replace(taken.payment, status=status, decline=decline)
        self._tell(taken.payment)

    def _tell(self, payment: ProviderPayment) -> None:
        """Send webhooks of this state: none, one, or several of the same."""
        self.events += 1
        event = ProviderEvent(
            f"evt_{self.events}",
            f"payment_intent.{payment.status}",
            self.at,
            object_id=payment.provider_payment_id,
            payment=payment,
        )
        if self.random.randrange(100) < self.faults.webhook_lost:
            return
        copies = 1 + (self.random.randrange(100) < self.faults.webhook_twice) * self.random.randint(1, 3)
        for _ in range(copies):
            # Most come at once, some much later.
            late = WEBHOOK_LATE_MAX * self.random.random() ** 6 if self.faults.webhook_twice else timedelta()
            self.webhooks.append((self.at + late, msgspec.json.encode(event)))

    def _may_fail(self, what: str, *, is_sent: bool) -> None:
        faults = self.faults
        if self.random.randrange(100) < (faults.unanswered if is_sent else faults.lost):
            raise ProviderUnreachableError(NAME, f"nothing came back of {what}.")

    async def start_setup(self, provider_customer_id: str, *, key: str) -> CardSetup:
        """Cards are saved by the schedule itself."""
        _not_played(provider_customer_id, key)

    async def fetch_setup(self, provider_setup_id: str) -> CardSetup:
        """As above."""
        _not_played(provider_setup_id)

    async def start_page(self, order: PageOrder, *, key: str) -> HostedPage:
        """Nobody sits before a page here."""
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

    async def refund(
        self, provider_payment_id: str, amount_minor: int, *, reference: str, key: str
    ) -> ProviderRefund:
        """Nothing is given back here."""
        _not_played(provider_payment_id, amount_minor, reference, key)


def _not_played(*what: object) -> NoReturn:
    raise AssertionError(f"No schedule does this: {what}")
