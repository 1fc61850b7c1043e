"""Re-rating in the Console: tried, approved by a second person, posted once, and the books still balance."""

from datetime import timedelta

from tests.integration.console.operating.scene import OPERATOR, seated
from tests.integration.console.operating.test_price_changes import SECOND, deps_with
from tests.integration.world import BOOK, EMAIL, OLD_SONNET, SONNET, USD, open_world

from jeton import clock
from jeton.charging.credits.limits import set_credit_limit
from jeton.db.pool import Pool
from jeton.identity.audit import Actor, list_audit
from jeton.insight.balance import get_balance
from jeton.insight.verify import verify

PLACE = "/console/price-book/reratings"


async def test_what_becomes_less_goes_back_once_and_the_books_balance(pool: Pool) -> None:
    """100,000 cache reads at $0.20, not $0.10, a million are $0.01 too much, twice; the third is right."""
    world = await open_world(pool)
    before = [await world.bill(version=OLD_SONNET) for _ in range(2)]
    await world.bill(version=SONNET)
    today = clock.now().date()
    form = {
        "price_version_id": SONNET.price_version_id,
        "from": (today - timedelta(days=1)).isoformat(),
        "until": (today + timedelta(days=1)).isoformat(),
        "reason": "announced too late",
    }
    deps = deps_with(world, BOOK)
    async with seated(world, OPERATOR, deps=deps) as first, seated(world, SECOND, deps=deps) as second:
        place = (await first.post(PLACE, **form)).headers["location"]
        dry = (await first.twin(place))["dry_run"]
        assert (dry["requests_that_become_less"], dry["goes_back"]) == (2, "0.02")  # type: ignore[index]  # values out of JSON
        assert [charge.net_nano for charge in before] == [39_000_000] * 2
        assert (await first.post(f"{place}/approve")).status_code == 403
        assert (await second.post(f"{place}/post")).status_code == 409
        assert (await second.post(f"{place}/approve")).status_code == 303
        assert (await first.post(f"{place}/post")).status_code == 303
        assert (await first.post(f"{place}/post")).status_code == 409
        done = await first.twin(place)
        assert (done["state"], done["posted_requests"], done["posted_amount"]) == ("done", 2, "0.02")
        assert "Done." in await first.text(place)
        # Nothing more would go back.
        assert (await first.post(PLACE, **form)).status_code == 400
    async with pool.connection() as connection:
        balance = await get_balance(connection, world.organization.organization_id)
        actions = [(entry.action, entry.actor) for entry in await list_audit(connection)]
    async with pool.connection() as connection:
        await connection.commit()
        proof = await verify(connection)
    assert balance.amounts.available_nano == 5 * USD - 3 * 29_000_000
    assert {
        ("rerating.proposed", OPERATOR),
        ("rerating.approved", SECOND),
        ("rerating.done", OPERATOR),
    } <= set(actions)
    assert proof.is_sound, proof.findings
    await world.close()


async def test_what_cannot_be_re_rated_is_refused_with_its_reason(pool: Pool) -> None:
    world = await open_world(pool)
    today = clock.now().date()
    good = {
        "price_version_id": SONNET.price_version_id,
        "from": (today - timedelta(days=1)).isoformat(),
        "until": (today + timedelta(days=1)).isoformat(),
        "reason": "r",
    }
    deps = deps_with(world, BOOK)
    async with seated(world, OPERATOR, deps=deps) as seat:
        for wrong in (
            {"price_version_id": "claude-sonnet-5-5@1999-01-01"},
            {"from": "soon"},
            {"from": good["until"]},
            {"from": (today - timedelta(days=200)).isoformat()},
            {"organization_id": "x"},
            {"reason": ""},
            # Nothing was used, so nothing goes back.
            {},
        ):
            assert (await seat.post(PLACE, **{**good, **wrong})).status_code == 400, wrong
        assert "Nothing was re-rated yet" in await seat.text(PLACE)
        for unknown in ("rrt_none", "%00"):
            assert (await seat.client.get(f"{PLACE}/{unknown}")).status_code == 404
    async with seated(world, EMAIL, deps=deps) as member:
        assert (await member.post(PLACE, **good)).status_code == 403
    await world.close()


async def test_what_was_charged_too_little_is_charged_by_two_to_who_is_invoiced(pool: Pool) -> None:
    """100,000 cache reads at $0.10, not $0.20, a million are $0.01 too little."""
    world = await open_world(pool)
    await world.bill()
    today = clock.now().date()
    form = {
        "price_version_id": OLD_SONNET.price_version_id,
        "from": (today - timedelta(days=1)).isoformat(),
        "until": (today + timedelta(days=1)).isoformat(),
        "reason": "the agreed price",
    }
    supplemented = {"organization_id": str(world.organization.organization_id), "reason": "as agreed"}
    deps = deps_with(world, BOOK)
    async with seated(world, OPERATOR, deps=deps) as first, seated(world, SECOND, deps=deps) as second:
        place = (await first.post(PLACE, **form)).headers["location"]
        assert (await first.post(f"{place}/supplements", **supplemented)).status_code == 409
        assert (await second.post(f"{place}/approve")).status_code == 303
        assert "never charged later: it stays forgiven" in await first.text(place)
        assert (await first.post(f"{place}/supplements", **supplemented)).status_code == 400
        async with pool.connection() as connection:
            await set_credit_limit(
                connection, world.organization.organization_id, USD, by=Actor("operator", OPERATOR)
            )
        assert "Ask for it" in await first.text(place)
        assert (
            await first.post(f"{place}/supplements", **{**supplemented, "organization_id": "x"})
        ).status_code == 400
        assert (await first.post(f"{place}/supplements", **supplemented)).status_code == 303
        asked = (await first.twin(place))["supplements"]
        assert isinstance(asked, list)
        supplement = f"{place}/supplements/{asked[0]['id']}"
        assert (await first.post(f"{supplement}/approve")).status_code == 403
        assert (await first.post(f"{place}/supplements/supplement_none/approve")).status_code == 404
        assert "Charge it" in await second.text(place)
        assert (await second.post(f"{supplement}/approve")).status_code == 303
        assert (await second.post(f"{supplement}/decline")).status_code == 409
        assert ">charged<" in await first.text(place)
        receipt = await first.text(f"/console/requests/{world.requests[0]}")
        assert "Re-rated:" in receipt
    async with pool.connection() as connection:
        balance = await get_balance(connection, world.organization.organization_id)
        actions = {(entry.action, entry.actor) for entry in await list_audit(connection)}
    assert balance.accrued_nano == 10_000_000
    assert {("rerating_supplement.proposed", OPERATOR), ("rerating_supplement.charged", SECOND)} <= actions
    await world.close()
