"""An organization with $5 of trial credit."""

from collections.abc import AsyncIterator

import pytest
from tests.integration.charging.conftest import House, open_house_on, open_writer

from jeton.db.pool import Pool


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    """An organization with $5 of trial credit."""
    commits = open_writer(pool)
    yield await open_house_on(pool, commits)
    await commits.close()
