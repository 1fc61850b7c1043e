"""A stage: an organization with webhooks, a clock, and what is asked of the database about them."""

from uuid import UUID

from tests.integration.world import TRIAL

from jeton.charging.onboarding import open_organization
from jeton.db.pool import Pool
from jeton.notifications.catalogue import LowBalance
from jeton.notifications.endpoints import Endpoint, WantedEndpoint, create_endpoint, get_endpoint
from jeton.notifications.events import Event, emit

from .receiving import PRIVATE, Clock


class Stage:
    """An organization with one endpoint, and what is asked of the database about it."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.clock = Clock()
        self.organization_id = UUID(int=0)

    async def open(self) -> None:
        async with self.pool.connection() as connection:
            organization = await open_organization(connection, name="Example GmbH", trial=TRIAL)
        self.organization_id = organization.organization_id

    async def add(self, url: str, *types: str, of_operator: bool = False) -> tuple[Endpoint, str]:
        async with self.pool.connection() as connection:
            return await create_endpoint(
                connection,
                None if of_operator else self.organization_id,
                WantedEndpoint(await PRIVATE.check(url), "a test", types or None, "apikey_1"),
                at=self.clock.at,
            )

    async def happen(self, key: str = "a") -> str:
        event = Event(
            LowBalance(remaining="0.42", threshold="1.00"), self.organization_id, key, self.clock.at
        )
        async with self.pool.connection() as connection:
            assert await emit(connection, event)
        return event.event_id

    async def look_up(self, columns: str) -> list[tuple[object, ...]]:
        async with self.pool.connection() as connection:
            query = f"SELECT {columns} FROM deliveries ORDER BY delivery_id"  # noqa: S608 - columns of the test
            return list(await (await connection.execute(query)).fetchall())  # type: ignore[call-overload, unused-ignore]  # made here

    async def endpoint(self, endpoint_id: str) -> Endpoint:
        async with self.pool.connection() as connection:
            return await get_endpoint(connection, self.organization_id, endpoint_id)
