"""Invoiced organizations: lots first, then credit up to a limit, whatever is in flight."""

import asyncio

import pytest
from tests.integration.charging.conftest import House
from tests.integration.charging.test_charging import TRIAL, metered

from jeton.charging.credits.errors import CreditRequestError
from jeton.charging.credits.limits import set_credit_limit
from jeton.charging.credits.reversing import reverse_charge
from jeton.errors import InsufficientCreditError, NotFoundError
from jeton.identity.audit import Actor
from jeton.ids import new_uuid
from jeton.insight.organizations import list_organization_balances
from jeton.insight.receipt import get_receipt
from jeton.usage import Usage

ADA = Actor("operator", "ada@example.com")
USD = 1_000_000_000


async def invoice(house: House, limit_nano: int) -> None:
    async with house.pool.connection() as connection:
        await set_credit_limit(connection, house.organization_id, limit_nano, by=ADA)


async def test_a_hold_draws_lots_first_and_then_on_the_limit(house: House) -> None:
    """$5 in a lot and a limit of $20: a hold of $12, a charge of $6, so $1 is accrued."""
    await invoice(house, 20 * USD)
    hold = await house.charging.hold(house.ask(12 * USD))
    balance = await house.balance()
    assert (balance.amounts.held_nano, balance.accrued_nano, balance.credit_nano) == (
        TRIAL,
        7 * USD,
        13 * USD,
    )
    await house.charging.settle(hold, metered(Usage(output_tokens=600_000)))
    balance = await house.balance()
    assert (balance.amounts.used_nano, balance.accrued_nano, balance.credit_nano) == (TRIAL, USD, 19 * USD)
    assert (await house.proof()).findings == []
    async with house.pool.connection() as connection:
        receipt = await get_receipt(connection, None, hold.ask.request_id)
    assert (receipt.state, [lot.amount_nano for lot in receipt.lots]) == ("settled", [TRIAL, USD])
    assert receipt.lots[1].kind == "credit"


async def test_parallel_holds_never_pass_the_limit(house: House) -> None:
    """$5 and a limit of $2: of 100 holds of $0.07 at once, 100 fit; of 30 more, none."""
    await invoice(house, 2 * USD)
    asks = [house.ask(70_000_000) for _ in range(130)]
    outcomes = await asyncio.gather(*map(house.charging.hold, asks), return_exceptions=True)
    assert sum(isinstance(outcome, InsufficientCreditError) for outcome in outcomes) == 30
    with pytest.raises(InsufficientCreditError) as refusal:
        await house.charging.hold(house.ask(1))
    assert refusal.value.available_nano == 0
    assert (await house.proof()).findings == []


async def test_a_charge_above_its_hold_is_accrued_in_full(house: House) -> None:
    """Beyond the limit, too: it was used. Nothing more is admitted then."""
    await invoice(house, USD)
    hold = await house.charging.hold(house.ask(1))
    await house.charging.settle(hold, metered(Usage(output_tokens=1_000_000)))
    balance = await house.balance()
    assert (balance.accrued_nano, balance.owed_nano, balance.credit_nano) == (5 * USD, 0, 0)
    with pytest.raises(InsufficientCreditError):
        await house.charging.hold(house.ask(1))
    async with house.pool.connection() as connection:
        await reverse_charge(connection, hold.ask.request_id, reason="ours", by=ADA)
    balance = await house.balance()
    assert (balance.accrued_nano, balance.amounts.available_nano) == (0, TRIAL)
    assert (await house.proof()).findings == []


async def test_a_lower_limit_counts_at_once_on_a_node_that_remembers(house: House) -> None:
    """Prepaid again: what is owed stays owed, and only lots are drawn on."""
    await invoice(house, 20 * USD)
    hold = await house.charging.hold(house.ask(6 * USD))
    await house.charging.settle(hold, metered(Usage(output_tokens=600_000)))
    await invoice(house, 0)
    with pytest.raises(InsufficientCreditError):
        await house.charging.hold(house.ask(1))
    assert (await house.balance()).accrued_nano == USD
    async with house.pool.connection() as connection:
        (listed,) = await list_organization_balances(connection)
    assert (listed.kind, listed.credit_limit_nano, listed.accrued_nano) == ("prepaid", 0, USD)
    assert (await house.proof()).findings == []


async def test_a_limit_that_makes_no_sense_is_refused(house: House) -> None:
    """Below zero, or of nobody."""
    with pytest.raises(CreditRequestError, match="from 0 to"):
        await invoice(house, -1)
    async with house.pool.connection() as connection:
        with pytest.raises(NotFoundError):
            await set_credit_limit(connection, new_uuid(), 1, by=ADA)
