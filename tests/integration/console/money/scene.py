"""A Console that takes cards: its provider is a process of its own, its tax is German."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from tests.integration.billing.payments.conftest import nineteen_percent
from tests.integration.console.operating.scene import Seat, deps_of, seated
from tests.integration.world import World
from tests.stripe_server.running import SECRET_KEY, WEBHOOK_SECRET, StripeServer

from jeton import clock
from jeton.billing.office import Office
from jeton.billing.payments.buying.cards import refresh_cards
from jeton.billing.payments.sending import introduce
from jeton.billing.payments.till import Till
from jeton.billing.payments.words import Hooks
from jeton.billing.providers.opening import ProviderDoor, StripeAccess
from jeton.billing.receivables.collecting.cards import book_card_payment
from jeton.identity.members import Role

BUY = "/console/billing/buy"
HUNDRED = {"amount": "100.00", "total": "11900 USD", "way": "page"}


@dataclass(frozen=True)
class Counter:
    """A seat at a Console, with the office behind it and the provider."""

    world: World
    seat: Seat
    office: Office
    stripe: StripeServer

    async def save_card(self, number: str = "4242424242424242") -> str:
        """A card saved at the provider; our id of the last one."""
        at, till = clock.now(), self.office.till
        provider = await till.door.open()
        customer = await introduce(till, provider, self.world.organization.organization_id, at=at)
        saved = self.stripe.save_card(customer, number)
        await refresh_cards(till, self.world.organization.organization_id, at=at)
        async with self.world.pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT payment_method_id FROM payment_methods WHERE provider_method_id = %s", (saved["id"],)
            )
            row = await cursor.fetchone()
        assert row is not None
        return str(row[0])

    async def buy(self, card: str, *, purchase_id: str = "purch_1") -> str:
        """Buy $100 of credit; the address of the payment."""
        fields = {**HUNDRED, "way": card, "idempotency_key": purchase_id}
        answer = await self.seat.post(BUY, **fields)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def twin(self, path: str) -> dict[str, Any]:
        """A page's data."""
        return await self.seat.twin(path)


def office_of(world: World, stripe: StripeServer) -> Office:
    access = StripeAccess(SECRET_KEY, WEBHOOK_SECRET, stripe.url)
    till = Till(
        world.pool,
        ProviderDoor(access),
        tax_of=nineteen_percent,
        hooks=Hooks(settled={"document": book_card_payment}),
        base_url="http://jeton.test",
    )
    return Office(till)


@asynccontextmanager
async def counter(world: World, stripe: StripeServer, role: Role = "billing") -> AsyncIterator[Counter]:
    """Somebody of the world's organization, at a Console that takes cards."""
    office = office_of(world, stripe)
    deps = replace(deps_of(world), office=office)
    async with seated(world, role=role, deps=deps) as seat:
        yield Counter(world, seat, office, stripe)
