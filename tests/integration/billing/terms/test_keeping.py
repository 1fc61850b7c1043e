"""Keeping terms: facts that are added and ended, never changed, never two for one instant."""

import asyncio
from datetime import timedelta
from fractions import Fraction
from typing import Any

import psycopg
import pytest
from tests.integration.billing.terms.scene import (
    ADA,
    BOOK,
    SONNET,
    USD,
    agree_on,
    agreed,
    asked,
)
from tests.integration.charging.conftest import House

from jeton import clock
from jeton.billing.terms.asking import TermsAsk, first_begin
from jeton.billing.terms.errors import TermsNotFoundError, TermsOverlapError, TermsRequestError
from jeton.billing.terms.keeping import Change, add_terms, end_terms
from jeton.charging.agreeing.reading import read_terms
from jeton.charging.credits.errors import IdempotencyError
from jeton.errors import NotFoundError
from jeton.ids import new_uuid
from jeton.pricing.modifiers import AgreedRate
from jeton.pricing.terms import Scope, next_quarter
from jeton.usage import Bucket


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
