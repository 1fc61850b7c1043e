"""A receipt at today's prices, and that page, API and command line say the same of a charge."""

import io
import re
from datetime import UTC, date, datetime
from typing import Any

import httpx2
import pytest
from rich.console import Console
from starlette.applications import Starlette
from tests.integration.console.test_routes import signed_in
from tests.integration.world import OLD_SONNET, SONNET, V1, World, open_world

from jeton.admin.deps import AdminDeps
from jeton.admin.routes import admin_routes
from jeton.cli.receipt import print_receipt
from jeton.db.pool import Pool
from jeton.identity.key_ring import KeyRing
from jeton.insight.receipt import get_receipt
from jeton.insight.receipt_json import render_receipt
from jeton.insight.requests import find_batch_id
from jeton.insight.rerating.today import find_version_in_force, rate_today
from jeton.money import display_usd, parse_usd
from jeton.pricing.rating import STANDARD, Conditions
from jeton.usage import Usage

AMOUNTS = ("list_amount", "net_amount")
RECEIPTS = [
    pytest.param(V1, STANDARD, id="cache reads"),
    pytest.param(Usage(7, 1_001, 2_003, 5, 11), Conditions(inference_geo="us"), id="every class, in the US"),
    pytest.param(Usage(333, output_tokens=1), Conditions(service_tier="batch"), id="batch"),
]


async def test_a_charge_of_an_old_price_is_rated_again_and_never_charged(pool: Pool) -> None:
    """V1 with reads at $0.20 was $0.039; now that they are $0.10 it is $0.029."""
    world = await open_world(pool)
    charge = await world.bill(version=OLD_SONNET)
    async with pool.connection() as connection:
        receipt = await get_receipt(connection, None, charge.request_id)
    shown = render_receipt(receipt)
    today = shown["at_todays_prices"]
    assert isinstance(today, dict)
    assert (shown["net_amount"], today["net_amount"], today["difference"]) == ("0.039", "0.029", "-0.01")
    assert (today["is_charge"], today["price_version"]) == (False, "claude-sonnet-5-5@2026-10-07")
    assert receipt.problems == ()
    await world.close()


async def test_the_version_in_force_is_the_one_of_the_day(pool: Pool) -> None:
    world = await open_world(pool)
    async with pool.connection() as connection:
        for on, expected in (
            (date(2026, 10, 6), OLD_SONNET),
            (date(2026, 10, 7), SONNET),
            (date(2026, 9, 1), None),
        ):
            at = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
            found = await find_version_in_force(connection, "claude-sonnet-5-5", at)
            assert found == expected
        assert await find_version_in_force(connection, "claude%", datetime.now(UTC)) is None
    await world.close()


def test_conditions_without_a_price_are_not_rated_today() -> None:
    fast = Conditions(speed="fast")
    assert rate_today(V1, fast, SONNET, at=datetime.now(UTC)) is None


def test_an_item_knows_its_batch() -> None:
    item = "req_01a2072b3a427a7f96c1eb5c1c90000a"
    assert find_batch_id(item) == "msgbatch_01a2072b3a427a7f96c1eb5c1c900000"


@pytest.mark.parametrize(("usage", "conditions"), RECEIPTS)
async def test_page_twin_api_and_command_line_agree(pool: Pool, usage: Usage, conditions: Conditions) -> None:
    world = await open_world(pool)
    charge = await world.bill(usage, conditions=conditions)
    api = await ask_api(world, charge.request_id)
    async with signed_in(world) as client:
        page = (await client.get(f"/console/requests/{charge.request_id}")).text
        twin = (await client.get(f"/console/requests/{charge.request_id}.json")).json()
    async with pool.connection() as connection:
        receipt = await get_receipt(connection, None, charge.request_id)
    out = io.StringIO()
    print_receipt(receipt, Console(file=out, width=200, highlight=False))
    printed = out.getvalue()
    for one in (api, twin):
        one.pop("as_of")
        one["at_todays_prices"].pop("rated_at")
    assert api == twin
    amounts = [api[name] for name in AMOUNTS] + [api["at_todays_prices"]["net_amount"]]
    text = re.sub(r"<[^>]*>", "", page)
    for amount in amounts:
        assert display_usd(parse_usd(amount)) in text
        assert display_usd(parse_usd(amount)) in printed
    for line in api["lines"]:
        assert display_usd(parse_usd(line["net_amount"])) in text
        assert f"${line['net_amount']}" in printed
    if conditions.service_tier == "batch":
        assert f"/console/batches/{api['batch_id']}" in page
        assert api["batch_id"] in printed
    await world.close()


async def ask_api(world: World, request_id: str) -> dict[str, Any]:
    deps = AdminDeps(world.pool, KeyRing(world.pool))
    transport = httpx2.ASGITransport(app=Starlette(routes=admin_routes(deps)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://jeton.test") as client:
        answer = await client.get(f"/v1/receipts/{request_id}", headers={"x-api-key": world.admin_secret})
    receipt: dict[str, Any] = answer.json()
    return receipt
