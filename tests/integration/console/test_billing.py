"""Credit and prices: which lot paid what, and what the month comes to under other prices."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.integration.console.operating.scene import OPERATOR, deps_of, seated
from tests.integration.world import OLD_SONNET, OTHER, SONNET, USD, World, open_world, sonnet

from jeton import clock
from jeton.db.pool import Pool
from jeton.identity.members import Role
from jeton.ledger.chart import LotKind
from jeton.pricing.book import PriceBook


async def test_lots_stand_in_their_turn_with_what_they_paid(pool: Pool) -> None:
    """A restricted lot goes before the trial: of $0.029 it pays 2 cents, and the trial 0.9."""
    world = await open_world(pool)
    soon = clock.now() + timedelta(days=1)
    first = await world.grant(20_000_000, models=frozenset({SONNET.model}), expires_at=soon)
    paid = await world.grant(USD, kind=LotKind.PAID)
    charge = await world.bill()
    async with seated(world, role="auditor") as seat:
        data = (await seat.client.get("/console/billing.json")).json()
        page = await seat.text("/console/billing")
    by_lot = {payment["lot_id"]: payment for payment in data["payments"]}
    trial = next(lot["id"] for lot in data["lots"] if lot["kind"] == "free")
    assert by_lot[first]["amount"] == "0.02"
    assert (by_lot[trial]["amount"], by_lot[trial]["of_net_amount"]) == ("0.009", "0.029")
    assert by_lot[trial]["request_id"] == charge.request_id
    assert paid not in by_lot
    assert [lot["id"] for lot in data["lots"]][:2] == [trial, paid]
    assert "after it, out of the purchased credit" in page
    movements = [(change["movement"], change["amount"]) for change in data["changes"]]
    assert ("settle", "-0.029") in movements
    assert ("grant", "0.02") in movements
    await world.close()


async def test_without_credit_the_page_says_what_happens(pool: Pool) -> None:
    world = await open_world(pool)
    async with pool.connection() as connection:
        await connection.execute("UPDATE lots SET expires_at = %s WHERE reason = 'trial'", (clock.now(),))
    async with seated(world) as seat:
        assert "requests are refused" in await seat.text("/console/billing")
    await world.close()


@pytest.mark.parametrize(("role", "status"), [("developer", 403), ("billing", 200)])
async def test_developers_see_no_billing(pool: Pool, role: Role, status: int) -> None:
    world = await open_world(pool)
    async with seated(world, role=role) as seat:
        for path in ("/console/billing", "/console/billing.json", "/console/prices", "/console/prices.csv"):
            assert (await seat.client.get(path)).status_code == status
    await world.close()


async def open_month(pool: Pool) -> tuple[World, str]:
    """An organization whose two charges are of one month, and that month.

    A month may end between them; it does not do so twice.
    """
    while True:
        month, world = f"{clock.now():%Y-%m}", await open_world(pool)
        await world.bill()
        await world.bill(version=OTHER)
        if month == f"{clock.now():%Y-%m}":
            return world, month
        await world.close()


async def test_a_month_is_rated_again_exactly_under_an_older_price(pool: Pool) -> None:
    """Cache reads cost twice as much before 7 October: 0.004 + 0.020 + 0.015 is $0.039."""
    world, month = await open_month(pool)
    async with seated(world) as seat:
        path = f"/console/prices.json?month={month}&on={OLD_SONNET.from_on}"
        answer = (await seat.client.get(path)).json()["repriced"]
        page = await seat.text(path.replace(".json", ""))
    rows = {row["model"]: row for row in answer["data"]}
    assert rows[SONNET.model]["charged_amount"] == "0.029"
    assert (rows[SONNET.model]["is_exact"], rows[SONNET.model]["least_amount"]) == (True, "0.039")
    assert (answer["totals"]["charged_amount"], answer["totals"]["least_amount"]) == ("0.058", "0.068")
    assert "$0.039" in page
    await world.close()


async def test_an_announced_price_is_shown_with_what_it_means_for_ones_own_requests(pool: Pool) -> None:
    """Cache reads will cost twice as much: $0.029 would have been $0.039."""
    world = await open_world(pool)
    await world.bill()
    from_on = clock.now().date() + timedelta(days=20)
    dearer = sonnet(from_on, None, cache_read=200_000_000, model=SONNET.model)
    book = PriceBook((replace(SONNET, until_on=from_on), dearer, OTHER))
    async with seated(world, deps=replace(deps_of(world), book=book)) as seat:
        (coming,) = (await seat.client.get("/console/prices.json")).json()["coming"]
        page = await seat.text("/console/prices")
    (impact,) = coming["data"]
    assert coming["from_on"] == from_on.isoformat()
    assert (impact["model"], impact["charged_amount"], impact["least_amount"], impact["is_exact"]) == (
        SONNET.model,
        "0.029",
        "0.039",
        True,
    )
    assert "$0.039" in page
    await world.close()


async def test_two_versions_are_compared_and_bad_addresses_explained(pool: Pool) -> None:
    world = await open_world(pool)
    pair = f"old={OLD_SONNET.price_version_id}&new={SONNET.price_version_id}"
    async with seated(world, OPERATOR) as seat:
        for place in ("/console/prices", "/console/price-book"):
            changes = (await seat.client.get(f"{place}.json?{pair}")).json()["changes"]
            # Of the cache read: standard, batch (half) and US (11/10).
            assert [(change["condition"], change["old"], change["new"]) for change in changes] == [
                ("standard", "0.2", "0.1"),
                ("batch", "0.1", "0.05"),
                ("us", "0.22", "0.11"),
            ]
            for wrong in ("old=nothing@2026-01-01", "old=<b>"):
                assert (await seat.client.get(f"{place}?{wrong}")).status_code == 400
        for wrong in ("month=May", "on=0001-01-01", "month=9999-12", "on=x"):
            assert (await seat.client.get(f"/console/prices?{wrong}")).status_code == 400
        sheet = (await seat.client.get("/console/prices.csv")).text.splitlines()
    assert f"{SONNET.model},{SONNET.price_version_id},,2026-10-07,standard,,2,2.5,4,0.1,10,10" in sheet
    await world.close()


async def test_a_model_that_is_served_without_a_price_stands_in_red(pool: Pool) -> None:
    world = await open_world(pool)
    deps = deps_of(world, served=frozenset({SONNET.model, "claude-unpriced-1"}))
    async with seated(world, OPERATOR, deps=deps) as seat:
        gaps = (await seat.client.get("/console/price-book.json")).json()["gaps"]
        page = await seat.text("/console/price-book")
    assert [(gap["model"], gap["until_on"], gap["is_served"]) for gap in gaps] == [
        ("claude-unpriced-1", None, True)
    ]
    assert "no price now" in page
    await world.close()
