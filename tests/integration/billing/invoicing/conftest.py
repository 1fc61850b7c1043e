"""An organization that is invoiced, with usage of its own, and the rules of a German seller."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from uuid import UUID

import pytest
from tests.integration.world import World, open_world

from jeton.billing.invoicing.closing import Closer, Closing, close_due
from jeton.billing.invoicing.drafting.planning import draft_period
from jeton.billing.invoicing.profiles import ProfileChange, change_profile
from jeton.billing.invoicing.words import Rules, TaxRate
from jeton.billing.words import Document, Party
from jeton.charging.credits.limits import set_credit_limit
from jeton.clock import now
from jeton.db.pool import Pool
from jeton.identity.audit import Actor
from jeton.insight.verify import Proof, verify

OPERATOR = Actor("operator", "ops@example.com")
USD = 1_000_000_000
GERMAN = Party("Seller GmbH", "Hauptstraße 1", "Berlin", "10115", "DE", vat_number="DE136695976")
RULES = Rules(
    seller=GERMAN,
    tax_rates=(TaxRate("DE", Fraction(19, 100), date(2007, 1, 1)),),
    grace_days=2,
)


@dataclass(slots=True)
class Office:
    """A world whose documents are made, at instants that the test chooses."""

    world: World
    rules: Rules = RULES

    @property
    def pool(self) -> Pool:
        """The pool."""
        return self.world.pool

    @property
    def organization_id(self) -> UUID:
        """Whom documents are for."""
        return self.world.organization.organization_id

    async def set_profile(self, change: ProfileChange) -> None:
        """Enter a billing profile."""
        async with self.pool.connection() as connection:
            await change_profile(
                connection, self.organization_id, change, by=OPERATOR, reason="a test", at=now()
            )

    async def set_invoiced(self, limit_nano: int = 1_000 * USD) -> None:
        """Invoice the organization from now on."""
        async with self.pool.connection() as connection:
            await set_credit_limit(connection, self.organization_id, limit_nano, by=OPERATOR)

    async def draft(self, at: datetime | None = None) -> list[Document]:
        """What the period of now comes to."""
        async with self.pool.connection() as connection:
            return await draft_period(connection, self.organization_id, rules=self.rules, at=at or now())

    async def close(self, at: datetime) -> Closing:
        """Close what is due at an instant."""
        return await close_due(Closer(self.pool, self.rules, at))

    async def end(self, days: int = 3) -> datetime:
        """An instant so many days after the period of now."""
        (document,) = await self.draft()
        return self.end_of(document, days=days)

    @staticmethod
    def end_of(document: Document, days: int = 3) -> datetime:
        """An instant so many days after the period of a draft."""
        return document.period_to + timedelta(days=days)

    async def balances(self) -> dict[str, int]:
        """The organization's balances in nano, but those of nothing."""
        async with self.pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT to_jsonb(b) FROM balances AS b WHERE organization_id = %s", (self.organization_id,)
            )
            row = await cursor.fetchone()
        assert row is not None
        return {name: value for name, value in row[0].items() if name.endswith("_nano") and value}

    async def proof(self) -> Proof:
        """The proof over the whole database."""
        async with self.pool.connection() as connection:
            return await verify(connection)


@pytest.fixture
async def office(pool: Pool) -> AsyncIterator[Office]:
    """An office on a fresh database."""
    world = await open_world(pool)
    yield Office(world)
    await world.close()
