"""Leases: a busy node admits from memory, the books stay exact, and nobody is refused for an idle lease."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from jeton import clock
from jeton.charging.charging import Charging
from jeton.charging.leasing.leases import BUSY_HOLDS, MARGIN_S, VALIDITY_S, Leases
from jeton.charging.members import (
    EndHold,
    LeaseTerms,
    Member,
    Outcome,
    ReturnLease,
    TakeHold,
    TakeLease,
)
from jeton.charging.outage.replaying import replay
from jeton.charging.outage.spool import Spool
from jeton.charging.posting import Posting
from jeton.charging.words import Charge, Rule
from jeton.db.channel import Channel
from jeton.db.errors import OutcomeUnknownError
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import open_pool
from jeton.errors import InsufficientCreditError, JetonError, OverloadedError
from jeton.ids import new_id

from .conftest import VALIDITY_S as HOLD_VALIDITY_S
from .conftest import House, open_writer
from .test_charging import TRIAL, V1_NANO, metered

HOLD_NANO = 30_000_000


class Node:
    """A node whose look at the demand the test calls by hand."""

    def __init__(self, house: House, name: str) -> None:
        self.commits = open_writer(house.pool)
        self.leases = Leases(house.pool, self.commits, node_id=name)
        self.charging = Charging(self.commits, node_id=name, validity_s=HOLD_VALIDITY_S, leases=self.leases)
        self.listener = asyncio.create_task(self.leases.listen())


@pytest.fixture
async def nodes(house: House) -> AsyncIterator[tuple[Node, Node]]:
    """Two nodes beside each other."""
    both = Node(house, "node_1"), Node(house, "node_2")
    yield both
    for node in both:
        node.listener.cancel()
        await node.commits.close()


async def make_busy(house: House, node: Node, times: int = BUSY_HOLDS) -> None:
    """Enough requests for a lease, all of them over; then the look."""
    for _ in range(times):
        hold = await node.charging.hold(house.ask(HOLD_NANO))
        await node.charging.settle(hold, metered())
    await node.leases.look()


async def test_a_leased_hold_is_there_at_once_and_durable_when_confirmed(
    house: House, nodes: tuple[Node, Node]
) -> None:
    """Its transaction is not known when it is promised; the settlement finds its row."""
    node, _ = nodes
    await make_busy(house, node)
    leased_nano = (await house.balance()).amounts.held_nano
    # $5.00 less 20 x $0.029 leaves $4.42; 20 x $0.03 are wanted, and an eighth is the most.
    assert leased_nano == 552_500_000
    hold = await node.charging.hold(house.ask(HOLD_NANO))
    assert not hold.transaction_id
    await node.charging.confirm(hold)
    assert (await house.balance()).amounts.held_nano == leased_nano
    await node.charging.settle(hold, metered())
    amounts = (await house.balance()).amounts
    assert amounts.used_nano == (BUSY_HOLDS + 1) * V1_NANO
    assert amounts.held_nano == leased_nano - HOLD_NANO
    assert (await house.proof()).findings == []


async def test_a_quiet_organization_gets_its_lease_back(house: House, nodes: tuple[Node, Node]) -> None:
    """At the next look with less demand."""
    node, _ = nodes
    await make_busy(house, node)
    await node.leases.look()
    amounts = (await house.balance()).amounts
    assert (amounts.held_nano, amounts.available_nano) == (0, TRIAL - BUSY_HOLDS * V1_NANO)
    assert (await house.proof()).findings == []


async def test_a_lease_that_could_not_go_back_goes_back_at_the_next_look(house: House) -> None:
    """The database answers to nothing at that moment; the lease was held until it was swept."""
    is_away = False
    posting = Posting()

    async def post(channel: Channel, members: Sequence[Member]) -> Sequence[Outcome | JetonError]:
        if is_away:
            raise OverloadedError(f"{len(members)} members came when the database was away.")
        return await posting.post(channel, members)

    commits = GroupCommit[Member, Outcome](house.pool, post, on_commit=posting.keep)
    leases = Leases(house.pool, commits, node_id="node_1")
    for _ in range(BUSY_HOLDS):
        leases.promise(house.organization_id, HOLD_NANO, clock.now())
    await leases.look()
    assert (await house.balance()).amounts.held_nano > 0
    is_away = True
    await leases.look()
    assert (await house.balance()).amounts.held_nano > 0
    is_away = False
    await leases.look()
    assert (await house.balance()).amounts.held_nano == 0
    assert (await house.proof()).findings == []
    await commits.close()


async def test_nobody_is_refused_because_of_an_idle_lease(house: House, nodes: tuple[Node, Node]) -> None:
    """The first node leases; the second needs everything, to the nano, and gets it."""
    first, second = nodes
    await make_busy(house, first)
    rest_nano = TRIAL - BUSY_HOLDS * V1_NANO
    hold = await second.charging.hold(house.ask(rest_nano))
    with pytest.raises(InsufficientCreditError) as refusal:
        await first.charging.hold(house.ask(1))
    assert refusal.value.available_nano == 0
    await second.charging.release(hold, Rule.UPSTREAM_FAILED)
    assert (await house.balance()).amounts.available_nano == rest_nano
    assert (await house.proof()).findings == []


async def test_what_leases_promise_never_passes_what_is_funded(
    house: House, nodes: tuple[Node, Node]
) -> None:
    """Both nodes lease and then hold as fast as they can until everything is refused."""
    for node in nodes:
        await make_busy(house, node)
    used_nano = 2 * BUSY_HOLDS * V1_NANO
    taken = 0

    async def drain(node: Node) -> None:
        nonlocal taken
        for _ in range(100):
            try:
                await node.charging.confirm(await node.charging.hold(house.ask(HOLD_NANO)))
            except InsufficientCreditError:
                return
            taken += 1

    await asyncio.gather(*(drain(node) for node in nodes for _ in range(4)))
    assert taken == (TRIAL - used_nano) // HOLD_NANO
    proof = await house.proof()
    assert proof.findings == []


async def test_a_lease_is_for_nobody_else_and_ends_in_time(house: House, nodes: tuple[Node, Node]) -> None:
    """Returned twice it comes back once; a lease past its margin promises nothing."""
    node, _ = nodes
    at, lease_id = clock.now(), new_id("lease")
    valid_until = at + timedelta(seconds=VALIDITY_S)
    terms = await node.commits.submit(
        TakeLease(house.organization_id, lease_id, "node_1", 1_000, at, valid_until)
    )
    assert terms == LeaseTerms(1_000, valid_until)
    back = ReturnLease(house.organization_id, lease_id)
    assert (await node.commits.submit(back), await node.commits.submit(back)) == (1_000, 0)
    await make_busy(house, node)
    late = clock.now() + timedelta(seconds=VALIDITY_S - MARGIN_S)
    assert not node.leases.promise(house.organization_id, HOLD_NANO, late)
    assert (await house.proof()).findings == []


async def test_a_promise_that_failed_long_ago_delivers_nothing_and_is_not_spooled(
    house: House, nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    """The database goes away after the promise and before its row; the end comes much later."""
    node, _ = nodes
    await make_busy(house, node)
    spool = Spool(tmp_path / "ends.jsonl")

    async def refuse(_: Channel, members: Sequence[Member]) -> list[Outcome | JetonError]:
        raise OverloadedError(f"{len(members)} members came when the database was away.")

    commits = GroupCommit[Member, Outcome](house.pool, refuse)
    charging = Charging(
        commits, node_id="node_1", validity_s=HOLD_VALIDITY_S, leases=node.leases, spool=spool
    )
    hold = await charging.hold(house.ask(HOLD_NANO))
    assert not hold.transaction_id
    for _ in range(2):
        with pytest.raises(OverloadedError):
            await charging.confirm(hold)
        with pytest.raises(OverloadedError):
            await charging.settle(hold, metered())
    assert spool.count == 0
    await commits.close()


async def test_a_promised_hold_and_its_end_in_one_commit_stay_one_when_that_is_repeated(
    house: House, nodes: tuple[Node, Node]
) -> None:
    """The upstream was faster than the commit, and then nobody knew whether it had happened."""
    node, _ = nodes
    await make_busy(house, node)
    at = clock.now()
    ask = house.ask(HOLD_NANO)
    lease_id = node.leases.promise(house.organization_id, HOLD_NANO, at)
    take = TakeHold(ask, "node_1", at, at + timedelta(seconds=HOLD_VALIDITY_S), lease_id)
    end = EndHold(house.organization_id, ask.request_id, "released", Rule.UPSTREAM_FAILED)
    first, second = node.commits.enqueue(take), node.commits.enqueue(end)
    taken, ended = await first, cast("Charge", await second)
    for member, outcome in ((take, ended.transaction_id), (end, ended)):
        # Whoever repeats remembers nothing: the version of the book is another.
        again = open_writer(house.pool)
        assert await again.submit(member) == outcome
        await again.close()
    assert taken != ended.transaction_id
    async with house.pool.connection() as connection:
        left = await (await connection.execute("SELECT request_id FROM holds")).fetchall()
    assert left == [(lease_id,)]
    proof = await house.proof()
    assert proof.findings == []


async def test_who_cannot_be_asked_for_a_lease_is_no_reason_to_refuse(
    house: House, database_url: str
) -> None:
    """The pool's connections are gone at the moment of the refusal: try again, and not: no credit."""
    pool = await open_pool(database_url, connections_min=1, connections_max=1)
    leases = Leases(pool, house.commits, node_id="node_1")
    charging = Charging(house.commits, node_id="node_1", validity_s=HOLD_VALIDITY_S, leases=leases)
    await pool.close()
    with pytest.raises(OverloadedError):
        await charging.hold(house.ask(TRIAL + 1))


async def test_whoever_is_told_that_nothing_was_charged_is_charged_nothing(
    house: House, nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    """A promised hold and its end were in one commit, which took too long to be waited for, and happened."""
    node, _ = nodes
    await make_busy(house, node)
    posting, spool, answered = Posting(), Spool(tmp_path / "ends.jsonl"), asyncio.Event()

    async def post_slowly(channel: Channel, members: Sequence[Member]) -> list[Outcome | JetonError]:
        outcomes = await posting.post(channel, members)
        await answered.wait()
        return outcomes

    commits = GroupCommit[Member, Outcome](house.pool, post_slowly)
    charging = Charging(
        commits, node_id="node_1", validity_s=HOLD_VALIDITY_S, leases=node.leases, spool=spool
    )
    hold = await charging.hold(house.ask(HOLD_NANO))
    assert not hold.transaction_id
    with pytest.raises(OutcomeUnknownError):
        await charging.settle(hold, metered())
    answered.set()
    await commits.close()
    assert (await house.balance()).amounts.used_nano == (BUSY_HOLDS + 1) * V1_NANO
    for _ in range(2):
        with pytest.raises(OutcomeUnknownError):
            await charging.settle(hold, metered())
    async with asyncio.timeout(HOLD_VALIDITY_S):
        while not spool.count:  # noqa: ASYNC110 - whoever gives the hold back tells nobody
            await asyncio.sleep(0)
    # Replayed twice, as by a server that died before the spool was cleared.
    lines = spool.read()
    await replay(house.pool, node.commits, spool)
    again = Spool(tmp_path / "again.jsonl")
    for line in lines:
        await again.append(line)
    await replay(house.pool, node.commits, again)
    assert (await house.balance()).amounts.used_nano == BUSY_HOLDS * V1_NANO
    assert (await house.proof()).findings == []
