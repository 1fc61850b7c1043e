"""Reversing a charge: into the same lots, last drawn first, once."""

import asyncio
from datetime import timedelta

import pytest
from tests.integration.charging.conftest import House
from tests.integration.charging.test_charging import TRIAL, V1_NANO, metered

from jeton import clock
from jeton.charging.budgets.opening import WantedBudget, create_budget
from jeton.charging.credits import Grant, grant
from jeton.charging.credits.errors import ChargeNotFoundError, CreditRequestError, ReversedError
from jeton.charging.credits.reversing import Reversal, reverse_charge
from jeton.identity.audit import Actor
from jeton.insight.budgets.standing import get_budget
from jeton.insight.receipt import get_receipt
from jeton.insight.receipt_json import render_receipt
from jeton.insight.requests import list_charges
from jeton.insight.usage import DayRange, list_daily_usage, render_usage
from jeton.ledger.budgets.errors import BudgetExceededError
from jeton.ledger.chart import LotKind
from jeton.ledger.lots import Draw
from jeton.usage import Usage

ADA = Actor("operator", "ada@example.com")


async def charge_of(house: House, usage: Usage, held_nano: int) -> str:
    hold = await house.charging.hold(house.ask(held_nano))
    await house.charging.settle(hold, metered(usage))
    return hold.ask.request_id


async def undo(house: House, request_id: str, amount_nano: int | None = None) -> Reversal:
    async with house.pool.connection() as connection:
        return await reverse_charge(
            connection, request_id, reason="our fault", by=ADA, amount_nano=amount_nano
        )


async def give(house: House, given: Grant) -> str:
    async with house.pool.connection() as connection:
        return await grant(connection, house.organization_id, given)


async def test_what_was_paid_goes_back_into_the_same_lots(house: House) -> None:
    """The first lot was used up by it, and is open again; $5.01 of a charge from two lots."""
    small = await give(house, Grant(LotKind.PAID, 10_000_000, "a cent", priority=-1))
    request_id = await charge_of(house, Usage(output_tokens=501_000), TRIAL + 10_000_000)
    assert (await house.balance()).amounts.available_nano == 0
    reversal = await undo(house, request_id)
    trial = next(lot.lot_id for lot in (await house.balance()).lots if lot.reason == "trial")
    assert reversal.draws == (Draw(trial, TRIAL), Draw(small, 10_000_000))
    amounts = (await house.balance()).amounts
    assert (amounts.available_nano, amounts.used_nano) == (TRIAL + 10_000_000, 0)
    assert (await house.proof()).findings == []


async def test_a_reversal_happens_once(house: House) -> None:
    """Twice at once is once; another amount afterwards is refused."""
    request_id = await charge_of(house, Usage(output_tokens=100_000), 2_000_000_000)
    first, second = await asyncio.gather(undo(house, request_id), undo(house, request_id))
    assert first == second == await undo(house, request_id)
    assert (await house.balance()).amounts.available_nano == TRIAL
    with pytest.raises(ReversedError, match=r"1\.00 dollars of the charge"):
        await undo(house, request_id, 1)
    assert (await house.proof()).findings == []


async def test_a_part_of_a_charge_unwinds_from_its_end(house: House) -> None:
    """A dollar of which $0.01 came from the first lot: half of it comes from the second."""
    small = await give(house, Grant(LotKind.PAID, 10_000_000, "a cent", priority=-1))
    request_id = await charge_of(house, Usage(output_tokens=100_000), 2_000_000_000)
    reversal = await undo(house, request_id, 995_000_000)
    assert [drawn.amount_nano for drawn in reversal.draws] == [990_000_000, 5_000_000]
    assert reversal.draws[1].lot_id == small
    assert (await house.balance()).amounts.used_nano == 5_000_000
    assert (await house.proof()).findings == []


async def test_what_was_owed_is_owed_no_more(house: House) -> None:
    """$6,000 with $5 of credit: $5,995 of it was owed, and that goes first."""
    request_id = await charge_of(house, Usage(output_tokens=600_000_000), 1)
    reversal = await undo(house, request_id, 5_996_000_000_000)
    assert (reversal.owed_nano, [drawn.amount_nano for drawn in reversal.draws]) == (
        5_995_000_000_000,
        [1_000_000_000],
    )
    balance = await house.balance()
    assert (balance.owed_nano, balance.amounts.available_nano) == (0, 1_000_000_000)
    assert (await house.proof()).findings == []


async def test_credit_for_an_expired_lot_expires_as_it_comes_back(house: House) -> None:
    """The organization stands where it would without the charge: the credit would have expired unused."""
    soon = clock.now() + timedelta(seconds=2)
    lot_id = await give(house, Grant(LotKind.PROMOTIONAL, 100_000_000, "a moment", soon, priority=-1))
    request_id = await charge_of(house, Usage(output_tokens=1_000), 50_000_000)
    while clock.now() < soon:
        await house.balance()
    reversal = await undo(house, request_id)
    assert reversal.draws == (Draw(lot_id, 10_000_000),)
    balance = await house.balance()
    lot = next(lot for lot in balance.lots if lot.lot_id == lot_id)
    assert (lot.amounts.used_nano, lot.amounts.expired_nano, lot.amounts.available_nano) == (
        0,
        100_000_000,
        0,
    )
    assert balance.amounts.available_nano == TRIAL
    assert (await house.proof()).findings == []


async def test_what_cannot_be_reversed_is_refused(house: House) -> None:
    """One sentence, nothing written."""
    request_id = await charge_of(house, Usage(output_tokens=1_000), 50_000_000)
    for nano in (0, -1, 10_000_001):
        with pytest.raises(CreditRequestError, match=r"is 0\.01 dollars"):
            await undo(house, request_id, nano)
    with pytest.raises(ChargeNotFoundError):
        await undo(house, "req_none")
    async with house.pool.connection() as connection:
        with pytest.raises(CreditRequestError, match="needs a reason"):
            await reverse_charge(connection, request_id, reason="", by=ADA)
    hold = await house.charging.hold(house.ask(1))
    with pytest.raises(ChargeNotFoundError):
        await undo(house, hold.ask.request_id)


async def test_a_receipt_shows_its_reversal(house: House) -> None:
    """The charge stays what it was."""
    hold = await house.charging.hold(house.ask(1_000_000_000))
    await house.charging.settle(hold, metered())
    reversal = await undo(house, hold.ask.request_id)
    async with house.pool.connection() as connection:
        receipt = render_receipt(await get_receipt(connection, None, hold.ask.request_id))
    assert (receipt["state"], receipt["net_amount"]) == ("settled", "0.029")
    assert receipt["reversal"] == {
        "amount": "0.029",
        "owed_no_more": "0.00",
        "lots": [{"id": reversal.draws[0].lot_id, "amount": "0.029"}],
        "reason": "our fault",
        "transaction_id": reversal.transaction_id,
        "reversed_at": reversal.reversed_at.isoformat(),
    }
    assert reversal.amount_nano == V1_NANO


async def make_budget(house: House, limit_nano: int, *, is_hard: bool = True) -> str:
    wanted = WantedBudget(limit_nano, "month", is_hard=is_hard)
    async with house.pool.connection() as connection:
        return await create_budget(connection, house.organization_id, wanted, by=ADA)


async def settled(house: House, budget_id: str) -> int:
    async with house.pool.connection() as connection:
        return (await get_budget(connection, house.organization_id, budget_id)).settled_nano


async def test_a_reversed_charge_no_longer_counts_in_a_budget(house: House) -> None:
    """$1.00 was charged and 60 cents of it are undone: 40 cents count, and 60 may be spent again."""
    all_of_it = await make_budget(house, 1_000_000_000)
    soft = await make_budget(house, 1_000_000_000, is_hard=False)
    request_id = await charge_of(house, Usage(output_tokens=100_000), 1_000_000_000)
    with pytest.raises(BudgetExceededError):
        await house.charging.hold(house.ask(1))
    await undo(house, request_id, 600_000_000)
    assert [await settled(house, one) for one in (all_of_it, soft)] == [400_000_000, 400_000_000]
    # Seen by a node that remembers the book, too; and by a budget that is made afterwards.
    await house.charging.hold(house.ask(600_000_000))
    with pytest.raises(BudgetExceededError):
        await house.charging.hold(house.ask(1))
    later = await make_budget(house, 2_000_000_000)
    assert await settled(house, later) == 400_000_000
    assert (await house.proof()).findings == []


async def test_reports_show_what_was_charged_what_was_reversed_and_the_net_amount(house: House) -> None:
    request_id = await charge_of(house, Usage(output_tokens=100_000), 1_000_000_000)
    await charge_of(house, Usage(output_tokens=10_000), 1_000_000_000)
    await undo(house, request_id, 600_000_000)
    async with house.pool.connection() as connection:
        report = await list_daily_usage(
            connection, house.organization_id, range_=DayRange.last(2, at=clock.now())
        )
        page = await list_charges(connection, house.organization_id)
    totals = render_usage(report)["totals"]
    assert isinstance(totals, dict)
    assert [totals[f"{name}_amount"] for name in ("list", "charged", "reversed", "net")] == [
        "1.10", "1.10", "0.60", "0.50",
    ]  # fmt: skip
    assert {charge.request_id: charge.reversed_nano for charge in page.charges}[request_id] == 600_000_000
    assert (await house.proof()).findings == []


async def test_a_daily_sum_that_forgets_a_reversal_is_found(house: House) -> None:
    request_id = await charge_of(house, Usage(output_tokens=100_000), 1_000_000_000)
    await undo(house, request_id)
    async with house.pool.connection() as connection:
        await connection.execute("UPDATE reversal_rollups SET reversed_nano = reversed_nano + 1")
    (finding,) = (await house.proof()).findings
    assert "1.000000001 dollars are counted as reversed, and the reversals sum to 1.00" in finding
