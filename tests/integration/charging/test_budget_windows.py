"""Budgets and time on real PostgreSQL: which window a hold counts in, and what went before a budget."""

from datetime import UTC, datetime, timedelta

import pytest

from jeton.charging.budgets.opening import WantedBudget
from jeton.charging.members import TakeHold
from jeton.charging.words import Hold, Rule
from jeton.ledger.budgets.errors import BudgetExceededError
from jeton.ledger.budgets.windows import Period
from jeton.usage import Usage

from .conftest import House
from .test_budgets import USD, open_budget, windows
from .test_charging import V1_NANO, metered
from .test_posting import Node

PERIODS: tuple[Period, ...] = ("day", "week", "month", "total")


async def hold_at(house: House, at: datetime, amount_nano: int = USD) -> Hold:
    """A hold as a node takes it at another time than now."""
    ask = house.ask(amount_nano)
    outcome = await house.commits.submit(TakeHold(ask, "node_test", at, at + timedelta(minutes=15)))
    return Hold(ask, str(outcome), at, at + timedelta(minutes=15))


async def test_a_hold_counts_to_the_day_it_was_taken(house: House) -> None:
    """Taken a microsecond before Berlin's midnight and settled after it, beside the new day's."""
    midnight = datetime(2026, 10, 24, 22, tzinfo=UTC)
    wanted = WantedBudget(USD, "day", zone="Europe/Berlin")
    budget_id = await open_budget(house, wanted, at=midnight - timedelta(hours=1))
    late = await hold_at(house, midnight - timedelta(microseconds=1))
    early = await hold_at(house, midnight)
    assert [row[:2] for row in await windows(house, budget_id)] == [(USD, 0), (USD, 0)]
    with pytest.raises(BudgetExceededError) as refusal:
        await hold_at(house, midnight + timedelta(hours=24, minutes=59), 1)
    # The day on which the clocks go back has 25 hours.
    assert refusal.value.resets_at == midnight + timedelta(hours=25)
    await hold_at(house, midnight + timedelta(hours=25))
    await house.charging.settle(late, metered())
    await house.charging.settle(early, metered(Usage(output_tokens=1)))
    rows = [row[:2] for row in await windows(house, budget_id)]
    assert rows == [(0, V1_NANO), (0, 10_000), (USD, 0)]
    assert (await house.proof()).findings == []


async def test_an_old_hold_is_settled_into_its_old_window(house: House) -> None:
    """Five days later, on another node that never saw that day."""
    start = datetime(2026, 11, 1, 12, tzinfo=UTC)
    budget_id = await open_budget(house, WantedBudget(USD, "day"), at=start)
    old = await hold_at(house, start)
    for days in range(1, 5):
        hold = await hold_at(house, start + timedelta(days=days))
        await house.charging.release(hold, Rule.UPSTREAM_FAILED)
    other = Node(house)
    await other.charging.settle(old, metered())
    await other.commits.close()
    assert [row[:2] for row in await windows(house, budget_id)] == [(0, V1_NANO)] + 4 * [(0, 0)]
    assert (await house.proof()).findings == []


async def test_an_old_hold_that_a_node_remembers_finds_its_old_window(house: House) -> None:
    """After a refusal the book was read anew: with its newest windows, and with the holds of before."""
    start = datetime(2026, 11, 1, 12, tzinfo=UTC)
    budget_id = await open_budget(house, WantedBudget(USD, "day"), at=start)
    old = await hold_at(house, start)
    for days in range(1, 5):
        hold = await hold_at(house, start + timedelta(days=days))
        await house.charging.release(hold, Rule.UPSTREAM_FAILED)
    with pytest.raises(BudgetExceededError):
        await hold_at(house, start + timedelta(days=4), USD + 1)
    await house.charging.settle(old, metered())
    assert [row[:2] for row in await windows(house, budget_id)] == [(0, V1_NANO)] + 4 * [(0, 0)]
    assert (await house.proof()).findings == []


async def test_a_month_that_begins_on_the_31st(house: House) -> None:
    budget_id = await open_budget(
        house, WantedBudget(10 * USD, "month", anchor_day=31), at=datetime(2026, 1, 31, tzinfo=UTC)
    )
    for day in ("2026-01-31", "2026-02-27", "2026-02-28", "2026-03-30", "2026-03-31"):
        await hold_at(house, datetime.fromisoformat(day).replace(tzinfo=UTC), 1)
    assert [row[0] for row in await windows(house, budget_id)] == [2, 2, 1]


async def test_what_went_before_is_summed_to_the_nano_in_every_zone(house: House) -> None:
    """Charges around three midnights: whole days by their daily sums, the rest one by one."""
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    for hours in (0, 6.25, 6.5, 11.99, 12, 18, 23.75, 36, 36.01, 59.9, 60, 61, 71, 72):
        hold = await hold_at(house, noon + timedelta(hours=hours), 50_000_000)
        await house.charging.settle(hold, metered(Usage(output_tokens=1 + int(hours * 100))))
    now = noon + timedelta(hours=72)
    settled = set()
    for period in PERIODS:
        for zone in ("UTC", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Cairo"):
            budget_id = await open_budget(house, WantedBudget(USD, period, zone=zone), at=now)
            settled.add((await windows(house, budget_id))[0][1])
    # Since midnight in Kathmandu and Cairo, in UTC, and east and west of the date line; and all of it.
    assert len(settled) == 4
    assert (await house.proof()).findings == []


async def test_what_was_held_before_a_budget_counts_is_not_counted(house: House) -> None:
    """Taken yesterday, settled today, under a budget by the day that was made today."""
    hold = await hold_at(house, datetime(2026, 11, 22, 23, 59, tzinfo=UTC))
    budget_id = await open_budget(house, WantedBudget(USD, "day"), at=datetime(2026, 11, 23, tzinfo=UTC))
    await house.charging.settle(hold, metered())
    assert [row[:2] for row in await windows(house, budget_id)] == [(0, 0)]
    assert (await house.proof()).findings == []
