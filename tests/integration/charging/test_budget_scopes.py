"""Budgets of members, models, end users and tags on real PostgreSQL: each counts its own, to the nano."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from jeton import clock
from jeton.charging.budgets.opening import WantedBudget
from jeton.charging.credits.reversing import reverse_charge
from jeton.charging.members import TakeHold
from jeton.charging.words import Hold, HoldAsk
from jeton.identity.key_life.owning import KeyMemberError, find_owner, give_key
from jeton.identity.keys import WantedKey, create_key, issue_key
from jeton.identity.members import create_member
from jeton.identity.organizations import get_default_workspace
from jeton.ledger.budgets.errors import BudgetExceededError, InvalidBudgetError, Scope
from jeton.metering.labels import Labels

from .conftest import MODEL, House
from .test_budgets import BY, USD, open_budget, windows
from .test_charging import V1_NANO, metered
from .test_posting import Node

LABELS = Labels("customer 7", "nightly")
SCOPES: tuple[tuple[Scope, str], ...] = (("model", MODEL), ("end_user", "customer 7"), ("tag", "nightly"))


async def join(house: House, email: str) -> tuple[str, str]:
    """A member with a key of its own; both ids."""
    async with house.pool.connection() as connection:
        member = await create_member(connection, house.organization_id, email=email, role="developer")
        key, _ = await issue_key(
            connection, house.organization_id, WantedKey("own"), created_by=member.member_id
        )
    return member.member_id, key.key_id


def ask_of(house: House, amount_nano: int, **changes: object) -> HoldAsk:
    return structs.replace(house.ask(amount_nano), **changes)


async def bill(house: House, ask: HoldAsk, at: datetime) -> str:
    """One request of V1, held at an instant; its id."""
    until = at + timedelta(minutes=15)
    outcome = await house.commits.submit(TakeHold(ask, "node_test", at, until))
    await house.charging.settle(Hold(ask, str(outcome), at, until), metered())
    return ask.request_id


async def give(house: House, key_id: str, member_id: str) -> None:
    async with house.pool.connection() as connection:
        await give_key(connection, house.organization_id, key_id, member_id=member_id, by=BY)


async def test_each_scope_counts_what_is_its_own_and_what_went_before(house: House) -> None:
    """Of two requests then and two now one each is the label's, model's and member's; a part is undone."""
    member_id, key_id = await join(house, "ada@example.com")
    now, undone = datetime(2026, 11, 20, 12, 7, tzinfo=UTC), ""
    for at in (now - timedelta(days=2), now - timedelta(minutes=5)):
        await bill(house, ask_of(house, 50_000_000, model="another"), at)
        undone = await bill(house, ask_of(house, 50_000_000, key_id=key_id, labels=LABELS), at)
    async with house.pool.connection() as connection:
        await reverse_charge(connection, undone, reason="a test", by=BY, amount_nano=9_000_000)
    made = {}
    for scope, scope_id in (*SCOPES, ("member", member_id)):
        for period in ("month", "total", "day"):
            wanted = WantedBudget(USD, period, scope, scope_id, zone="Asia/Kathmandu")
            made[scope, period] = await open_budget(house, wanted, at=now)
    for (_, period), budget_id in made.items():
        was_nano = (V1_NANO if period == "day" else 2 * V1_NANO) - 9_000_000
        assert (await windows(house, budget_id))[0][:2] == (0, was_nano)
    async with house.pool.connection() as connection:
        await reverse_charge(connection, undone, reason="a test", by=BY, amount_nano=9_000_000)
    assert (await house.proof()).findings == []
    # $1 less $0.020 or $0.049 is left; the labels are on one hold and not on the other.
    await bill(house, ask_of(house, 50_000_000, model="another"), now)
    with pytest.raises(BudgetExceededError) as refusal:
        await bill(house, ask_of(house, 951_000_001, key_id=key_id, labels=LABELS), now)
    assert refusal.value.left_nano == 951_000_000
    assert refusal.value.resets_at is None
    assert (await house.proof()).findings == []


async def test_fifty_at_once_on_two_nodes_never_pass_any_of_them(house: House) -> None:
    """$1 has room for 14 holds of $0.07: the end user's. Others go on until the model's $2 are held: 28."""
    member_id, key_id = await join(house, "ada@example.com")
    nodes = Node(house), Node(house)
    limits: dict[Scope, int] = {"model": 2 * USD, "end_user": USD, "tag": 2 * USD, "member": 2 * USD}
    made = {
        scope: await open_budget(house, WantedBudget(limits[scope], "day", scope, scope_id))
        for scope, scope_id in (*SCOPES, ("member", member_id))
    }
    labels = (LABELS, Labels("customer 8", "nightly"))
    asks = [ask_of(house, 70_000_000, key_id=key_id, labels=labels[number // 25]) for number in range(50)]
    outcomes = await asyncio.gather(
        *(nodes[number % 2].charging.hold(ask) for number, ask in enumerate(asks)), return_exceptions=True
    )
    refused = [one for one in outcomes if isinstance(one, BudgetExceededError)]
    assert len(refused) == 50 - 28
    assert [(await windows(house, made[scope]))[0][0] for scope in limits] == [
        28 * 70_000_000, 14 * 70_000_000, 28 * 70_000_000, 28 * 70_000_000,
    ]  # fmt: skip
    assert {one.scope for one in refused} <= set(limits)
    for node in nodes:
        await node.commits.close()
    assert (await house.proof()).findings == []


async def test_a_key_that_changes_hands_takes_nothing_along(house: House) -> None:
    """What it held and cost before stays with whose it was, a hold still open too; and back again."""
    ada, key_id = await join(house, "ada@example.com")
    bob, _ = await join(house, "bob@example.com")
    start = clock.now()
    budgets = [await open_budget(house, WantedBudget(USD, "total", "member", who)) for who in (ada, bob)]
    await bill(house, ask_of(house, 50_000_000, key_id=key_id), start)
    # The clock of the node that takes this one is ahead.
    ahead = clock.now() + timedelta(seconds=30)
    opened = ask_of(house, 300_000_000, key_id=key_id)
    outcome = await house.commits.submit(TakeHold(opened, "node_test", ahead, ahead + timedelta(hours=1)))
    await give(house, key_id, bob)
    later = ahead + timedelta(seconds=1)
    await bill(house, ask_of(house, 50_000_000, key_id=key_id), later)
    assert [(await windows(house, one))[0][:2] for one in budgets] == [(300_000_000, V1_NANO), (0, V1_NANO)]
    await house.charging.settle(Hold(opened, str(outcome), ahead, ahead + timedelta(hours=1)), metered())
    await give(house, key_id, ada)
    await bill(house, ask_of(house, 50_000_000, key_id=key_id), later + timedelta(seconds=1))
    assert [(await windows(house, one))[0][:2] for one in budgets] == [(0, 3 * V1_NANO), (0, V1_NANO)]
    async with house.pool.connection() as connection:
        assert await find_owner(connection, key_id) == ada
    await give(house, key_id, "")
    await bill(house, ask_of(house, 50_000_000, key_id=key_id), later + timedelta(seconds=2))
    again = [await open_budget(house, WantedBudget(USD, "month", "member", who)) for who in (ada, bob)]
    assert [(await windows(house, one))[0][:2] for one in again] == [(0, 3 * V1_NANO), (0, V1_NANO)]
    assert (await house.proof()).findings == []


async def test_a_node_that_remembers_a_book_learns_of_a_members_new_key(house: House) -> None:
    member_id, key_id = await join(house, "ada@example.com")
    await open_budget(house, WantedBudget(V1_NANO, "total", "member", member_id))
    await house.charging.settle(await house.charging.hold(ask_of(house, V1_NANO, key_id=key_id)), metered())
    async with house.pool.connection() as connection:
        key, _ = await issue_key(connection, house.organization_id, WantedKey("second"), created_by=member_id)
        admin, _ = await create_key(connection, house.organization_id, name="admin", kind="admin")
        with pytest.raises(KeyMemberError):
            await give_key(connection, house.organization_id, admin.key_id, member_id=member_id, by=BY)
        workspace = await get_default_workspace(connection, house.organization_id)
    with pytest.raises(BudgetExceededError) as refusal:
        await house.charging.hold(ask_of(house, 1, key_id=key.key_id, workspace_id=workspace.workspace_id))
    assert (refusal.value.scope, refusal.value.scope_id) == ("member", member_id)


BAD: dict[str, tuple[Scope, str]] = {
    "a model without a price": ("model", "gpt-9"),
    "no end user": ("end_user", ""),
    "an end user with a line break": ("end_user", "a\nb"),
    "a tag that is too long": ("tag", "x" * 65),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_scope_that_cannot_be_is_refused(house: House, name: str) -> None:
    with pytest.raises(InvalidBudgetError):
        await open_budget(house, WantedBudget(USD, "day", *BAD[name]))
