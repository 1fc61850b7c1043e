"""Sums by quarter and day: proven against charges and tries, and made anew by the migration."""

import pytest
from tests.integration.world import BOOK, OTHER, SONNET, USD, V1, World, open_world

from jeton import clock
from jeton.charging.charging import Charging
from jeton.charging.costing.costing import CostBook
from jeton.charging.credits.limits import set_credit_limit
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

# Each makes sums out of what was charged before, from these words on.
REMAKERS = {"*_quarters.sql": "CREATE FUNCTION pg_temp.half_even", "*_accounts.sql": "UPDATE usage_quarters"}
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


async def bill_on_credit(world: World) -> None:
    """$5.80 of $5 given, so $0.80 are owed; $2 on the credit limit; then $1 and $1.50 of them reversed."""
    organization_id = world.organization.organization_id
    by = Actor("operator", "test")
    overrun = await world.bill(Usage(2_900_000))
    async with world.pool.connection() as connection:
        await set_credit_limit(connection, organization_id, 10 * USD, by=by)
    drawn = await world.bill(Usage(1_000_000))
    async with world.pool.connection() as connection:
        await reverse_charge(connection, overrun.request_id, reason="a test", by=by, amount_nano=USD)
        await reverse_charge(connection, drawn.request_id, reason="a test", by=by, amount_nano=1_500_000_000)


async def read_tables(pool: Pool) -> dict[str, list[object]]:
    tables: dict[str, list[object]] = {}
    async with pool.connection() as connection:
        for table in TABLES:
            cursor = await connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9")  # noqa: S608 - names above
            tables[table] = [*await cursor.fetchall()]
    return tables


async def remake(pool: Pool) -> None:
    """The sums as the migrations make them of the charges."""
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("TRUNCATE usage_quarters, usage_rollups, reversal_rollups")
        for pattern, begins in REMAKERS.items():
            (migration,) = MIGRATIONS_DIR.glob(pattern)
            text = migration.read_text()
            await connection.execute(text[text.index(begins) :].encode())


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
    await remake(pool)
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


async def test_what_no_lot_paid_is_on_credit(pool: Pool) -> None:
    world = await open_world(pool)
    await bill_on_credit(world)
    # $0.80 that were owed are owed no more, $0.20 went back to the lot; and $1.50 of the $2.
    expected = {
        "usage_quarters": (7_800_000_000, 5_000_000_000, 2_800_000_000),
        "usage_rollups": (7_800_000_000, 5_000_000_000, 2_800_000_000),
        "reversal_rollups": (2_500_000_000, 200_000_000, 2_300_000_000),
    }
    async with pool.connection() as connection:
        for table, sums in expected.items():
            net = "reversed_nano" if table == "reversal_rollups" else "net_nano"
            query = f"SELECT sum({net}), sum(free_credit_nano), sum(on_credit_nano) FROM {table}"  # noqa: S608 - names above
            assert await (await connection.execute(query.encode())).fetchone() == sums
    async with pool.connection() as connection:
        assert (await verify(connection)).is_sound
    kept = await read_tables(pool)
    await remake(pool)
    assert await read_tables(pool) == kept
    await world.close()


@pytest.mark.parametrize("table", TABLES)
async def test_what_is_on_credit_and_was_not_drawn_on_it_is_found(pool: Pool, table: str) -> None:
    world = await open_world(pool)
    await bill_on_credit(world)
    async with pool.connection() as connection:
        assert (await verify(connection)).is_sound
        query = f"UPDATE {table} SET on_credit_nano = on_credit_nano - 1 WHERE on_credit_nano > 0"  # noqa: S608 - names below
        await connection.execute(query)
    async with pool.connection() as connection:
        proof = await verify(connection)
    assert proof.findings
    assert all("credit" in finding for finding in proof.findings)
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
        (
            "UPDATE cost_classes SET cost_nano = cost_nano + 1",
            "cost_nano is 10000001 and the lines come to 10000000",
        ),
        ("DELETE FROM cost_classes", "sold is 0 and the lines come to 2000"),
    ],
    ids=["a nano more", "an unknown one less", "none", "a nano more of a class", "no class"],
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
