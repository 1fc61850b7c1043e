"""Budgets of every end user on real PostgreSQL: each has a count of its own, exact on several nodes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from jeton import clock
from jeton.charging.budgets.opening import WantedBudget, change_budget, end_budget
from jeton.charging.counting.clearing import clear_windows
from jeton.charging.credits.reversing import reverse_charge
from jeton.charging.members import TakeHold
from jeton.charging.words import Hold, HoldAsk
from jeton.insight.budgets.standing import get_budget
from jeton.ledger.budgets.budgets import EACH_BUDGETS_MAX
from jeton.ledger.budgets.errors import BudgetExceededError, TooManyBudgetsError
from jeton.metering.labels import Labels

from .conftest import House
from .test_budget_scopes import ask_of
from .test_budgets import BY, USD, open_budget
from .test_charging import V1_NANO, metered
from .test_posting import Node

EACH = WantedBudget(USD, "day", "end_user", "*")


@pytest.fixture
async def nodes(house: House) -> AsyncIterator[tuple[Node, Node]]:
    both = Node(house), Node(house)
    yield both
    for node in both:
        await node.commits.close()


def ask_for(house: House, end_user: str, amount_nano: int) -> HoldAsk:
    return ask_of(house, amount_nano, labels=Labels(end_user, ""))


async def counted(house: House, budget_id: str) -> dict[str, tuple[int, int]]:
    """(held, settled) of each end user."""
    async with house.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT end_user, held_nano, settled_nano FROM each_windows WHERE budget_id = %s", (budget_id,)
        )
        return {row[0]: row[1:] for row in await cursor.fetchall()}


async def test_each_end_user_has_the_whole_limit_and_two_nodes_never_pass_it(
    house: House, nodes: tuple[Node, Node]
) -> None:
    """$1 has room for 14 holds of $0.07, of each of two; who is nobody's is not counted. Half are settled."""
    budget_id = await open_budget(house, EACH)
    asks = [ask_for(house, ("ada", "bob")[number // 25], 70_000_000) for number in range(50)]
    outcomes = await asyncio.gather(
        *(nodes[number % 2].charging.hold(ask) for number, ask in enumerate(asks)), return_exceptions=True
    )
    held = [one for one in outcomes if isinstance(one, Hold)]
    refused = [one for one in outcomes if isinstance(one, BudgetExceededError)]
    assert (len(held), len(refused)) == (28, 22)
    assert {(one.scope, one.scope_id, one.left_nano) for one in refused} == {
        ("end_user", "ada", 20_000_000),
        ("end_user", "bob", 20_000_000),
    }
    assert "$0.02 is left in the budget" in str(refused[0])
    assert "of this end user '" in str(refused[0])
    await house.charging.hold(house.ask(2 * USD))
    assert await counted(house, budget_id) == {"ada": (980_000_000, 0), "bob": (980_000_000, 0)}
    for number, hold in enumerate(held[:14]):
        await nodes[number % 2].charging.settle(hold, metered())
    assert await counted(house, budget_id) == {"ada": (0, 14 * V1_NANO), "bob": (980_000_000, 0)}
    assert (await house.proof()).findings == []


async def test_nothing_is_read_for_an_end_user_who_is_known_or_a_request_of_nobody(
    house: House, nodes: tuple[Node, Node]
) -> None:
    """One reading for the book, one for each new end user, none after; without such a budget none at all."""
    node, other = nodes
    await other.charging.hold(ask_for(house, "ada", 1))
    await other.charging.hold(ask_for(house, "bob", 1))
    assert other.round_trips == [1, 0]
    await open_budget(house, EACH)
    for end_user in ("ada", "ada", "bob", "ada", "bob"):
        hold = await node.charging.hold(ask_for(house, end_user, 1_000_000))
        await node.charging.settle(hold, metered())
    await node.charging.hold(house.ask(1))
    assert node.round_trips == [2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert (await house.proof()).findings == []


async def test_a_budget_of_its_own_stands_in_its_place(house: House) -> None:
    """What is counted goes on: without it the budget of every end user is as if it had been alone."""
    each = await open_budget(house, EACH)
    own = await open_budget(house, WantedBudget(2 * USD, "month", "end_user", "ada"))
    await house.charging.hold(ask_for(house, "ada", 1_500_000_000))
    with pytest.raises(BudgetExceededError) as refusal:
        await house.charging.hold(ask_for(house, "ada", 600_000_000))
    assert refusal.value.budget_id == own
    async with house.pool.connection() as connection:
        await end_budget(connection, house.organization_id, own, by=BY)
    with pytest.raises(BudgetExceededError) as refusal:
        await house.charging.hold(ask_for(house, "ada", 1))
    assert (refusal.value.budget_id, refusal.value.left_nano) == (each, 0)
    assert await counted(house, each) == {"ada": (1_500_000_000, 0)}
    assert (await house.proof()).findings == []


async def test_it_counts_from_after_all_that_was_held_and_may_be_changed_and_ended(house: House) -> None:
    """A node whose clock is ahead held before; that hold and its charge are not counted."""
    ahead = clock.now() + timedelta(seconds=30)
    until = ahead + timedelta(minutes=15)
    before = ask_for(house, "ada", USD)
    outcome = await house.commits.submit(TakeHold(before, "node_test", ahead, until))
    each = await open_budget(house, EACH)
    later = ahead + timedelta(seconds=1)
    ask = ask_for(house, "ada", USD)
    taken = await house.commits.submit(TakeHold(ask, "node_test", later, until))
    await house.charging.settle(Hold(before, str(outcome), ahead, until), metered())
    assert await counted(house, each) == {"ada": (USD, 0)}
    async with house.pool.connection() as connection:
        await change_budget(connection, house.organization_id, each, by=BY, limit_nano=2 * USD)
    await house.charging.settle(Hold(ask, str(taken), later, until), metered())
    async with house.pool.connection() as connection:
        await reverse_charge(connection, ask.request_id, reason="a test", by=BY, amount_nano=9_000_000)
        standing = await get_budget(connection, house.organization_id, each, at=later)
    assert await counted(house, each) == {"ada": (0, V1_NANO - 9_000_000)}
    (ada,) = standing.highest
    assert (ada.settled_nano, ada.left_nano, ada.percent) == (20_000_000, 1_980_000_000, 1)
    assert (await house.proof()).findings == []
    async with house.pool.connection() as connection:
        await end_budget(connection, house.organization_id, each, by=BY)
    await house.commits.submit(TakeHold(ask_for(house, "ada", 3 * USD), "node_test", later, until))
    assert (await house.proof()).findings == []


async def test_somebody_is_told_of_an_end_user_once_a_window_and_of_so_many(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V1 is 97 % of $0.03; twice the same end user, and of three only the first two are told."""
    monkeypatch.setattr("jeton.ledger.budgets.tally.EACH_TOLD_MAX", 2)
    await open_budget(house, WantedBudget(30_000_000, "total", "end_user", "*", is_hard=False))
    for end_user in ("ada", "ada", "bob", "eve"):
        await house.charging.settle(await house.charging.hold(ask_for(house, end_user, USD)), metered())
    async with house.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT data->>'scope_id', data->>'percent', data->>'spent' FROM events ORDER BY 1"
        )
        assert await cursor.fetchall() == [("ada", "90", "0.029"), ("bob", "90", "0.029")]


async def test_one_nano_of_an_end_user_is_found_and_there_is_a_bound(house: House) -> None:
    await open_budget(house, EACH)
    await house.charging.hold(ask_for(house, "ada", 5))
    async with house.pool.connection() as connection:
        await connection.execute("UPDATE each_windows SET held_nano = held_nano + 1")
    findings = "\n".join((await house.proof()).findings)
    assert "end user 'ada'" in findings
    assert "and all together 0.000000005" in findings
    for _ in range(EACH_BUDGETS_MAX - 1):
        await open_budget(house, EACH)
    with pytest.raises(TooManyBudgetsError):
        await open_budget(house, EACH)


async def test_windows_that_are_long_over_are_cleared_and_counted_no_more(house: House) -> None:
    """Nine days later the first day is gone, unless something is held; a reversal then changes nothing."""
    budget_id, now = await open_budget(house, EACH), clock.now()
    ask = ask_for(house, "ada", USD // 2)
    hold = await house.charging.hold(ask)
    assert await clear_windows(house.pool, now + timedelta(days=9)) == 0
    await house.charging.settle(hold, metered())
    late, until = now + timedelta(days=9), now + timedelta(days=10)
    await house.commits.submit(TakeHold(ask_for(house, "ada", 7), "node_test", late, until))
    assert (await clear_windows(house.pool, late), await clear_windows(house.pool, late)) == (1, 0)
    assert await counted(house, budget_id) == {"ada": (7, 0)}
    async with house.pool.connection() as connection:
        await reverse_charge(connection, ask.request_id, reason="a test", by=BY)
    assert await counted(house, budget_id) == {"ada": (7, 0)}
    with pytest.raises(BudgetExceededError):
        await house.commits.submit(TakeHold(ask_for(house, "ada", USD), "node_test", late, until))
    assert (await house.proof()).findings == []
    async with house.pool.connection() as connection:
        await end_budget(connection, house.organization_id, budget_id, by=BY)
    assert await clear_windows(house.pool, late) == 1


async def test_what_a_node_kept_through_two_windows_is_counted_in_its_own(
    house: House, nodes: tuple[Node, Node]
) -> None:
    """Its spool comes after holds of two later days: settled, it was counted in no window for ever."""
    budget_id, now = await open_budget(house, EACH), clock.now()
    until = now + timedelta(days=30)
    for days in (2, 3):
        ask = ask_for(house, "ada", 3)
        await nodes[0].commits.submit(TakeHold(ask, "node_test", now + timedelta(days=days), until))
    for end_user in ("ada", "bob"):
        ask, at = ask_for(house, end_user, 0), now + timedelta(microseconds=9)
        late = TakeHold(ask, "node_other", at, until, is_late=True)
        outcome = await nodes[1].commits.submit(late)
        await nodes[1].charging.settle(Hold(ask, str(outcome), at, until), metered())
    assert (await counted(house, budget_id))["bob"] == (0, V1_NANO)
    assert (await house.proof()).findings == []
