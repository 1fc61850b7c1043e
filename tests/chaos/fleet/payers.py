"""Payers: organizations with credit and a key, made directly in the database of a fleet."""

from dataclasses import dataclass
from uuid import UUID

from jeton.charging.credits import Grant, grant
from jeton.charging.onboarding import TrialTerms, open_organization
from jeton.db.pool import Pool
from jeton.identity.keys import create_key
from jeton.insight.balance import Amounts, get_balance
from jeton.ledger.chart import LotKind

NO_TRIAL = TrialTerms(0, days=30)


@dataclass(frozen=True, slots=True)
class Payer:
    """An organization and the secret of its key."""

    organization_id: UUID
    secret: str


async def open_payer(pool: Pool, name: str, lots_nano: list[int]) -> Payer:
    """An organization whose credit is these lots."""
    async with pool.connection() as connection:
        organization = await open_organization(connection, name=name, trial=NO_TRIAL)
        _, secret = await create_key(connection, organization.organization_id, name=name)
        for nano in lots_nano:
            await grant(connection, organization.organization_id, Grant(LotKind.PROMOTIONAL, nano, "chaos"))
    return Payer(organization.organization_id, secret)


async def read_amounts(pool: Pool, payer: Payer) -> Amounts:
    """The organization's balance now."""
    async with pool.connection() as connection:
        return (await get_balance(connection, payer.organization_id)).amounts
