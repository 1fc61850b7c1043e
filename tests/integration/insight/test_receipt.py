"""Receipts: recomputable from what they print, and loud when a fact was bent."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from tests.integration.world import USD, World, open_world

from jeton.charging.words import Rule
from jeton.db.pool import Pool
from jeton.insight.receipt import Receipt, ReceiptNotFoundError, get_receipt
from jeton.insight.receipt_json import render_receipt
from jeton.pricing.rating import Conditions
from jeton.usage import Usage


async def receipt_of(world: World, request_id: str) -> Receipt:
    async with world.pool.connection() as connection:
        return await get_receipt(connection, world.organization.organization_id, request_id)


async def test_a_receipt_shows_the_first_published_vector_to_the_nano(pool: Pool) -> None:
    world = await open_world(pool)
    charge = await world.bill()
    receipt = await receipt_of(world, charge.request_id)
    shown: dict[str, Any] = render_receipt(receipt)
    assert receipt.problems == ()
    assert (shown["state"], shown["rule"]["id"], shown["net_amount"], shown["list_amount"]) == (
        "settled", "completed", "0.029", "0.219",
    )  # fmt: skip
    assert shown["price_version"]["id"] == "claude-sonnet-5-5@2026-10-07"
    assert [
        (line["bucket"], line["quantity"], line["list_rate"], line["rate"], line["exact"], line["net_amount"])
        for line in shown["lines"]
    ] == [
        ("input", 2_000, "2.00", "2", "0.004", "0.004"),
        ("cache_read", 100_000, "2.00", "0.1", "0.01", "0.01"),
        ("output", 1_500, "10.00", "10", "0.015", "0.015"),
    ]
    (step,) = shown["lines"][1]["steps"]
    assert step == {
        "stage": "cache",
        "name": "cache_read",
        "factor": "0.05",
        "explicit_rate": "0.10",
        "rate": "0.1",
        "reduction": "0.19",
    }
    assert shown["hold"] == {"amount": "1.00", "released": "0.971", "overrun": "0.00"}
    assert [(lot["kind"], lot["amount"]) for lot in shown["lots"]] == [("free", "0.029")]
    assert [entry["movement"] for entry in shown["transactions"]] == ["hold", "settle"]
    for entry in shown["transactions"]:
        assert sum(Decimal(posting["amount"]) for posting in entry["postings"]) == 0
    await world.close()


async def test_what_is_printed_is_enough_to_recompute_the_charge(pool: Pool) -> None:
    world = await open_world(pool)
    usage = Usage(1_234, 77_777, 11_111, 98_765, 4_321, 3)
    conditions = Conditions(inference_geo="us")
    charge = await world.bill(usage, conditions=conditions)
    shown: dict[str, Any] = render_receipt(await receipt_of(world, charge.request_id))
    total = 0
    for line in shown["lines"]:
        rate = Fraction(line["list_rate"])
        for step in line["steps"]:
            rate *= Fraction(step["factor"])
            assert rate == Fraction(step["rate"])
        exact = rate * line["quantity"] / line["per"]
        assert exact == Fraction(line["exact"])
        nano = round(exact * USD)
        assert nano == Fraction(line["net_amount"]) * USD
        total += nano
    assert total == charge.net_nano == Fraction(shown["net_amount"]) * USD
    saved = sum(Fraction(amount) for amount in shown["saved"].values())
    assert Fraction(shown["list_amount"]) - saved == Fraction(shown["net_amount"])
    assert sum(Fraction(lot["amount"]) for lot in shown["lots"]) == Fraction(shown["net_amount"])
    await world.close()


async def test_an_open_request_shows_its_hold(pool: Pool) -> None:
    world = await open_world(pool)
    hold = await world.hold(7_000_000)
    receipt = await receipt_of(world, hold.ask.request_id)
    shown = render_receipt(receipt)
    assert (receipt.state, receipt.rating, receipt.problems) == ("open", None, ())
    assert shown["net_amount"] is None
    assert shown["hold"] == {"amount": "0.007", "released": None, "overrun": "0.00"}
    assert receipt.times.valid_until == hold.valid_until
    await world.close()


@pytest.mark.parametrize(
    ("usage", "rule", "state"),
    [(None, Rule.USAGE_CONTRADICTORY, "quarantined"), (Usage(), Rule.REFUSAL_BEFORE_OUTPUT, "settled")],
    ids=["quarantined", "nothing used"],
)
async def test_a_request_that_costs_nothing_says_why(
    pool: Pool, usage: Usage | None, rule: Rule, state: str
) -> None:
    world = await open_world(pool)
    charge = await world.bill(usage, rule=rule)
    receipt = await receipt_of(world, charge.request_id)
    assert (receipt.state, receipt.rule_id, receipt.money.net_nano) == (state, rule.value, 0)
    assert receipt.money.released_nano == USD
    await world.close()


async def test_a_released_hold_went_back_whole(pool: Pool) -> None:
    world = await open_world(pool)
    charge = await world.charging.release(await world.hold(), Rule.UPSTREAM_FAILED)
    receipt = await receipt_of(world, charge.request_id)
    assert (receipt.state, receipt.money.released_nano, receipt.lots) == ("released", USD, ())
    assert [entry.movement for entry in receipt.transactions] == ["hold", "release"]
    await world.close()


async def test_others_do_not_see_it(pool: Pool) -> None:
    ours, theirs = await open_world(pool), await open_world(pool, name="Theirs")
    charge = await ours.bill()
    async with pool.connection() as connection:
        with pytest.raises(ReceiptNotFoundError):
            await get_receipt(connection, theirs.organization.organization_id, charge.request_id)
        with pytest.raises(ReceiptNotFoundError):
            await get_receipt(
                connection,
                ours.organization.organization_id,
                charge.request_id,
                workspace_id=theirs.key.workspace_id,
            )
        anywhere = await get_receipt(connection, None, charge.request_id)
    assert anywhere.request_id == charge.request_id
    await ours.close()
    await theirs.close()


@pytest.mark.parametrize(
    "bend",
    [
        "UPDATE charges SET net_nano = net_nano + 1",
        "UPDATE charges SET list_nano = list_nano - 1",
        "UPDATE charges SET lines = jsonb_set(lines, '{0,quantity}', '2001')",
        "UPDATE charges SET draws = '[]'",
        "UPDATE usage_events SET output_tokens = 1501",
        (
            "UPDATE transactions SET amounts = amounts[1:1] || -amounts[1], accounts = accounts[1:2],"
            " lots = lots[1:2] WHERE movement = 'settle'"
        ),
        (
            "UPDATE price_versions SET content ="
            " jsonb_set(content, '{price,bands,0,standard,output}', '\"11.00\"')"
        ),
    ],
)
async def test_one_bent_fact_makes_a_loud_mismatch(pool: Pool, bend: str) -> None:
    world = await open_world(pool)
    charge = await world.bill()
    async with pool.connection() as connection:
        for table in ("charges", "usage_events", "transactions", "price_versions"):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        await connection.execute(bend)
    receipt = await receipt_of(world, charge.request_id)
    assert receipt.state == "mismatch"
    assert receipt.problems
    await world.close()
