"""The terms of one organization, for the commands that price something."""

import asyncio
from uuid import UUID

from jeton.cli.options import chosen_settings
from jeton.cli.session import open_database
from jeton.identity.organizations import get_organization
from jeton.insight.contract.terms import read_own_terms
from jeton.pricing.terms import OwnTerms


def read_terms_of(organization_id: UUID) -> OwnTerms:
    """All that it ever agreed on, to be found by instant; raises NotFoundError."""
    return asyncio.run(_read(organization_id))


async def _read(organization_id: UUID) -> OwnTerms:
    async with open_database(chosen_settings()) as pool, pool.connection() as connection:
        await get_organization(connection, organization_id)
        return await read_own_terms(connection, organization_id)
