"""Usage, cost and the overview over HTTP: what a page leads to, and addresses that nobody meant."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from tests.integration.console.test_routes import signed_in
from tests.integration.insight.explore.past import fill, open_past

from jeton import clock
from jeton.db.pool import Pool
from jeton.money import parse_usd
from jeton.usage import Usage

FIRST_AT = datetime(2026, 10, 20, tzinfo=UTC)
RANGE = {"from": "2026-10-20", "until": "2026-10-23"}


async def test_a_day_leads_to_its_hours_an_hour_to_its_minutes_a_minute_to_its_requests(pool: Pool) -> None:
    past = await open_past(pool)
    at = FIRST_AT + timedelta(hours=30, minutes=20)
    await past.bill_at(at, Usage(1_000))
    async with signed_in(past.world) as client:
        page = (await client.get("/console/usage", params={**RANGE, "step": "1d"})).text
        assert "from=2026-10-21&amp;until=2026-10-22&amp;step=1h" in page
        day = (await client.get("/console/usage", params={"from": "2026-10-21", "until": "2026-10-22"})).text
        hour = "from=2026-10-21T06%3A00Z&amp;until=2026-10-21T07%3A00Z"
        assert f"/console/usage?{hour}&amp;step=1m" in day
        address = f"{hour.replace('&amp;', '&')}&step=1m"
        minutes = (await client.get(f"/console/usage?{address}")).text
        minute = "from=2026-10-21T06%3A20Z&amp;until=2026-10-21T06%3A21Z"
        assert f"/console/requests?{minute}" in minutes
        # Minutes have no amounts, so nothing says that they cost nothing.
        assert "Net amount" not in minutes
        twin = (await client.get(f"/console/usage.json?{address}")).json()
        assert twin["totals"]["input_tokens"] == 1_000
        assert "net_amount" not in twin["totals"]
        assert twin["counted"]["by_source"]["upstream"]["input_tokens"] == 1_000
        assert twin["rate_limited_requests"] == 0
        file = (await client.get(f"/console/usage.csv?{address}")).text
        assert "output_tokens" in file
        assert "net" not in file
        assert (await client.get(f"/console/cost?{address}")).status_code == 400
        assert (await client.get("/console/usage?range=today&step=1m")).status_code == 400
        log = await client.get(f"/console/requests?{minute.replace('&amp;', '&')}")
    assert log.status_code == 200
    await past.world.close()


async def test_the_waterfall_ends_at_what_is_due_and_the_bridge_at_the_change(pool: Pool) -> None:
    past = await open_past(pool)
    random = Random(9)  # noqa: S311 - a seed, so that a failure can be repeated
    await fill(past, random, requests=60, from_at=FIRST_AT - timedelta(days=3), days=6)
    async with signed_in(past.world) as client:
        twin = (await client.get("/console/cost.json", params={**RANGE, "compare": "previous"})).json()
        page = (await client.get("/console/cost", params={**RANGE, "compare": "previous"})).text
    steps = {step["step"]: parse_usd(step["amount"]) for step in twin["waterfall"]}
    net_nano = steps.pop("net")
    free_nano, due_nano = -steps.pop("free_credit"), steps.pop("due")
    assert sum(steps.values()) == net_nano == parse_usd(twin["totals"]["net_amount"]) > 0
    assert due_nano == net_nano - free_nano == parse_usd(twin["totals"]["due_amount"])
    assert free_nano > 0
    bridge = twin["bridge"]
    assert parse_usd(bridge["before"]) == parse_usd(twin["previous"]["totals"]["net_amount"])
    assert parse_usd(bridge["after"]) == net_nano
    change = sum(parse_usd(nano) for nano in bridge["causes"].values())
    assert change == parse_usd(bridge["change"]) == net_nano - parse_usd(bridge["before"])
    assert "Why it changed" in page
    await past.world.close()


async def test_chargeback_shares_out_what_has_no_cost_centre_and_sums_to_the_cost(pool: Pool) -> None:
    past = await open_past(pool)
    random = Random(4)  # noqa: S311 - a seed, so that a failure can be repeated
    await fill(past, random, requests=30, from_at=FIRST_AT, days=3)
    async with signed_in(past.world) as client:
        async with pool.connection() as connection:
            await connection.execute("UPDATE workspaces SET cost_center = 'CC-7' WHERE NOT is_default")
        cost = (await client.get("/console/cost.json", params=RANGE)).json()
        twin = (await client.get("/console/cost/chargeback.json", params=RANGE)).json()
        page = (await client.get("/console/cost/chargeback", params=RANGE)).text
        file = (await client.get("/console/cost/chargeback.csv", params=RANGE)).text.splitlines()
        assert (await client.get("/console/cost/chargeback?rule=guess")).status_code == 400
    assert twin["total_amount"] == cost["totals"]["net_amount"]
    charged = {part["cost_center"]: part["total_amount"] for part in twin["data"]}
    assert charged == {"": "0.00", "CC-7": twin["total_amount"]}
    assert "CC-7" in page
    assert len(file) == 1 + len(twin["data"])
    await past.world.close()


async def test_the_overview_sums_the_month_and_names_who_moved(pool: Pool) -> None:
    past = await open_past(pool)
    now = clock.now()
    await past.bill_at(now - timedelta(minutes=1), Usage(output_tokens=3_000), key=past.keys[1])
    async with signed_in(past.world) as client:
        twin = (await client.get("/console.json")).json()
        page = (await client.get("/console")).text
    usage = twin["usage"]
    # 3,000 output tokens at $10 a million.
    assert usage["totals"]["net_amount"] == "0.03"
    assert usage["movers"]["models"] == [
        {"value": "claude-sonnet-5-5", "before": "0.00", "after": "0.03", "change": "0.03"}
    ]
    assert usage["movers"]["keys"][0]["value"] == past.keys[1].key_id
    assert usage["bridge"]["causes"]["volume"] == "0.03"
    assert usage["latest"]["requests"] == 1
    assert "second (" in page
    await past.world.close()


@pytest.mark.parametrize("page", ["usage", "cost"])
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("workspace_id=wrkspc_gone&model=%3Cscript%3Ealert(1)%3C/script%3E", 200),
        ("key_id=apikey_gone&range=12mo", 200),
        ("range=12mo&step=1h", 400),
        ("from=2000-01-01&until=2199-01-01", 400),
        ("group=prompt", 400),
        ("group=model;drop", 400),
        ("step=1s", 400),
        ("zone=Europe/Atlantis", 400),
        ("cumulative=perhaps", 400),
        ("unknown=1", 200),
    ],
)
async def test_any_address_gets_a_page_and_never_a_500(
    pool: Pool, page: str, query: str, status: int
) -> None:
    past = await open_past(pool)
    async with signed_in(past.world) as client:
        for ending in ("", ".json", ".csv", ".parquet"):
            response = await client.get(f"/console/{page}{ending}?{query}")
            assert response.status_code == status, ending
            if not ending:
                assert "<script>alert" not in response.text
                assert 'href="/console' in response.text
    await past.world.close()


async def test_files_are_for_members_only(pool: Pool) -> None:
    past = await open_past(pool)
    async with signed_in(past.world) as client:
        client.cookies.clear()
        for path in ("/console/usage.csv", "/console/cost.parquet"):
            assert (await client.get(path)).status_code == 401
    await past.world.close()
