"""An organization that has not sent a request: what its pages say of nothing."""

from tests.integration.console.test_routes import signed_in
from tests.integration.world import open_world

from jeton.db.pool import Pool


async def test_of_nothing_there_is_no_share_and_no_forecast(pool: Pool) -> None:
    """It had read 0.00 % from the cache, 0.00 % of its requests had failed, and $0.00 were expected."""
    world = await open_world(pool)
    async with signed_in(world) as client:
        overview = (await client.get("/console")).text
        usage = (await client.get("/console/usage")).text
        forecast = (await client.get("/console.json")).json()["usage"]["forecast"]
    assert "0.00\u00a0%" not in overview
    assert "0.00\u00a0%" not in usage
    assert (forecast["days_known"], forecast["expected"], forecast["so_far"]) == (0, None, "0.00")
    await world.close()
