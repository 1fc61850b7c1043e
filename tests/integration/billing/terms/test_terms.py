"""Terms: kept as facts, found with the price, pinned by the hold, and proven with the charge."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec import Raw
from msgspec.structs import replace
from tests.integration.batches.conftest import opened_shop, request
from tests.integration.charging.conftest import MODEL, House, open_house_on, open_writer

from jeton import clock
from jeton.billing.terms.asking import TermsAsk, first_begin
from jeton.billing.terms.errors import TermsNotFoundError, TermsOverlapError, TermsRequestError
from jeton.billing.terms.keeping import Change, add_terms, end_terms
from jeton.charging.agreeing.book import TermsBook
from jeton.charging.agreeing.following import TermsFollower
from jeton.charging.agreeing.reading import find_terms, read_terms
from jeton.charging.credits.errors import IdempotencyError
from jeton.charging.members import EndHold
from jeton.charging.outage.replaying import replay
from jeton.charging.outage.spool import Spool, Unheld, keep_end
from jeton.charging.words import HoldAsk, Metered, Rule
from jeton.db.pool import Pool
from jeton.errors import NotFoundError
from jeton.identity.audit import Actor
from jeton.ids import new_id, new_uuid
from jeton.insight.receipt import get_receipt
from jeton.insight.receipt_json import render_receipt
from jeton.insight.verify import verify
from jeton.metering.events import UsageEvent
from jeton.pricing.loading import load_book
from jeton.pricing.modifiers import AgreedRate
from jeton.pricing.rating import STANDARD, Conditions
from jeton.pricing.terms import Scope, Terms, next_quarter
from jeton.usage import Bucket, Usage

USD = 10**9
BOOK = load_book()
ADA = Actor("operator", "ada")
V1 = Usage(input_tokens=2_000, cache_read_input_tokens=100_000, output_tokens=1_500)
SONNET = Scope("model", MODEL)


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    """An organization with $5 of trial credit."""
    commits = open_writer(pool)
    yield await open_house_on(pool, commits)
    await commits.close()


def a_while_ago() -> datetime:
    """An instant from which what is agreed then is in force by now."""
    return clock.now() - timedelta(hours=1)


def asked(
    at: datetime,
    *,
    scope: Scope = SONNET,
    factor: Fraction | None = Fraction(85, 100),
    rates: tuple[AgreedRate, ...] = (),
    ends: datetime | None = None,
) -> TermsAsk:
    return TermsAsk(scope, factor, rates, first_begin(at), ends, "offer 4711", "Grace")


async def agree_on(house: House, *asks: TermsAsk, at: datetime, key: str = "") -> list[str]:
    async with house.pool.connection() as connection:
        return await add_terms(
            connection, house.organization_id, asks, book=BOOK, change=Change(ADA, at, key)
        )


async def agreed(house: House, *asks: TermsAsk) -> Terms:
    """One agreement that is in force now."""
    at = a_while_ago()
    (terms_id,) = await agree_on(house, *(asks or (asked(at),)), at=at)
    async with house.pool.connection() as connection:
        return (await find_terms(connection, [terms_id]))[terms_id]


def metered(usage: Usage | None = V1, conditions: Conditions = STANDARD) -> Metered:
    return Metered(Rule.COMPLETED, usage, "upstream", conditions, "{}")


def event_of(ask: HoldAsk, occurred_at: datetime) -> UsageEvent:
    counts = (V1.input_tokens, 0, 0, V1.cache_read_input_tokens, V1.output_tokens, 0)
    return UsageEvent(
        ask.request_id, ask.organization_id, ask.workspace_id, ask.key_id, ask.model, ask.upstream,
        occurred_at, *counts, "standard", "global", "standard", "upstream", "accepted", Raw(b"{}"),
    )  # fmt: skip


async def bill(house: House, terms: Terms | None, held_nano: int = 50_000_000) -> str:
    ask = replace(house.ask(held_nano), terms=terms)
    hold = await house.charging.hold(ask)
    await house.charging.settle(hold, metered())
    return ask.request_id


async def find_problems(house: House) -> list[str]:
    return (await house.proof()).findings


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


async def test_the_database_refuses_to_change_terms(house: House) -> None:
    terms = await agreed(house)
    for statement in (
        "UPDATE terms SET reason = 'other'",
        "UPDATE terms SET effective_to = effective_from, ended_at = now(), ended_by = 'x', end_reason = 'x'",
        "DELETE FROM terms",
    ):
        with pytest.raises(psycopg.Error, match="are facts"):
            async with house.pool.connection() as connection:
                await connection.execute(statement)
    with pytest.raises(psycopg.errors.ExclusionViolation):
        async with house.pool.connection() as connection:
            await connection.execute(
                "INSERT INTO terms SELECT 'terms_2', organization_id, scope, content, effective_from, NULL,"
                " reason, created_at, created_by, approved_by FROM terms WHERE terms_id = %s",
                (terms.terms_id,),
            )


async def test_overlapping_terms_are_refused_with_both_named(house: House) -> None:
    terms = await agreed(house)
    now = clock.now()
    with pytest.raises(TermsOverlapError, match=f"The terms for {SONNET} overlaps {terms.terms_id}"):
        await agree_on(house, asked(now), at=now)
    # Two of one import, neither of which is kept.
    every = asked(now, scope=Scope("all"))
    with pytest.raises(TermsOverlapError):
        await agree_on(house, every, every, at=now)
    async with house.pool.connection() as connection:
        assert len(await read_terms(connection, house.organization_id)) == 1
    await agree_on(house, every, at=now)


async def test_two_at_once_do_not_both_agree(house: House) -> None:
    now = clock.now()
    outcomes = await asyncio.gather(
        *(agree_on(house, asked(now), at=now) for _ in range(4)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["TermsOverlapError"] * 3 + ["list"]


async def test_the_same_again_under_its_key_changes_nothing(house: House) -> None:
    now = clock.now()
    ask = asked(now)
    first = await agree_on(house, ask, at=now, key="k1")
    assert await agree_on(house, ask, at=now + timedelta(hours=2), key="k1") == first
    with pytest.raises(IdempotencyError):
        await agree_on(house, asked(now, factor=Fraction(1, 2)), at=now, key="k1")


async def test_what_follows_begins_where_the_first_ends(house: House) -> None:
    now = clock.now()
    begins = first_begin(now)
    await agree_on(house, asked(now, ends=begins + timedelta(hours=1)), at=now)
    later = TermsAsk(SONNET, Fraction(1, 2), (), begins + timedelta(hours=1), None, "2027", "Grace")
    await agree_on(house, later, at=now)


async def test_terms_that_have_not_begun_are_withdrawn(house: House) -> None:
    now = clock.now()
    begins = next_quarter(now + timedelta(days=3))
    ask = TermsAsk(SONNET, Fraction(1, 2), (), begins, None, "2027", "Grace")
    (terms_id,) = await agree_on(house, ask, at=now)
    async with house.pool.connection() as connection:
        ended = await end_terms(
            connection, house.organization_id, terms_id, reason="no deal", change=Change(ADA, now)
        )
        assert ended.is_void
        with pytest.raises(TermsNotFoundError):
            await end_terms(connection, house.organization_id, "terms_9", reason="x", change=Change(ADA, now))
    # And others may begin in its place.
    await agree_on(house, ask, at=now)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"effective_from": timedelta(minutes=1)}, "no full quarter", id="between quarters"),
        pytest.param({"effective_from": timedelta(hours=-2)}, "or later, since", id="backdated"),
        pytest.param({"effective_to": timedelta(0)}, "end before they begin", id="empty"),
        pytest.param({"factor": None}, "say a factor, or rates", id="nothing"),
        pytest.param({"factor": Fraction(0)}, "a factor is above 0", id="free"),
        pytest.param({"factor": Fraction(11)}, "at most 10, not 11", id="a slip"),
        pytest.param({"scope": Scope("model", "claude-nobody")}, "no model 'claude-nobody'", id="model"),
        pytest.param({"scope": Scope("line", "epos")}, "no model of a line 'epos'", id="line"),
        pytest.param({"reason": ""}, "say why", id="no reason"),
        pytest.param({"approved_by": ""}, "who approved it", id="nobody's leave"),
        pytest.param(
            {"rates": (AgreedRate("fast", Bucket.INPUT, USD),)}, "no price for fast input", id="not sold"
        ),
        pytest.param(
            {"rates": (AgreedRate("batch", Bucket.WEB_SEARCH, USD),)}, "one rate in every tier", id="searches"
        ),
        pytest.param(
            {"rates": (AgreedRate("standard", Bucket.INPUT, USD),) * 2}, "a rate is given twice", id="twice"
        ),
        pytest.param(
            {"rates": (AgreedRate("standard", Bucket.INPUT, 0),)}, "above $0", id="a rate of nothing"
        ),
        pytest.param(
            {"rates": (AgreedRate("standard", Bucket.INPUT, USD, "odd"),)},
            "no prompt lengths 'odd'",
            id="band",
        ),
        pytest.param(
            {"scope": Scope("all"), "rates": (AgreedRate("standard", Bucket.INPUT, USD),)},
            "rates are for one model",
            id="rates of all",
        ),
    ],
)
async def test_terms_that_make_no_sense(house: House, changed: dict[str, Any], said: str) -> None:
    now = clock.now()
    values: dict[str, Any] = {
        "scope": SONNET,
        "factor": Fraction(1, 2),
        "rates": (),
        "effective_from": first_begin(now),
    }
    values |= {"effective_to": None, "reason": "offer", "approved_by": "Grace", **changed}
    for name in ("effective_from", "effective_to"):
        if isinstance(values[name], timedelta):
            values[name] = first_begin(now) + values[name]
    with pytest.raises(TermsRequestError, match=said.replace("(", r"\(").replace("$", r"\$")):
        await agree_on(house, TermsAsk(**values), at=now)


async def test_nobody_agrees_with_an_unknown_organization(house: House) -> None:
    now = clock.now()
    async with house.pool.connection() as connection:
        with pytest.raises(NotFoundError):
            await add_terms(connection, new_uuid(), [asked(now)], book=BOOK, change=Change(ADA, now))


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
