"""Charging on real PostgreSQL: hold, settle, release, overrun, replay, concurrency, proof."""

import asyncio

import psycopg
import pytest

from jeton.charging.members import EndHold
from jeton.charging.words import Metered, Rule
from jeton.errors import InsufficientCreditError
from jeton.ledger.errors import HoldEndedError
from jeton.pricing.rating import Conditions
from jeton.usage import Usage

from .conftest import House

TRIAL = 5_000_000_000
# claude-api vector V1: $0.029.
V1 = Usage(input_tokens=2_000, cache_read_input_tokens=100_000, output_tokens=1_500)
V1_NANO = 29_000_000


def metered(usage: Usage | None = V1, rule: Rule = Rule.COMPLETED) -> Metered:
    """A request that ended with this usage."""
    return Metered(rule, usage, "upstream", Conditions(), reported='{"input_tokens": 2000}')


async def test_a_hold_sets_credit_aside(house: House) -> None:
    """Held and available move by the amount of the hold, nothing is used."""
    await house.charging.hold(house.ask(1_000_000_000))
    amounts = (await house.balance()).amounts
    assert (amounts.held_nano, amounts.available_nano, amounts.used_nano) == (1_000_000_000, 4_000_000_000, 0)


async def test_settling_charges_the_usage_and_returns_the_rest(house: House) -> None:
    """V1 costs $0.029 whatever was held."""
    hold = await house.charging.hold(house.ask(1_000_000_000))
    charge = await house.charging.settle(hold, metered())
    assert (charge.state, charge.net_nano) == ("settled", V1_NANO)
    amounts = (await house.balance()).amounts
    assert (amounts.held_nano, amounts.used_nano, amounts.available_nano) == (0, V1_NANO, TRIAL - V1_NANO)
    assert (await house.proof()).findings == []


async def test_a_release_costs_nothing(house: House) -> None:
    """The credit is back and the request still has a charge that says why it was free."""
    hold = await house.charging.hold(house.ask(1_000_000_000))
    charge = await house.charging.release(hold, Rule.UPSTREAM_FAILED)
    assert (charge.state, charge.rule, charge.net_nano) == ("released", Rule.UPSTREAM_FAILED, 0)
    assert (await house.balance()).amounts.available_nano == TRIAL
    assert (await house.proof()).findings == []


async def test_a_hold_beyond_the_credit_is_refused_with_both_numbers(house: House) -> None:
    """One nano too much."""
    with pytest.raises(InsufficientCreditError) as refusal:
        await house.charging.hold(house.ask(TRIAL + 1))
    assert (refusal.value.needed_nano, refusal.value.available_nano) == (TRIAL + 1, TRIAL)
    assert str(refusal.value).startswith("This request may cost up to $5.000000001 and $5.00 is available;")
    assert (await house.balance()).amounts.held_nano == 0


async def test_unknown_usage_is_a_state_and_never_a_zero(house: House) -> None:
    """Nothing is charged, and the request is shown as quarantined."""
    hold = await house.charging.hold(house.ask(1_000))
    charge = await house.charging.settle(hold, metered(None, Rule.USAGE_MISSING))
    assert (charge.state, charge.net_nano) == ("quarantined", 0)
    assert (await house.proof()).findings == []


async def test_settling_twice_charges_once(house: House) -> None:
    """A replay returns the first charge (P3)."""
    hold = await house.charging.hold(house.ask(1_000_000_000))
    first = await house.charging.settle(hold, metered())
    assert await house.charging.settle(hold, metered()) == first
    assert (await house.balance()).amounts.used_nano == V1_NANO
    assert (await house.proof()).findings == []


async def test_a_hold_that_the_sweeper_ended_cannot_be_settled(house: House) -> None:
    """So the last byte of that answer is never sent."""
    hold = await house.charging.hold(house.ask(1_000_000_000))
    end = EndHold(house.organization_id, hold.ask.request_id, "unconfirmed", Rule.NODE_LOST)
    await house.commits.submit(end)
    with pytest.raises(HoldEndedError, match=r"already ended \(unconfirmed\)"):
        await house.charging.settle(hold, metered())
    assert (await house.proof()).findings == []


async def test_a_charge_above_its_hold_is_settled_in_full(house: House) -> None:
    """The hold was 1 nano; the rest comes from the lots."""
    hold = await house.charging.hold(house.ask(1))
    charge = await house.charging.settle(hold, metered())
    assert charge.net_nano == V1_NANO
    assert (await house.balance()).amounts.available_nano == TRIAL - V1_NANO
    assert (await house.proof()).findings == []


async def test_what_no_lot_covers_is_owed(house: House) -> None:
    """600,000,000 output tokens cost $6,000: $5 from the trial, $5,995 receivable."""
    hold = await house.charging.hold(house.ask(1))
    await house.charging.settle(hold, metered(Usage(output_tokens=600_000_000)))
    balance = await house.balance()
    assert (balance.amounts.available_nano, balance.owed_nano) == (0, 5_995_000_000_000)
    assert (await house.proof()).findings == []


async def test_parallel_holds_never_pass_what_is_funded(house: House) -> None:
    """Of 100 holds of $0.07 at once, 71 fit into $5 (P1)."""
    asks = [house.ask(70_000_000) for _ in range(100)]
    outcomes = await asyncio.gather(*map(house.charging.hold, asks), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, InsufficientCreditError)]
    assert len(outcomes) - len(refused) == 71
    assert len(refused) == 29
    assert (await house.balance()).amounts.held_nano == 71 * 70_000_000
    assert (await house.proof()).findings == []


async def test_many_requests_at_once_settle_to_the_sum_of_their_charges(house: House) -> None:
    """50 times V1 is $1.45."""

    async def request() -> None:
        hold = await house.charging.hold(house.ask(50_000_000))
        await house.charging.settle(hold, metered())

    await asyncio.gather(*(request() for _ in range(50)))
    assert (await house.balance()).amounts.used_nano == 1_450_000_000
    proof = await house.proof()
    assert (proof.findings, proof.charges, proof.transactions) == ([], 50, 101)


TAMPERINGS = {
    "a charge off by one nano": (
        "ALTER TABLE charges DISABLE TRIGGER USER; UPDATE charges SET net_nano = net_nano + 1",
        "and its usage at claude-sonnet-5-5@2026-10-07 comes to 0.029 dollars",
    ),
    "a usage event with a token more": (
        "ALTER TABLE usage_events DISABLE TRIGGER USER; UPDATE usage_events SET output_tokens = 1501",
        "comes to 0.02901 dollars",
    ),
    "a balance off by one nano": (
        "UPDATE balances SET credit_free_nano = credit_free_nano - 1, promotion_nano = promotion_nano + 1",
        "account credit:free: the balance is -4.971000001",
    ),
    "a lot off by one nano": (
        "UPDATE lots SET left_nano = left_nano + 1, used_nano = used_nano - 1",
        "left is 4.971000001 and the postings say 4.971",
    ),
    "a rollup off by one nano": (
        (
            "UPDATE usage_rollups SET net_nano = net_nano + 1, list_nano = list_nano + 1, "
            "input_nano = input_nano + 1"
        ),
        "net_nano is 29000001 and the charges sum to 29000000",
    ),
    "a reason that was rewritten": (
        (
            "ALTER TABLE transactions DISABLE TRIGGER USER; "
            "UPDATE transactions SET reason = 'gift' WHERE movement = 'grant'"
        ),
        "breaks at transaction txn_",
    ),
    "a transaction at the end that was removed": (
        "ALTER TABLE transactions DISABLE TRIGGER USER; DELETE FROM transactions WHERE movement = 'settle'",
        "should end at number 3 and ends at 2",
    ),
    "two transactions that changed places": (
        (
            "ALTER TABLE transactions DISABLE TRIGGER USER; "
            "UPDATE transactions SET sequence = 5 - sequence WHERE sequence > 1"
        ),
        "(number 2, after 1)",
    ),
    "a hold without a transaction": (
        "ALTER TABLE charges DISABLE TRIGGER USER; DELETE FROM charges",
        "is neither open nor ended by a charge",
    ),
}


@pytest.mark.parametrize(("tampering", "finding"), TAMPERINGS.values(), ids=TAMPERINGS)
async def test_the_proof_fails_on_one_nano(house: House, tampering: str, finding: str) -> None:
    """Whatever is changed behind the ledger's back is found and named."""
    hold = await house.charging.hold(house.ask(1_000_000_000))
    await house.charging.settle(hold, metered())
    async with house.pool.connection() as connection:
        for statement in tampering.split(";"):
            await connection.execute(statement)
    findings = (await house.proof()).findings
    assert any(finding in found for found in findings), findings


FORBIDDEN = {
    "facts are not updated": "UPDATE charges SET net_nano = 0",
    "facts are not deleted": "DELETE FROM transactions",
    "postings sum to zero": """
        INSERT INTO transactions SELECT 'txn_x', organization_id, movement, NULL, accounts, lots,
        ARRAY[amounts[1], amounts[2] + 1], '', posted_at, 9, digest FROM transactions
        WHERE movement = 'grant'""",
    "balances sum to zero": "UPDATE balances SET revenue_nano = revenue_nano - 1",
    "credit is never overdrawn": "UPDATE balances SET credit_free_nano = 1, promotion_nano = -1",
    "lots add up": "UPDATE lots SET left_nano = left_nano + 1",
    "one trial an organization": """
        INSERT INTO lots (lot_id, organization_id, kind, granted_nano, left_nano, effective_at, granted_at,
        reason) SELECT 'lot_x', organization_id, kind, 1, 1, effective_at, granted_at, reason FROM lots""",
}


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN)
async def test_the_database_refuses_what_the_books_forbid(house: House, statement: str) -> None:
    """The invariants are PostgreSQL's too."""
    hold = await house.charging.hold(house.ask(1_000_000_000))
    await house.charging.settle(hold, metered())
    with pytest.raises((psycopg.errors.IntegrityError, psycopg.errors.RaiseException)):
        async with house.pool.connection() as connection:
            await connection.execute(statement)
