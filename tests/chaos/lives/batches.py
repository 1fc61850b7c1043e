"""Batches: Message Batches in a random life: pools taken, items settled out of them, the rest released.

Only on books in memory: how far a batch has come is kept here as the database keeps it in its marks.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Protocol
from uuid import UUID

import msgspec
from tests.chaos.lives.comparing import compare_hold
from tests.chaos.lives.model import Draws, Model
from tests.chaos.lives.world import LABELS, PRICES, World

from jeton.charging.batching.marks import ChunkMark, Marks
from jeton.charging.batching.members import ItemCharge, ItemEnd, Pool, ReleasePools, SettleItems, TakePools
from jeton.charging.deciding import Batch
from jeton.charging.words import ChargeState, Rule
from jeton.errors import InsufficientCreditError
from jeton.ledger.book import Book
from jeton.ledger.budgets.errors import BudgetExceededError
from jeton.ledger.errors import HoldEndedError

OPEN_MAX = 3
ITEMS_MAX = 8
# An item can turn out dearer than its bound.
BOUND_SHARES = (1, 1, 1, 2, 3)


@dataclass(slots=True)
class Open:
    """A batch under way: which pool pays for each of its items, and up to what."""

    batch_id: str
    pools: dict[str, str]
    items: list[tuple[str, int]]
    left: set[int] = field(default_factory=set)


class Life(Protocol):
    """What of a player a batch needs."""

    random: Random
    world: World
    organization_id: UUID
    model: Model
    at: datetime
    budget: int
    counted: int
    settled: list[str]
    marks: Marks
    batches: list[Open]

    def new_id(self, prefix: str) -> str:
        """Another id."""
        ...

    def say(self, what: str) -> str:
        """Where in which life something is wrong."""
        ...


def take(life: Life, batch: Batch, book: Book) -> None:
    """Hold the credit of a batch in one or two pools: all of it, or none."""
    random = life.random
    if len(life.batches) >= OPEN_MAX:
        release(life, batch)
        return
    batch_id = life.new_id("msgbatch")
    models = random.sample([*PRICES], random.randint(1, 2))
    pools = {f"{batch_id}_{number}": model for number, model in enumerate(models)}
    bounds = (random.randrange(1, 1_000_000), random.randrange(1, 100_000_000))
    items = [(random.choice([*pools]), random.choice(bounds)) for _ in range(random.randint(1, ITEMS_MAX))]
    sums = {pool_id: sum(nano for of, nano in items if of == pool_id) for pool_id in pools}
    pools = {pool_id: model for pool_id, model in pools.items() if sums[pool_id]}
    needed = sum(sums.values())
    member = TakePools(
        life.organization_id,
        batch_id,
        "wrkspc_1",
        "apikey_1",
        "node_1",
        tuple(
            Pool(pool_id, model, "", sums[pool_id], None, LABELS.end_user) for pool_id, model in pools.items()
        ),
        life.at,
        life.at + timedelta(days=2),
        LABELS.tag,
        frozenset({LABELS.end_user}),
    )
    life.marks.states[batch_id] = "uploading"
    outcome = batch.decide(member)
    if isinstance(outcome, BudgetExceededError):
        assert life.counted + needed > life.budget > 0, life.say("a budget refused a batch")
        return
    missing = life.model.take_pools([(one, pools[one], sums[one]) for one in pools], life.at)
    if missing:
        assert isinstance(outcome, InsufficientCreditError), life.say("a batch was let in")
        assert outcome.available_nano == needed - missing, life.say("what is available for a batch")
        return
    assert outcome == needed == batch.decide(member), life.say(f"a batch was refused: {outcome}")
    life.counted += needed
    assert not life.budget or life.counted <= life.budget, life.say("a batch over the budget")
    for pool_id in pools:
        difference = compare_hold(book, life.model, pool_id)
        assert difference is None, life.say(f"a pool: {difference}")
    life.marks.chunks[batch_id, 0] = ChunkMark(len(items), 0, 0)
    life.batches.append(Open(batch_id, pools, items, {*range(len(items))}))


def settle(life: Life, batch: Batch, book: Book) -> None:
    """End some items, in any order, a few of them for the second time."""
    if not life.batches:
        take(life, batch, book)
        return
    one = life.random.choice(life.batches)
    chosen = life.random.sample(range(len(one.items)), life.random.randint(1, len(one.items)))
    fresh = [position for position in chosen if position in one.left]
    ends = [_end(life, one, position) for position in chosen]
    member = SettleItems(life.organization_id, one.batch_id, 0, tuple(ends))
    rows = len(batch._rows)
    assert batch.decide(member) == len(fresh), life.say("how many items were settled")
    for position, end in zip(chosen, ends, strict=True):
        if position not in fresh or end.charge is None:
            continue
        charge = end.charge
        net = charge.rating.net_nano if charge.rating else 0
        paid, draws = life.model.settle_item(
            charge.pool_id, (net, charge.bound_nano), model=one.pools[charge.pool_id], at=life.at
        )
        life.model.paid[end.request_id] = (net, draws)
        assert batch._rows[rows].draws == draws, life.say("which lots paid for an item")
        rows += 1
        life.counted += net - paid
        if charge.state == "settled":
            life.model.start_clocks(life.at)
            life.settled.append(end.request_id)
    one.left.difference_update(fresh)
    assert batch.decide(member) == 0, life.say("settled twice")


def _end(life: Life, one: Open, position: int) -> ItemEnd:
    pool_id, bound = one.items[position]
    request_id = life.new_id("item")
    if life.random.random() < 0.2:
        return ItemEnd(position, request_id, "canceled", b"")
    if life.random.random() < 0.1:
        failed = _charge(pool_id, bound, "released", Rule.UPSTREAM_FAILED)
        return ItemEnd(position, request_id, "errored", b"", failed)
    dearest = bound * life.random.choice(BOUND_SHARES)
    answers = [answer for answer in life.world.answers[one.pools[pool_id]] if answer.net <= dearest]
    answer = life.random.choice(answers)
    charge = _charge(pool_id, bound, "settled", Rule.COMPLETED)
    charge = msgspec.structs.replace(charge, usage=answer.usage, rating=answer.rating)
    return ItemEnd(position, request_id, "succeeded", b"", charge)


def _charge(pool_id: str, bound_nano: int, state: ChargeState, rule: Rule) -> ItemCharge:
    return ItemCharge(
        pool_id,
        "embedded",
        is_rehearsal=False,
        bound_nano=bound_nano,
        state=state,
        rule=rule,
        end_user=LABELS.end_user,
    )


def release(life: Life, batch: Batch) -> None:
    """End a batch, finished or not: what is left of its pools comes back, and nothing is settled then."""
    if not life.batches:
        return
    one = life.batches.pop(life.random.randrange(len(life.batches)))
    left = sum(_sum(life.model.holds[pool_id]) for pool_id in one.pools)
    member = ReleasePools(life.organization_id, one.batch_id, tuple(one.pools), is_end=True)
    assert batch.decide(member) == left, life.say("what came back of a batch")
    for pool_id in one.pools:
        life.model.give_back(pool_id, life.at)
    life.counted -= left
    assert batch.decide(member) == 0, life.say("a batch came back twice")
    position = min(one.left, default=None)
    if position is not None:
        end = _end(life, one, position)
        if end.charge is not None:
            late = SettleItems(life.organization_id, one.batch_id, 0, (end,))
            assert isinstance(batch.decide(late), HoldEndedError), life.say("settled after its batch")


def _sum(draws: Draws) -> int:
    return sum(nano for _, nano in draws)
