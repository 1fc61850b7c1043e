"""Onboarding: a new organization with its default workspace, its books and its trial."""

from dataclasses import dataclass
from datetime import timedelta

from jeton import clock
from jeton.charging.credits import Grant, grant
from jeton.db.pool import Connection
from jeton.identity.organizations import Organization, create_organization
from jeton.ledger.chart import LotKind

# Stored, and unique among an organization's lots: the database keeps it to one trial each.
TRIAL_REASON = "trial"

_OPEN_BALANCES = "INSERT INTO balances (organization_id) VALUES (%s)"


@dataclass(frozen=True, slots=True)
class TrialTerms:
    """What a new organization is given: an amount (nano; 0 for none) for so many days."""

    amount_nano: int
    days: int


async def open_organization(connection: Connection, *, name: str, trial: TrialTerms) -> Organization:
    """Create an organization, open its books and grant its trial, in the caller's transaction."""
    organization = await create_organization(connection, name)
    await connection.execute(_OPEN_BALANCES, (organization.organization_id,))
    if trial.amount_nano:
        at = clock.now()
        given = Grant(LotKind.FREE, trial.amount_nano, TRIAL_REASON, at + timedelta(days=trial.days))
        await grant(connection, organization.organization_id, given, at=at)
    return organization
