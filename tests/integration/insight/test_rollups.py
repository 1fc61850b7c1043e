"""Sums by quarter and day: proven against charges and tries, and made anew by the migration."""

import pytest
from tests.integration.world import BOOK, OTHER, SONNET, USD, V1, World, open_world

from jeton import clock
from jeton.charging.charging import Charging
from jeton.charging.costing.costing import CostBook
from jeton.charging.credits.reversing import reverse_charge
from jeton.charging.words import Metered, Rule
from jeton.db.migrating import MIGRATIONS_DIR
from jeton.db.pool import Pool
from jeton.identity.audit import Actor
from jeton.insight.verify import verify
from jeton.ledger.chart import LotKind
from jeton.pricing.rating import STANDARD, Conditions
from jeton.upstreams.attempts import Attempt, AttemptOutcome
from jeton.usage import Usage

(MIGRATION,) = MIGRATIONS_DIR.glob("*_quarters.sql")
TABLES = ("usage_quarters", "usage_rollups", "reversal_rollups")


async def bill_all_sorts(world: World) -> None:
    """Every bucket under every condition, with counts that do not divide."""
    await world.grant(1_000 * USD, kind=LotKind.PAID, models=frozenset({SONNET.model}))
    every = Usage(1_001, 333, 777, 100_003, 1_507, 3)
    for conditions in (
        Conditions(),
        Conditions(service_tier="batch"),
        Conditions(inference_geo="us"),
        Conditions(service_tier="batch", inference_geo="us"),
    ):
        await world.bill(every, conditions=conditions)
        await world.bill(Usage(7, 0, 0, 200_001, 1), conditions=conditions, version=OTHER)
    await world.bill(Usage(), conditions=Conditions())
    # A lot that nobody paid for covers a part of the last charge, and gets back what it paid last.
    await world.grant(12_000_000, models=frozenset({SONNET.model}))
    charge = await world.bill(Usage(12_345))
    async with world.pool.connection() as connection:
        await reverse_charge(
            connection,
            charge.request_id,
            reason="a test",
            by=Actor("operator", "test"),
            amount_nano=12_700_000,
        )


async def read_tables(pool: Pool) -> dict[str, list[object]]:
    tables: dict[str, list[object]] = {}
    async with pool.connection() as connection:
        for table in TABLES:
            cursor = await connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9")  # noqa: S608 - names above
            tables[table] = [*await cursor.fetchall()]
    return tables


async def test_the_sums_are_made_anew_from_the_charges_to_the_nano(pool: Pool) -> None:
    world = await open_world(pool)
    await bill_all_sorts(world)
    kept = await read_tables(pool)
    assert [len(kept[table]) for table in TABLES[1:]] == [8, 1]
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT reversed_nano, free_credit_nano FROM reversal_rollups")
        (undone,) = await cursor.fetchall()
        cursor = await connection.execute("SELECT sum(free_credit_nano), sum(net_nano) FROM usage_rollups")
        ((free, net),) = await cursor.fetchall()
    # $0.02469 was paid by $0.012 given and $0.01269 bought, so what came last of $0.0127 was given.
    assert undone == (12_700_000, 10_000)
    assert 0 < free < net
    text = MIGRATION.read_text()
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("TRUNCATE usage_quarters, usage_rollups, reversal_rollups")
        await connection.execute(text[text.index("CREATE FUNCTION pg_temp.half_even") :].encode())
    assert await read_tables(pool) == kept
    await world.close()


@pytest.mark.parametrize("table", TABLES)
async def test_free_credit_that_no_lot_paid_is_found(pool: Pool, table: str) -> None:
    world = await open_world(pool)
    await bill_all_sorts(world)
    async with pool.connection() as connection:
        query = f"UPDATE {table} SET free_credit_nano = free_credit_nano - 1 WHERE free_credit_nano > 0"  # noqa: S608 - names below
        await connection.execute(query)
    async with pool.connection() as connection:
        proof = await verify(connection)
    assert proof.findings
    assert all("free" in finding for finding in proof.findings)
    await world.close()


@pytest.mark.parametrize("table", ["usage_quarters", "usage_rollups"])
async def test_a_sum_that_no_charge_explains_is_found(pool: Pool, table: str) -> None:
    world = await open_world(pool)
    await bill_all_sorts(world)
    async with pool.connection() as connection:
        assert (await verify(connection)).is_sound
    async with pool.connection() as connection:
        query = f"UPDATE {table} SET output_tokens = output_tokens + 1"  # noqa: S608 - names above
        await connection.execute(query)
    async with pool.connection() as connection:
        proof = await verify(connection)
    assert proof.findings
    assert all("output_tokens" in finding for finding in proof.findings)
    await world.close()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            "UPDATE cost_rollups SET cost_nano = cost_nano + 1",
            "cost_nano is 29000001 and the tries come to 29000000",
        ),
        ("UPDATE cost_rollups SET unknown_requests = 0", "unknown_requests is 0 and the tries come to 1"),
        ("DELETE FROM cost_rollups", "requests is 0 and the tries come to 1"),
    ],
    ids=["a nano more", "an unknown one less", "none"],
)
async def test_costs_that_no_try_explains_are_found(pool: Pool, change: str, sentence: str) -> None:
    world = await open_world(pool)
    charging = Charging(
        world.commits, node_id="node_test", validity_s=900, costs={"embedded": CostBook(BOOK)}
    )
    for has_failed in (False, True):
        hold = await world.hold()
        outcome: AttemptOutcome = "failed" if has_failed else "answered"
        hold.attempts.append(Attempt("embedded", clock.now(), outcome, 200, 3))
        if has_failed:
            await charging.release(hold, Rule.UPSTREAM_FAILED)
        else:
            await charging.settle(hold, Metered(Rule.COMPLETED, V1, "upstream", STANDARD, "{}"))
    async with pool.connection() as connection:
        assert (await verify(connection)).is_sound
    async with pool.connection() as connection:
        await connection.execute(change.encode())
    async with pool.connection() as connection:
        findings = (await verify(connection)).findings
    assert any(sentence in finding for finding in findings), findings
    assert all(finding.startswith("Costs of ") for finding in findings)
    await world.close()
