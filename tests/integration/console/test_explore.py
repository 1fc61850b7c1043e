"""Usage, cost and the overview over HTTP: what a page leads to, and addresses that nobody meant."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from tests.integration.console.test_routes import signed_in
from tests.integration.insight.explore.past import fill, open_past
from tests.integration.world import open_world

from jeton import clock
from jeton.billing.invoicing.profiles import ProfileChange, change_profile
from jeton.billing.invoicing.rates import RateNote, note_rate
from jeton.db.pool import Pool
from jeton.identity.audit import Actor
from jeton.insight.explore.sums import TOKEN_CLASSES
from jeton.insight.overview.standing import get_standing
from jeton.metering.contract import Rule
from jeton.metering.labels import Labels
from jeton.money import display_usd, parse_usd
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


async def test_output_is_drawn_as_what_was_said_and_thought_and_labels_are_filters(
    pool: Pool,
) -> None:
    past = await open_past(pool)
    at = FIRST_AT + timedelta(hours=30)
    thought = Usage(1_000, output_tokens=50, thinking_tokens=20)
    request_id = await past.bill_at(at, thought, labels=Labels("a&b", "chat"))
    await past.bill_at(at, Usage(1_000, output_tokens=7))
    async with signed_in(past.world) as client:
        page = (await client.get("/console/usage", params=RANGE)).text
        assert ("Output, said" in page, "Output, thinking" in page) == (True, True)
        assert 'list="tags"' in page
        # 72 hours are too many for a link each: a day's together lead to that day's.
        hours = (await client.get("/console/usage", params={**RANGE, "step": "1h"})).text
        assert re.findall(r'<a href="\?([^"]*)" tabindex="-1"><title>([^<]*)', hours) == [
            ("from=2026-10-21&amp;until=2026-10-22&amp;step=1h", "2026-10-21")
        ]
        twin = (await client.get("/console/usage.json", params={**RANGE, "end_user": "a&b"})).json()
        totals = twin["totals"]
        assert (totals["output_tokens"], totals["output_tokens_details"]) == (50, {"thinking_tokens": 20})
        others = (await client.get("/console/usage", params={**RANGE, "key_id": past.keys[1].key_id})).text
        assert "Output, thinking" not in others
        groups = (await client.get("/console/cost", params={**RANGE, "group": "end_user"})).text
        assert "end_user=a%26b" in groups
        assert "no end user" in groups
        log = (await client.get("/console/requests", params={"request_id": request_id, "tag": "chat"})).text
        assert log.count('title="Tag chat"') == 1
        assert "thinking 20" in log
    await past.world.close()


async def test_usage_and_cost_are_shown_in_another_currency_at_a_rate_that_they_name(pool: Pool) -> None:
    past = await open_past(pool)
    # 0.5 M input tokens at $2 a million are $1.00; 3 output tokens at $10 a million $0.00003.
    await past.bill_at(FIRST_AT + timedelta(hours=3), Usage(500_000, output_tokens=3))
    async with signed_in(past.world) as client:
        query = {**RANGE, "currency": "EUR"}
        page = (await client.get("/console/cost", params=query)).text
        assert "there is no exchange rate for EUR yet" in page
        assert "$1.00" in page
        twin = (await client.get("/console/cost.json", params=query)).json()
        assert (twin["display_currency"]["currency"], twin["display_currency"]["rate"]) == ("EUR", None)
        async with pool.connection() as connection:
            note = RateNote("EUR", "0.9215", date(2026, 1, 2), "the bank")
            await note_rate(connection, note, by=Actor("operator", "test"), at=FIRST_AT)
        for path in ("/console", "/console/usage", "/console/cost", "/console/requests"):
            page = (await client.get(path, params=query)).text
            assert "at 0.9215 EUR for one, the rate of 2026-01-02 (the bank)" in page
        page = (await client.get("/console/cost", params=query)).text
        # $1.00003 x 0.9215 = €0.921527645, and on hover the dollars, the rate and its day.
        assert "€0.921527645" in page
        assert 'title="$1.000030000 at 0.9215 EUR for a dollar, of 2026-01-02"' in page
        assert "currency=EUR" in page
        totals = (await client.get("/console/cost.json", params=query)).json()["totals"]
        assert (totals["net_amount"], totals["net_amount_eur"]) == ("1.00003", "0.921527645")
        (row,) = csv.DictReader(io.StringIO((await client.get("/console/cost.csv", params=query)).text))
        assert (row["net_amount"], row["net_amount_eur"]) == ("1.00003", "0.921527645")
        assert (row["usd_eur_rate"], row["rate_from_on"]) == ("0.9215", "2026-01-02")
        # What was billed and paid stays as it is, and what is no currency is no page.
        assert "for one, the rate of" not in (await client.get("/console/billing", params=query)).text
        assert (await client.get("/console/cost", params={"currency": "<b>"})).status_code == 400
        # Chosen once, it stays; the address goes before it.
        chosen = {"currency": "eur", "next": "/console/cost"}
        await client.post("/console/display", data=chosen)
        assert "for one, the rate of" in (await client.get("/console/cost", params=RANGE)).text
        in_dollars = await client.get("/console/cost", params={**RANGE, "currency": "USD"})
        assert "€" not in in_dollars.text
        await client.post("/console/display", data={"currency": "", "next": "/console/cost"})
        async with pool.connection() as connection:
            await change_profile(
                connection,
                past.world.organization.organization_id,
                ProfileChange(display_currency="EUR"),
                by=Actor("member", "billing@x.com"),
                reason="we think in euros",
                at=FIRST_AT,
            )
        # Chosen for everybody, with the same rate and its day; the address and the browser go before it.
        page = (await client.get("/console/cost", params=RANGE)).text
        assert "the rate of 2026-01-02 (the bank), for every day that is shown. Your organization" in page
        (row,) = csv.DictReader(io.StringIO((await client.get("/console/cost.csv", params=RANGE)).text))
        assert row["net_amount_eur"] == "0.921527645"
        in_dollars = await client.get("/console/cost", params={**RANGE, "currency": "USD"})
        assert "€" not in in_dollars.text
        assert "currency=USD" in in_dollars.text
        await client.post("/console/display", data={"currency": "usd", "next": "/console/cost"})
        assert "€" not in (await client.get("/console/cost", params=RANGE)).text
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


async def test_a_page_says_which_filters_of_its_address_it_does_not_look_at(pool: Pool) -> None:
    world = await open_world(pool)
    query = "range=7d&model=claude-sonnet-5-5&tag=chat&token_class=output_tokens"
    async with signed_in(world) as client:
        for path, said in (
            ("/console/usage", None),
            ("/console/requests", None),
            ("/console/caching", "token class"),
            ("/console", "range, token class"),
            ("/console/cost/chargeback", "model, tag, token class"),
            ("/console/keys", "range, model, tag, token class"),
            ("/console/batches", "range, model, tag, token class"),
            ("/console/limits", "range, model, tag, token class"),
        ):
            page = (await client.get(f"{path}?{query}")).text
            found = re.search(r"does not look at the address’s ([^.]*)\.", page)
            assert (found.group(1) if found else None) == said, path
    await world.close()


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
        other = {"key_id": past.keys[0].key_id}
        narrowed = (await client.get("/console.json", params=other)).json()
        assert (await client.get("/console", params=other)).status_code == 200
    usage = twin["usage"]
    # 3,000 output tokens at $10 a million.
    assert usage["totals"]["net_amount"] == "0.03"
    assert usage["movers"]["models"] == [
        {"value": "claude-sonnet-5-5", "before": "0.00", "after": "0.03", "change": "0.03"}
    ]
    assert usage["movers"]["keys"][0]["value"] == past.keys[1].key_id
    assert usage["bridge"]["causes"]["volume"] == "0.03"
    assert usage["latest"]["requests"] == 1
    assert narrowed["usage"]["totals"]["net_amount"] == narrowed["usage"]["forecast"]["so_far"] == "0.00"
    assert (len(twin["requests"]["data"]), narrowed["requests"]["data"]) == (1, [])
    assert "second (" in page
    await past.world.close()


async def test_above_every_page_stand_the_overviews_forecast_and_what_is_pending(pool: Pool) -> None:
    past = await open_past(pool)
    now = clock.now()
    for days in (0, 2, 3, 8):
        await past.bill_at(now - timedelta(days=days), Usage(output_tokens=1_000 * (days + 1)))
    await past.world.hold()
    organization_id = past.world.organization.organization_id
    async with signed_in(past.world) as client, pool.connection() as connection:
        before = await get_standing(connection, organization_id)
        twin = (await client.get("/console.json")).json()
        page = (await client.get("/console/usage")).text
        after = await get_standing(connection, organization_id)
    assert before.pending == 1
    assert "1 event pending</a>" in page
    # Both days are right where midnight passes while it is asked.
    for name in ("so_far", "least", "expected", "most"):
        amounts = {getattr(one.forecast, f"{name}_nano") for one in (before, after)}
        assert parse_usd(twin["usage"]["forecast"][name]) in amounts
    assert after.forecast.days_known == 8
    assert f"{display_usd(after.forecast.expected_nano)[:4]}" in page
    await past.world.close()


async def test_bars_and_groups_lead_to_what_is_in_them_with_the_same_filters(pool: Pool) -> None:
    past = await open_past(pool)
    await past.bill_at(FIRST_AT + timedelta(hours=30), Usage(1_000))
    key_id = past.keys[0].key_id
    async with signed_in(past.world) as client:
        query = {**RANGE, "key_id": key_id, "group": "model", "step": "1d"}
        usage = (await client.get("/console/usage", params=query)).text
        cost = (await client.get("/console/cost", params=query)).text
    day = f"?from=2026-10-21&amp;until=2026-10-22&amp;key_id={key_id}&amp;step=1h&amp;group=model"
    for page, name in ((usage, "usage"), (cost, "cost")):
        # The bar of the picture, and the row of the table for those who cannot point at it.
        assert page.count(f'<a href="{day}" tabindex="-1"') == 1
        assert page.count(f'<th scope="row" class="nowrap"><a href="/console/{name}{day}"') == 1
        assert (
            f"/console/{name}?from=2026-10-20&amp;until=2026-10-23&amp;key_id={key_id}&amp;step=1d&amp;group=model&amp;model="
            in page
        )
    await past.world.close()


async def test_a_class_of_tokens_has_its_charge_and_all_classes_the_whole_one(pool: Pool) -> None:
    past = await open_past(pool)
    random = Random(11)  # noqa: S311 - a seed, so that a failure can be repeated
    await fill(past, random, requests=40, from_at=FIRST_AT, days=3)
    charged_nano, tokens = 0, {}
    # An id says when it was made, which is now, whenever the hold was.
    ever = {"from": RANGE["from"], "until": "2199-01-01"}
    async with signed_in(past.world) as client:
        whole = (await client.get("/console/cost.json", params={**RANGE, "group": "model"})).json()
        for name in TOKEN_CLASSES:
            query = {**RANGE, "group": "model", "token_class": name}
            twin = (await client.get("/console/cost.json", params=query)).json()
            rows = csv.DictReader(io.StringIO((await client.get("/console/cost.csv", params=query)).text))
            totals = twin["totals"]
            assert totals.keys() == {name, "charged_amount"}
            assert parse_usd(totals["charged_amount"]) == sum(int(row["charged_nano"]) for row in rows)
            usage = (await client.get("/console/usage.json", params=query)).json()
            assert usage["totals"] == totals
            page = (await client.get("/console/cost", params=query)).text
            assert ("Requests" in page, f">{totals[name]:,}</a>" in page) == (True, totals[name] > 0)
            charged_nano += parse_usd(totals["charged_amount"])
            tokens[name] = totals[name]
        log = (await client.get("/console/requests.json", params={**ever, "token_class": name})).json()
    searched = parse_usd(whole["totals"]["charged_amount"]) - charged_nano
    assert searched == whole["totals"]["web_search_requests"] * 10_000_000
    assert tokens["output_tokens"] == whole["totals"]["output_tokens"]
    assert {charge["usage"]["output_tokens"] > 0 for charge in log["data"]} == {True}
    await past.world.close()


async def test_what_was_not_settled_is_counted_and_costs_nothing_that_could_be_shown(pool: Pool) -> None:
    past = await open_past(pool)
    world = past.world
    await past.bill_at(clock.now() - timedelta(hours=1), Usage(1_000))
    await world.charging.release(await world.hold(), Rule.UPSTREAM_FAILED)
    async with pool.connection() as connection:
        await connection.execute(
            "INSERT INTO refusal_rollups SELECT %s, date_trunc('hour', now()), 'w', 'm', code, requests"
            " FROM (VALUES ('rate_limited', 7), ('credit_exhausted', 2)) AS sent_back (code, requests)",
            (world.organization.organization_id,),
        )
    async with signed_in(world) as client:
        plain = (await client.get("/console/usage.json")).json()
        for state, count in (("released", 1), ("quarantined", 0), ("refused", 9), ("rate_limited", 7)):
            assert plain["not_settled"][state] == count
            query = {"state": state, "group": "model"}
            for page in ("usage", "cost"):
                twin = (await client.get(f"/console/{page}.json", params=query)).json()
                assert twin["totals"] == {"requests": count}
                rows = [
                    *csv.DictReader(
                        io.StringIO((await client.get(f"/console/{page}.csv", params=query)).text)
                    )
                ]
                assert sum(int(row["requests"]) for row in rows) == count
                assert "net_amount" not in (rows[0] if rows else {})
                assert (await client.get(f"/console/{page}", params=query)).status_code == 200
        log = (await client.get("/console/requests.json", params={"state": "released"})).json()["data"]
        answers = [
            (await client.get("/console/usage", params={"state": "refused", **query})).status_code
            for query in (
                {"key_id": "k"},
                {"step": "1m"},
                {"token_class": "output_tokens"},
                {"group": "speed"},
            )
        ]
        in_log = (await client.get("/console/requests", params={"state": "rate_limited"})).status_code
    assert (len(log), answers, in_log) == (1, [400] * 4, 400)
    await world.close()


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
        ("token_class=prompt", 400),
        ("state=lost", 400),
        ("state=quarantined&range=12mo&compare=previous", 200),
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
