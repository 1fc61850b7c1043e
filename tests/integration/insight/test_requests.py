"""The list of requests: order, pages and filters."""

from tests.integration.world import OTHER, open_world

from jeton.charging.words import Rule
from jeton.db.pool import Pool
from jeton.insight.requests import ChargeFilter, list_charges, render_charges


async def test_pages_lead_through_every_charge_once_newest_first(pool: Pool) -> None:
    world = await open_world(pool)
    for _ in range(5):
        await world.bill()
    seen: list[str] = []
    before_id = None
    async with pool.connection() as connection:
        for _ in range(3):
            page = await list_charges(
                connection, world.organization.organization_id, before_id=before_id, limit=2
            )
            seen += [charge.request_id for charge in page.charges]
            before_id = page.next_id
    assert before_id is None
    assert seen == list(reversed(world.requests))
    await world.close()


async def test_filters_narrow_by_model_state_and_key(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill()
    other = await world.bill(version=OTHER)
    quarantined = await world.bill(None, rule=Rule.USAGE_MISSING)
    released = await world.charging.release(await world.hold(), Rule.UPSTREAM_FAILED)
    organization_id = world.organization.organization_id
    wanted = {
        ChargeFilter(model="claude-other-1"): [other.request_id],
        ChargeFilter(state="quarantined"): [quarantined.request_id],
        ChargeFilter(state="released"): [released.request_id],
        ChargeFilter(key_id=world.key.key_id): list(reversed(world.requests)),
        ChargeFilter(key_id="apikey_none"): [],
    }
    async with pool.connection() as connection:
        for filter_, request_ids in wanted.items():
            page = await list_charges(connection, organization_id, filter_=filter_)
            assert [charge.request_id for charge in page.charges] == request_ids
            assert page.next_id is None
    await world.close()


async def test_unknown_usage_is_null_and_not_zero(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill(None, rule=Rule.USAGE_MISSING)
    async with pool.connection() as connection:
        page = await list_charges(connection, world.organization.organization_id)
    data = render_charges(page)["data"]
    assert isinstance(data, list)
    (shown,) = data
    assert (shown["state"], shown["rule"], shown["net_amount"]) == ("quarantined", "usage_missing", "0.00")
    assert shown["usage"] == {
        "input_tokens": None,
        "cache_creation_input_tokens": None,
        "cache_creation": {"ephemeral_5m_input_tokens": None, "ephemeral_1h_input_tokens": None},
        "cache_read_input_tokens": None,
        "output_tokens": None,
        "output_tokens_details": {"thinking_tokens": None},
    }
    await world.close()
