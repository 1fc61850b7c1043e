"""The page on prompt caching: what was saved, what broke it, and what that cost."""

from datetime import date

from tests.integration.console.test_routes import signed_in
from tests.integration.world import SONNET, World, open_world

from jeton.charging.words import Metered, Rule
from jeton.db.pool import Pool
from jeton.insight.caching.families import list_families
from jeton.insight.caching.fitting import find_break_even
from jeton.insight.caching.reading import CacheChoice, get_cache_report
from jeton.insight.explore.stretches import of_days
from jeton.metering.labels import NO_LABELS, Labels
from jeton.pricing.rating import STANDARD
from jeton.usage import Usage

PATH = "/console/caching"


async def broken(world: World, reason: str, missed: int | None, *, labels: Labels = NO_LABELS) -> str:
    """A request of 1,000 + 9,000 written tokens that missed a hit."""
    missing = "null" if missed is None else str(missed)
    reported = (
        '{"input_tokens":1000,"jeton_prompt_cache":'
        f'{{"miss":{{"type":"{reason}","cache_missed_input_tokens":{missing}}}}}}}'
    )
    hold = await world.hold(labels=labels)
    metered = Metered(Rule.COMPLETED, Usage(1000, 9000), "upstream", STANDARD, reported)
    return (await world.charging.settle(hold, metered)).request_id


async def test_the_page_says_what_was_saved_and_what_each_break_cost(pool: Pool) -> None:
    """V1 saves 100,000 × ($2 − $0.10) a million = $0.19; three writes of 9,000 cost $0.0045 more each.

    A break costs 9,000 × ($2.50 − $0.10) a million = $0.0216.
    """
    world = await open_world(pool)
    await world.bill()
    first = await broken(world, "tools_changed", 9000)
    await broken(world, "tools_changed", 9000)
    await broken(world, "unavailable", None)
    async with signed_in(world, role="auditor") as client:
        page = (await client.get(PATH)).text
        data = (await client.get(f"{PATH}.json")).json()
    assert data["totals"]["saved_by_cache"] == "0.1765"
    assert data["totals"]["cache_read_ppm"] == 100_000 * 1_000_000 // 132_000
    causes = {cause["reason"]: cause for cause in data["breaks"]["by_cause"]}
    tools, expired = causes["tools_changed"], causes["unavailable"]
    assert (tools["requests"], tools["cost"], tools["first"]["request_id"]) == (2, "0.0432", first)
    assert (expired["cost"], expired["requests_of_unknown_cost"]) == ("0.00", 1)
    assert data["breaks"]["known_cost"] == "0.0432"
    # All of it today, so a month's is 30 times as much.
    (day,) = data["breaks"]["by_day"]
    assert (day["tools_changed"], day["unavailable"]) == ("0.0432", "0.00")
    assert tools["cost_per_month"] == "1.296"
    assert "Send the same tools in the same order each time." in page
    assert "The tools are not those of the message before." in page
    assert f'href="/console/requests/{first}"' in page
    await world.close()


async def test_prompts_are_grouped_by_what_they_begin_with_and_other_lifetimes_are_tried(pool: Pool) -> None:
    """At $2, $2.50, $4 and $0.10 a million. A broken request names the one from which it diverges."""
    world = await open_world(pool)
    ids: list[str] = []
    for usage, further in (
        (Usage(1000, 9000), ""),
        (Usage(1000, cache_read_input_tokens=9000), ""),
        (Usage(1000, 9000), ',"miss":{"type":"messages_changed","cache_missed_input_tokens":9000}'),
    ):
        previous = f',"previous_request_id":"{ids[1]}"' if further else ""
        reported = f'{{"jeton_prompt_cache":{{"reported":{{}},"family":"abc123"{further}{previous}}}}}'
        hold = await world.hold()
        metered = Metered(Rule.COMPLETED, usage, "upstream", STANDARD, reported)
        ids.append((await world.charging.settle(hold, metered)).request_id)
    async with world.pool.connection() as connection:
        choice = CacheChoice(of_days(date(2026, 1, 1), date(2100, 1, 1)))
        even = find_break_even(SONNET)
        assert even is not None
        organization_id = world.organization.organization_id
        (family,) = await list_families(connection, organization_id, choice, {SONNET.model: even})
    trial = family.trial
    assert (family.name, family.sums.requests, family.broken) == ("abc123", 3, 1)
    assert family.key_ids == (world.key.key_id,)
    assert trial is not None
    # 18,000 written and 9,000 read; with one prefix 9,000 and 18,000; or 27,000 uncached.
    assert (trial.really_nano, trial.five_minutes_nano) == (45_900_000, 24_300_000)
    assert (trial.one_hour_nano, trial.uncached_nano, trial.best) == (37_800_000, 54_000_000, "5m")
    async with signed_in(world) as client:
        page = (await client.get(f"{PATH}?by=prompt")).text
        wrong = await client.get(f"{PATH}?by=moon")
        receipt = (await client.get(f"/console/requests/{ids[2]}")).text
    assert "abc123" in page
    assert f'diverges from <a href="/console/requests/{ids[1]}"' in page
    assert f'<a href="/console/requests/{ids[1]}">the request before</a>' in receipt
    assert wrong.status_code == 400
    await world.close()


async def test_the_filters_narrow_sums_and_breaks(pool: Pool) -> None:
    world = await open_world(pool)
    await broken(world, "tools_changed", 9000, labels=Labels("somebody", "chat"))
    async with signed_in(world) as client:
        for query, requests in (
            ("model=claude-sonnet-5-5", 1),
            ("model=claude-other-1", 0),
            ("workspace_id=wrkspc_gone", 0),
            (f"key_id={world.key.key_id}", 1),
            ("end_user=somebody&tag=chat", 1),
            ("end_user=nobody", 0),
            ("tag=other", 0),
        ):
            data = (await client.get(f"{PATH}.json?{query}")).json()
            assert data["totals"]["requests"] == requests
            assert len(data["breaks"]["by_cause"]) == requests
        assert (await client.get(f"{PATH}?from=1999-01-01")).status_code == 400
    await world.close()


async def test_another_organization_sees_none_of_it(pool: Pool) -> None:
    ours, theirs = await open_world(pool), await open_world(pool, name="Theirs")
    await broken(theirs, "tools_changed", 9000)
    async with pool.connection() as connection:
        choice = CacheChoice(of_days(date(2026, 1, 1), date(2030, 1, 1)))
        report = await get_cache_report(connection, ours.organization.organization_id, choice)
    assert (report.totals.requests, report.causes) == (0, ())
    await ours.close()
    await theirs.close()
