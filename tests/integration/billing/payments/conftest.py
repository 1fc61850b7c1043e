"""A shop: an organization without credit, a till, and a payment provider that is a process of its own."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from tests.stripe_server.running import SECRET_KEY, WEBHOOK_SECRET, StripeServer, stripe_server

from jeton import clock
from jeton.billing.payments.arriving.receiving import Received, receive_webhook
from jeton.billing.payments.buying.cards import refresh_cards
from jeton.billing.payments.buying.purchasing import Purchase, buy_credit, new_purchase_id
from jeton.billing.payments.saving import find_customer
from jeton.billing.payments.sending import introduce
from jeton.billing.payments.till import PaymentTax, PaymentTerms, Till
from jeton.billing.payments.words import Payment
from jeton.billing.providers.opening import ProviderDoor, StripeAccess
from jeton.billing.providers.stripe.client import PROVIDER
from jeton.charging.onboarding import TrialTerms, open_organization
from jeton.db.pool import Connection, Pool
from jeton.identity.audit import Actor
from jeton.insight.balance import Balance, get_balance
from jeton.insight.verify import verify
from jeton.ledger.chart import Account

USD = 1_000_000_000
ADA = Actor("member", "ada@example.com")


async def nineteen_percent(
    connection: Connection, organization_id: UUID, net_minor: int, *, at: datetime
) -> PaymentTax:
    """German tax on everything."""
    del connection, organization_id, at
    return PaymentTax("S", Fraction(19, 100), net_minor * 19 // 100)


@dataclass
class Shop:
    """An organization, its till and the provider; ``at`` is the shop's clock."""

    pool: Pool
    till: Till
    stripe: StripeServer
    organization_id: UUID
    at: datetime = field(default_factory=clock.now)

    async def buy(self, usd: int = 100, *, card: str | None = "", purchase_id: str = "") -> Payment:
        """Buy credit with the default card, another, or (None) on the provider's page."""
        purchase = Purchase(self.organization_id, usd * USD, purchase_id or new_purchase_id(), ADA, card)
        return await buy_credit(self.till, purchase, at=self.at)

    async def save_card(self, number: str = "4242424242424242") -> str:
        """Save a card as a person does at the provider; the last one saved, by our id."""
        provider = await self.till.door.open()
        customer = await introduce(self.till, provider, self.organization_id, at=self.at)
        saved = self.stripe.save_card(customer, number)
        await refresh_cards(self.till, self.organization_id, at=self.at)
        found = await self.scalar(
            "SELECT payment_method_id FROM payment_methods WHERE provider_method_id = %s", saved["id"]
        )
        return str(found)

    async def customer(self) -> str:
        """What the provider calls the organization."""
        async with self.pool.connection() as connection:
            found = await find_customer(connection, self.organization_id, PROVIDER)
        assert found is not None
        return found

    async def receive(self, event: dict[str, Any], **changes: object) -> Received:
        """A webhook with this event, signed by the provider's secret."""
        body, signature = sign(event, self.at, **changes)
        return await receive_webhook(self.till, body, signature, at=self.at)

    async def receive_all(self) -> list[str]:
        """Every event that the provider has made so far, oldest first; what was done with each."""
        return [(await self.receive(one)).outcome for one in self.stripe.control("state", kinds=[])["events"]]

    async def balance(self) -> Balance:
        """The organization's balance now."""
        async with self.pool.connection() as connection:
            return await get_balance(connection, self.organization_id)

    async def accounts(self) -> dict[str, int]:
        """Every account that is not zero, in cents; only whole cents are expected."""
        names = [account.value for account in Account]
        columns = ", ".join(f"{name.replace(':', '_')}_nano" for name in names)
        async with self.pool.connection() as connection:
            cursor = await connection.execute(
                f"SELECT {columns} FROM balances WHERE organization_id = %s",  # noqa: S608 - names of the chart
                (self.organization_id,),
            )
            row = await cursor.fetchone()
        assert row is not None
        found = {name: divmod(nano, USD // 100) for name, nano in zip(names, row, strict=True) if nano}
        assert all(rest == 0 for _, rest in found.values()), found
        return {name: cents for name, (cents, _) in found.items()}

    async def scalar(self, query: str, *values: object) -> Any:  # noqa: ANN401 - whatever was asked for
        """The one value of a query."""
        async with self.pool.connection() as connection:
            row = await (await connection.execute(query, values)).fetchone()
        assert row is not None
        return row[0]

    async def prove(self) -> None:
        """The books are sound."""
        async with self.pool.connection() as connection:
            proof = await verify(connection)
        assert not proof.findings, proof.findings

    def wait(self, **span: int) -> None:
        """Let time pass."""
        self.at += timedelta(**span)


def sign(event: dict[str, Any], at: datetime, **changes: object) -> tuple[bytes, str]:
    """The body and the header of a webhook; ``changes`` are of the object that it is about."""
    data = event["data"]["object"]
    body = json.dumps({**event, "data": {"object": {**data, **changes}}}).encode()
    stamp = str(int(at.timestamp()))
    digest = hmac.new(WEBHOOK_SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256)
    return body, f"t={stamp},v1={digest.hexdigest()}"


@pytest.fixture(scope="module")
def provider_process() -> Iterator[StripeServer]:
    """One provider for a file of tests; each test has an organization of its own in it."""
    with stripe_server() as server:
        yield server


@pytest.fixture
async def shop(pool: Pool, provider_process: StripeServer) -> Shop:
    """An organization without credit that pays 19 % tax."""
    provider_process.control("trouble")
    provider_process.control("forget")
    async with pool.connection() as connection:
        organization = await open_organization(connection, name="Example Ltd", trial=TrialTerms(0, 30))
    door = ProviderDoor(StripeAccess(SECRET_KEY, WEBHOOK_SECRET, provider_process.url, timeout_s=10))
    till = Till(pool, door, PaymentTerms(), nineteen_percent, base_url="http://jeton.test")
    return Shop(pool, till, provider_process, organization.organization_id)
