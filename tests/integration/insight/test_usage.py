"""Usage by day and model, and its agreement with the charges."""

from datetime import date, timedelta

import pytest
from tests.integration.world import OTHER, V1, open_world

from jeton import clock
from jeton.db.pool import Pool
from jeton.insight.requests import list_charges
from jeton.insight.usage import DayRange, InvalidRangeError, list_daily_usage, render_usage
from jeton.pricing.rating import Conditions


async def test_a_report_adds_up_and_agrees_with_the_charges(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill()
    await world.bill(conditions=Conditions(service_tier="batch"))
    await world.bill(version=OTHER, conditions=Conditions(inference_geo="us"))
    organization_id = world.organization.organization_id
    async with pool.connection() as connection:
        range_ = DayRange.last(1, at=clock.now())
        report = await list_daily_usage(connection, organization_id, range_=range_)
        page = await list_charges(connection, organization_id)
    totals = report.totals
    # $0.029 + half of it + 1.1 times it; the list amount is always $0.219.
    assert totals.net_nano == 29_000_000 + 14_500_000 + 31_900_000
    assert totals.list_nano == 3 * 219_000_000
    assert totals.list_nano - sum(totals.saved_by_stage.values()) == totals.net_nano
    assert totals.saved_by_stage["batch"] > 0
    assert totals.saved_by_stage["tier"] == -2_900_000
    assert (totals.requests, totals.input_tokens, totals.output_tokens) == (3, 6_000, 4_500)
    assert totals.cache_read_input_tokens == 3 * V1.cache_read_input_tokens
    assert sum(charge.net_nano for charge in page.charges) == totals.net_nano
    assert [row.model for row in report.rows] == ["claude-other-1", "claude-sonnet-5-5"]
    assert [model for model, _ in report.by_model] == ["claude-sonnet-5-5", "claude-other-1"]
    assert render_usage(report)["totals"] == {
        "requests": 3,
        "input_tokens": 6000,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "cache_read_input_tokens": 300000,
        "output_tokens": 4500,
        "web_search_requests": 0,
        "list_amount": "0.657",
        "saved": {
            "batch": "0.1095",
            "cache": "0.475",
            "tier": "-0.0029",
            "negotiated": "0.00",
            "promotion": "0.00",
        },
        "charged_amount": "0.0754",
        "reversed_amount": "0.00",
        "net_amount": "0.0754",
        # The world's credit was granted, so nothing of it is due.
        "free_credit_amount": "0.0754",
        "due_amount": "0.00",
    }
    await world.close()


async def test_another_organization_and_other_days_are_not_in_the_report(pool: Pool) -> None:
    ours, theirs = await open_world(pool), await open_world(pool, name="Theirs")
    await theirs.bill()
    today = clock.now().date()
    async with pool.connection() as connection:
        for world, range_ in (
            (ours, DayRange(today, today + timedelta(days=1))),
            (theirs, DayRange(today - timedelta(days=7), today)),
        ):
            report = await list_daily_usage(connection, world.organization.organization_id, range_=range_)
            assert report.rows == ()
            assert report.totals.net_nano == 0
    await ours.close()
    await theirs.close()


@pytest.mark.parametrize("until_on", [date(2026, 1, 1), date(2025, 12, 31), date(2027, 1, 3)])
def test_a_range_has_1_to_366_days(until_on: date) -> None:
    with pytest.raises(InvalidRangeError):
        DayRange(date(2026, 1, 1), until_on)
