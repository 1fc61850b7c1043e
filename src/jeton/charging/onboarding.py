"""Onboarding: a new organization with its default workspace, its books and its trial."""

from jeton.charging.credits.trials import TrialTerms, grant_trial
from jeton.db.pool import Connection
from jeton.identity.organizations import Organization, create_organization

__all__ = ["TrialTerms", "open_organization"]

_OPEN_BALANCES = "INSERT INTO balances (organization_id) VALUES (%s)"


async def open_organization(
    connection: Connection, *, name: str, trial: TrialTerms, email: str = ""
) -> Organization:
    """Create an organization, open its books and grant its trial, in the caller's transaction.

    ``email`` is of whoever signs up; the grant policy may withhold the trial from too many of one domain.
    """
    organization = await create_organization(connection, name)
    await connection.execute(_OPEN_BALANCES, (organization.organization_id,))
    await grant_trial(connection, organization.organization_id, trial, email=email)
    return organization
