"""Terms: found with the price, pinned by the hold, and proven with the charge."""

import asyncio
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.integration.batches.conftest import opened_shop, request
from tests.integration.billing.terms.scene import (
    ADA,
    BOOK,
    USD,
    a_while_ago,
    agree_on,
    agreed,
    asked,
    bill,
    event_of,
    find_problems,
    metered,
)
from tests.integration.charging.conftest import MODEL, House

from jeton import clock
from jeton.billing.terms.asking import first_begin
from jeton.billing.terms.keeping import Change, add_terms, end_terms
from jeton.charging.agreeing.book import TermsBook
from jeton.charging.agreeing.following import TermsFollower
from jeton.charging.agreeing.reading import read_terms
from jeton.charging.members import EndHold
from jeton.charging.outage.replaying import replay
from jeton.charging.outage.spool import Spool, Unheld, keep_end
from jeton.charging.words import HoldAsk, Rule
from jeton.db.pool import Pool
from jeton.ids import new_id
from jeton.insight.receipt import get_receipt
from jeton.insight.receipt_json import render_receipt
from jeton.insight.verify import verify
from jeton.pricing.modifiers import AgreedRate
from jeton.pricing.terms import Scope
from jeton.usage import Bucket


async def test_a_charge_under_terms_is_explained_and_proven(house: House) -> None:
    """0.85 of $0.029 is $0.02465."""
    terms = await agreed(house)
    request_id = await bill(house, terms)
    assert (await house.balance()).amounts.used_nano == 24_650_000
    async with house.pool.connection() as connection:
        receipt = await get_receipt(connection, house.organization_id, request_id)
    shown: dict[str, Any] = render_receipt(receipt)
    assert (shown["problems"], shown["net_amount"], shown["saved"]["negotiated"]) == (
        [],
        "0.02465",
        "0.00435",
    )
    assert (shown["terms"]["id"], shown["terms"]["factor"]) == (terms.terms_id, "0.85")
    assert shown["at_todays_prices"]["net_amount"] == "0.02465"
    assert {step["name"] for line in shown["lines"] for step in line["steps"]} == {
        "cache_read", terms.terms_id,
    }  # fmt: skip
    assert await find_problems(house) == []
    async with house.pool.connection() as connection:
        rollup = await connection.execute("SELECT saved_negotiated_nano, net_nano FROM usage_quarters")
        assert await rollup.fetchall() == [(4_350_000, 24_650_000)]


async def test_a_price_above_the_list_is_held_in_full(house: House) -> None:
    """$40 a million instead of $10: 1,500 tokens of output are $0.06, and $0.074 with the prompt's $0.014."""
    terms = await agreed(
        house, asked(a_while_ago(), factor=None, rates=(AgreedRate("standard", Bucket.OUTPUT, 40 * USD),))
    )
    request_id = await bill(house, terms, held_nano=100_000_000)
    async with house.pool.connection() as connection:
        receipt = await get_receipt(connection, house.organization_id, request_id)
    assert (receipt.money.net_nano, receipt.money.overrun_nano, receipt.problems) == (74_000_000, 0, ())
    assert await find_problems(house) == []


@pytest.mark.parametrize(
    ("bent", "said"),
    [
        pytest.param(
            "UPDATE charges SET terms_id = NULL", "was rated under no terms, and terms_", id="taken away"
        ),
        pytest.param("UPDATE charges SET terms_id = 'terms_2'", "rated under terms_2, and", id="others"),
        pytest.param(
            """UPDATE terms SET content = jsonb_set(content, '{factor}', '"0.5"')""",
            "comes to 0.0145 dollars",
            id="bent afterwards",
        ),
    ],
)
async def test_a_charge_under_wrong_terms_is_found(house: House, bent: str, said: str) -> None:
    await bill(house, await agreed(house))
    async with house.pool.connection() as connection:
        for table in ("charges", "terms"):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        await connection.execute(bent)
    assert [problem for problem in await find_problems(house) if said in problem]


async def test_a_charge_at_list_prices_while_terms_were_in_force_is_found(house: House) -> None:
    terms = await agreed(house)
    await bill(house, None)
    (problem,) = await find_problems(house)
    assert f"was rated under no terms, and {terms.terms_id} applied" in problem


async def test_what_is_held_is_charged_under_the_terms_of_its_hold(house: House) -> None:
    terms = await agreed(house)
    hold = await house.charging.hold(replace(house.ask(50_000_000), terms=terms))
    now = clock.now()
    async with house.pool.connection() as connection:
        ended = await end_terms(
            connection, house.organization_id, terms.terms_id, reason="over", change=Change(ADA, now)
        )
    assert ended.effective_to == first_begin(now)
    charge = await house.charging.settle(hold, metered())
    assert charge.net_nano == 24_650_000
    assert await find_problems(house) == []


async def test_a_node_hears_of_terms_and_of_their_end(house: House) -> None:
    known = TermsBook()
    follower = TermsFollower(house.pool, known)
    await follower.read()
    following = asyncio.create_task(follower.run())
    at = a_while_ago()

    async def heard(expected: str | None) -> None:
        async with asyncio.timeout(10):
            while True:
                found = known.find(house.organization_id, house.version, clock.now())
                if (found and found.terms_id) == expected:
                    return
                await asyncio.sleep(0.01)

    await heard(None)
    (terms_id,) = await agree_on(house, asked(at), at=at)
    await heard(terms_id)
    async with house.pool.connection() as connection:
        ends = Change(ADA, clock.now() - timedelta(minutes=20))
        await end_terms(connection, house.organization_id, terms_id, reason="over", change=ends)
    await heard(None)
    following.cancel()


async def test_the_items_of_a_batch_are_under_the_terms_of_its_hold(pool: Pool) -> None:
    terms = TermsBook()
    async with opened_shop(pool, terms=terms) as shop:
        at = a_while_ago()
        change = Change(ADA, at)
        ask = asked(at, scope=Scope("all"), factor=Fraction(3, 2))
        async with pool.connection() as connection:
            (terms_id,) = await add_terms(connection, shop.organization_id, [ask], book=BOOK, change=change)
            terms.set(shop.organization_id, await read_terms(connection, shop.organization_id))
        batch_id = await shop.submit([request("a"), request("b")])
        # What comes later is not theirs.
        terms.set(shop.organization_id, [])
        await shop.run(batch_id)
        rows = await shop.fetch("SELECT terms_id, net_nano, list_nano, overrun_nano FROM charges")
        assert [row[0] for row in rows] == [terms_id] * 2
        # Half of the list price in a batch, and half again as much by the terms.
        assert [row[1] * 4 for row in rows] == [row[2] * 3 for row in rows]
        assert [row[3] for row in rows] == [0, 0]
        async with pool.connection() as connection:
            assert (await verify(connection)).findings == []


async def test_what_was_kept_while_the_database_was_away_is_under_its_terms(
    house: House, tmp_path: Path
) -> None:
    terms = await agreed(house)
    ask: HoldAsk = replace(house.ask(50_000_000), terms=terms)
    hold = await house.charging.hold(ask)
    spool = Spool(tmp_path / "ends.jsonl")
    outside = replace(house.ask(0), request_id=new_id("req"), terms=terms)
    for one, taken_at, unheld in (
        (ask, hold.taken_at, None),
        (
            outside,
            clock.now(),
            Unheld(
                "wrkspc_test",
                "apikey_test",
                MODEL,
                "embedded",
                is_rehearsal=False,
                node_id="node_1",
                taken_at=clock.now(),
            ),
        ),
    ):
        end = EndHold(
            house.organization_id, one.request_id, "settled", Rule.COMPLETED, event=event_of(one, taken_at)
        )
        await spool.append(keep_end(end, one.price_version.price_version_id, unheld, terms=one.terms))
    assert await replay(house.pool, house.commits, spool) == 2
    await spool.close()
    assert (await house.balance()).amounts.used_nano == 2 * 24_650_000
    assert await find_problems(house) == []
