"""What was tried is written with the end of the hold, once, and never changed; only operators see it."""

from pathlib import Path

import psycopg
import pytest
from tests.integration.console.test_accuracy import signed_in
from tests.integration.world import BOOK, V1, World, open_world

from jeton import clock
from jeton.charging.charging import Charging
from jeton.charging.costing.costing import CostBook, cost_attempts
from jeton.charging.members import EndHold
from jeton.charging.outage.replaying import replay
from jeton.charging.outage.spool import Spool, keep_end
from jeton.charging.words import Hold, Metered, Rule
from jeton.db.pool import Pool
from jeton.insight.costs.attempts import AttemptCost, list_attempts, sum_costs
from jeton.pricing.rating import STANDARD
from jeton.upstreams.attempts import Attempt

# What the organization pays is what the second upstream asks, so the margin is nothing.
NET_NANO = 29_000_000
METERED = Metered(Rule.COMPLETED, V1, "upstream", STANDARD, "{}")


COSTS = {"first": CostBook(BOOK), "second": CostBook(BOOK)}


def charging_of(world: World) -> Charging:
    return Charging(world.commits, node_id="node_test", validity_s=900, costs=COSTS)


async def tried(world: World) -> Hold:
    hold = await world.hold()
    hold.attempts.append(Attempt("first", clock.now(), "refused", 529, 3))
    hold.attempts.append(Attempt("second", clock.now(), "answered", 200, 12))
    return hold


async def attempts_of(pool: Pool, request_id: str) -> tuple[AttemptCost, ...]:
    async with pool.connection() as connection:
        return await list_attempts(connection, request_id)


async def test_a_settlement_writes_every_try_and_names_who_answered(pool: Pool) -> None:
    world = await open_world(pool)
    hold = await tried(world)
    charge = await charging_of(world).settle(hold, METERED)
    rows = await attempts_of(pool, charge.request_id)
    assert [(row.attempt, row.upstream, row.outcome, row.status, row.cost_nano) for row in rows] == [
        (1, "first", "refused", 529, 0),
        (2, "second", "answered", 200, NET_NANO),
    ]
    assert sum_costs(rows) == charge.net_nano == NET_NANO
    async with pool.connection() as connection:
        for table in ("charges", "usage_events"):
            cursor = await connection.execute(f"SELECT upstream FROM {table} WHERE request_id = %s",  # noqa: S608 - two names of this test
                                              (charge.request_id,))  # fmt: skip
            assert await cursor.fetchone() == ("second",)
    await world.close()


async def test_a_release_writes_them_too(pool: Pool) -> None:
    world = await open_world(pool)
    hold = await world.hold()
    hold.attempts.append(Attempt("first", clock.now(), "failed", 0, 3))
    hold.attempts.append(Attempt("second", clock.now(), "unreachable", 0, 1))
    await charging_of(world).release(hold, Rule.UPSTREAM_FAILED)
    rows = await attempts_of(pool, hold.ask.request_id)
    assert [(row.outcome, row.cost_nano) for row in rows] == [("failed", None), ("unreachable", 0)]
    assert sum_costs(rows) is None
    await world.close()


async def test_a_single_try_without_costs_leaves_no_row(pool: Pool) -> None:
    world = await open_world(pool)
    charge = await world.bill()
    assert await attempts_of(pool, charge.request_id) == ()
    await world.close()


async def test_an_end_out_of_the_spool_writes_them_once(pool: Pool, tmp_path: Path) -> None:
    """The line on disk carries them; what is replayed again is there once."""
    world = await open_world(pool)
    hold = await tried(world)
    ask, rule = hold.ask, Rule.UPSTREAM_FAILED
    attempts = cost_attempts(hold, rule, COSTS)
    end = EndHold(ask.organization_id, ask.request_id, "released", rule, attempts=attempts)
    spool = Spool(tmp_path / "ends.jsonl")
    for _ in range(2):
        await spool.append(keep_end(end, ask.price_version.price_version_id))
        await replay(pool, world.commits, spool)
        rows = await attempts_of(pool, ask.request_id)
        assert [(row.upstream, row.outcome) for row in rows] == [
            ("first", "refused"),
            ("second", "broken_off"),
        ]
    await spool.close()
    await world.close()


@pytest.mark.parametrize(
    "statement", ["UPDATE upstream_attempts SET cost_nano = 0", "DELETE FROM upstream_attempts"]
)
async def test_a_row_is_a_fact(pool: Pool, statement: str) -> None:
    world = await open_world(pool)
    await charging_of(world).settle(await tried(world), METERED)
    async with pool.connection() as connection:
        with pytest.raises(psycopg.errors.RaiseException):
            await connection.execute(statement)
    await world.close()


async def test_only_an_operator_sees_them_on_the_receipt(pool: Pool) -> None:
    world = await open_world(pool)
    charge = await charging_of(world).settle(await tried(world), METERED)
    path = f"/console/requests/{charge.request_id}"
    async with signed_in(world) as operator:
        page, twin = (await operator.get(path)).text, (await operator.get(f"{path}.json")).json()
    assert "for the operator only" in page
    assert (twin["operator"]["upstream_cost"], twin["operator"]["margin"]) == ("0.029", "0.00")
    async with signed_in(world, "ada@example.com") as member:
        page, twin = (await member.get(path)).text, (await member.get(f"{path}.json")).json()
    assert "for the operator only" not in page
    assert "operator" not in twin
    await world.close()
