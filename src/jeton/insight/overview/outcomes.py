"""Outcomes: how the latest requests ended. What was refused at once was never held, and is not here."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from jeton.db.pool import Connection

LATEST_MAX = 1_000

_READ = """
    SELECT state, count(*) FROM (
        SELECT state FROM charges WHERE organization_id = %s ORDER BY request_id DESC LIMIT %s
    ) AS latest GROUP BY state
"""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How many of the latest requests ended in each state, of at most LATEST_MAX."""

    by_state: Mapping[str, int]

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.by_state.values())

    @property
    def failed(self) -> int:
        """How many were not settled: nothing was charged for them."""
        return self.count - self.by_state.get("settled", 0)

    @property
    def failed_ppm(self) -> int:
        """The same, of a million; rounded down."""
        return self.failed * 1_000_000 // self.count if self.count else 0


async def count_outcomes(connection: Connection, organization_id: UUID) -> Outcomes:
    """How the organization's latest requests ended."""
    cursor = await connection.execute(_READ, (organization_id, LATEST_MAX))
    return Outcomes(dict(await cursor.fetchall()))
