"""Trials: what the grant policy gives, to whom, and when its time begins."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from tests.integration.charging.conftest import House
from tests.integration.charging.test_charging import metered

from jeton.charging.credits.trials import TrialTerms
from jeton.charging.onboarding import open_organization
from jeton.db.pool import Pool
from jeton.errors import InsufficientCreditError
from jeton.identity.audit import list_audit
from jeton.insight.balance import LotBalance, get_balance
from jeton.metering.contract import Rule

USD = 1_000_000_000
TERMS = TrialTerms(5 * USD, 30, per_domain_max=2)


async def sign_up(pool: Pool, email: str, terms: TrialTerms = TERMS) -> UUID:
    async with pool.connection() as connection:
        organization = await open_organization(connection, name="New", trial=terms, email=email)
    return organization.organization_id


async def find_trial(pool: Pool, organization_id: UUID) -> LotBalance | None:
    async with pool.connection() as connection:
        lots = (await get_balance(connection, organization_id)).lots
    return lots[0] if lots else None


async def has_trial(pool: Pool, organization_id: UUID) -> bool:
    return await find_trial(pool, organization_id) is not None


async def test_a_trial_lasts_from_the_sign_up_on(pool: Pool) -> None:
    """$5 for 30 days, for one model."""
    terms = replace(TERMS, models=frozenset({"claude-haiku-5-5"}))
    lot = await find_trial(pool, await sign_up(pool, "ada@example.com", terms))
    assert lot is not None
    assert (lot.kind, lot.amounts.available_nano, lot.models) == ("free", 5 * USD, ("claude-haiku-5-5",))
    assert lot.expires_at is not None
    assert lot.expires_at - lot.granted_at == timedelta(days=30)


async def test_of_parallel_sign_ups_of_one_domain_only_so_many_get_a_trial(pool: Pool) -> None:
    """Ten at once, two trials; the others are opened without, and it is recorded why."""
    opened = await asyncio.gather(*(sign_up(pool, f"user{n}@mail{n}.example.com") for n in range(10)))
    assert sum([await has_trial(pool, organization_id) for organization_id in opened]) == 2
    async with pool.connection() as connection:
        withheld = [entry for entry in await list_audit(connection) if entry.action == "trial.withheld"]
    assert len(withheld) == 8
    assert withheld[0].details == {"mail_subject": "example.com", "trials": 2, "in_days": 365}


async def test_another_domain_is_not_touched_by_it(pool: Pool) -> None:
    """Nor a public one, where each address counts for itself."""
    for email in (
        "a@example.com",
        "b@example.com",
        "c@example.org",
        "a@gmail.com",
        "b@gmail.com",
        "c@gmail.com",
    ):
        assert await has_trial(pool, await sign_up(pool, email))
    assert await has_trial(pool, await sign_up(pool, "c+2@gmail.com"))
    for email in ("c@example.com", "C+3@GMail.com"):
        assert not await has_trial(pool, await sign_up(pool, email))


async def test_without_a_limit_everybody_gets_one(pool: Pool) -> None:
    """And without an amount nobody does."""
    for _ in range(3):
        assert await has_trial(pool, await sign_up(pool, "a@example.com", replace(TERMS, per_domain_max=0)))
    assert not await has_trial(pool, await sign_up(pool, "a@example.org", TrialTerms(0, 30)))


@pytest.fixture
async def first_call_house(house: House) -> House:
    """A house whose organization has a trial that begins with the first use."""
    organization_id = await sign_up(house.pool, "ada@example.com", replace(TERMS, clock="first_call"))
    return replace(house, organization_id=organization_id)


async def test_the_clock_may_start_with_the_first_charge(first_call_house: House) -> None:
    """Not with a hold, a release or a charge of nothing known; once; and the proof knows."""
    house = first_call_house
    lot = await find_trial(house.pool, house.organization_id)
    assert lot is not None
    assert lot.expiry_text == "30 days after the first use"
    await house.charging.release(await house.charging.hold(house.ask(USD)), Rule.UPSTREAM_FAILED)
    await house.charging.settle(await house.charging.hold(house.ask(USD)), metered(None, Rule.USAGE_MISSING))
    lot = await find_trial(house.pool, house.organization_id)
    assert lot is not None
    assert lot.expires_at is None
    seen = set()
    for _ in range(2):
        hold = await house.charging.hold(house.ask(USD))
        await house.charging.settle(hold, metered())
        lot = await find_trial(house.pool, house.organization_id)
        assert lot is not None
        assert lot.expires_at is not None
        seen.add(lot.expires_at)
        assert timedelta(days=30) - (lot.expires_at - hold.taken_at) < timedelta(minutes=1)
    assert len(seen) == 1
    assert (await house.proof()).findings == []
    async with house.pool.connection() as connection:
        await connection.execute("UPDATE lots SET expires_at = expires_at + interval '1 day'")
    assert "does not expire when its first use says" in (await house.proof()).findings[0]


async def test_a_remembered_book_knows_when_the_clock_runs_out(first_call_house: House) -> None:
    """The node that started the clock decides on its memory."""
    house = first_call_house
    await house.charging.settle(await house.charging.hold(house.ask(USD)), metered())
    await house.charging.settle(await house.charging.hold(house.ask(USD)), metered())
    with pytest.raises(InsufficientCreditError):
        await house.charging.hold(house.ask(5 * USD))
    balance = await house.balance()
    assert balance.amounts.used_nano == 58_000_000
