"""The credit of batches: pools, what they draw on, what their items take, and every way in which they end."""

from dataclasses import asdict
from datetime import timedelta

import msgspec
import psycopg
import pytest
from tests.integration.batches.conftest import KEY, MODEL, USD, WORKSPACE, Shop, request

from jeton import clock
from jeton.batches.errors import InvalidBatchError
from jeton.batches.items import make_request_id
from jeton.charging.batching.members import (
    ItemCharge,
    ItemEnd,
    Pool,
    ReleasePools,
    SettleItems,
    TakePools,
    make_pool_id,
)
from jeton.charging.budgets.opening import WantedBudget, create_budget
from jeton.charging.credits import Grant, grant
from jeton.charging.sweeping import sweep
from jeton.charging.words import Rule
from jeton.errors import InsufficientCreditError, OverloadedError
from jeton.identity.audit import SYSTEM
from jeton.ledger.budgets.errors import BudgetExceededError, Scope
from jeton.ledger.chart import LotKind
from jeton.metering.events import UsageEvent
from jeton.pricing.loading import load_book
from jeton.pricing.rating import Conditions, rate
from jeton.usage import Usage

BATCH = Conditions("batch")


async def pools_of(shop: Shop, batch_id: str) -> list[tuple[int, int, int, int]]:
    rows = await shop.fetch(
        "SELECT taken_nano, open_nano, settled_nano, released_nano FROM batch_pools WHERE batch_id = %s "
        "ORDER BY pool_id",
        batch_id,
    )
    return [(int(row[0]), int(row[1]), int(row[2]), int(row[3])) for row in rows]


def charged(pool_id: str, output_tokens: int, *, bound_nano: int) -> ItemCharge:
    """An item of 1,000 prompt tokens; at $1 and $5 a million it is output x 5,000 + 1,000,000 nano."""
    version = load_book().find_version(MODEL, clock.now())
    assert version is not None
    usage = Usage(input_tokens=1_000, output_tokens=output_tokens)
    return ItemCharge(
        pool_id=pool_id,
        upstream="embedded",
        is_rehearsal=False,
        bound_nano=bound_nano,
        state="settled",
        rule=Rule.COMPLETED,
        usage=usage,
        rating=rate(usage, version, BATCH),
    )


def end(shop: Shop, batch_id: str, position: int, charge: ItemCharge) -> ItemEnd:
    """The end of an item, with the event of its usage."""
    request_id = make_request_id(batch_id, position)
    assert charge.usage is not None
    event = UsageEvent(
        request_id=request_id,
        organization_id=shop.organization_id,
        workspace_id=WORKSPACE,
        key_id=KEY,
        model=MODEL,
        upstream="embedded",
        occurred_at=clock.now(),
        **asdict(charge.usage),
        service_tier="batch",
        inference_geo="global",
        speed="standard",
        source="upstream",
        state="accepted",
        reported=msgspec.Raw(b"{}"),
    )
    metered = msgspec.structs.replace(charge, event=event)
    return ItemEnd(position, request_id, "succeeded", b'{"custom_id":"x"}\n', metered)


async def test_each_price_version_has_a_pool_and_a_pool_adds_up_at_every_step(shop: Shop) -> None:
    requests = [request(f"s{number}") for number in range(200)]
    requests += [request(f"h{number}", model="claude-haiku-4-5") for number in range(200)]
    batch_id = await shop.submit(requests)
    before = await pools_of(shop, batch_id)
    assert len(before) == 2
    assert all(pool == (pool[0], pool[0], 0, 0) for pool in before)
    await shop.runner.run_chunk(batch_id, 0)
    during = await pools_of(shop, batch_id)
    assert all(taken == opened + settled for taken, opened, settled, _ in during)
    assert (await shop.proof()).findings == []
    await shop.run(batch_id)
    after = await pools_of(shop, batch_id)
    assert all((opened, taken) == (0, settled + released) for taken, opened, settled, released in after)
    assert [pool[0] for pool in after] == [pool[0] for pool in before]


async def test_credit_for_one_model_pays_for_that_models_items_only(shop: Shop) -> None:
    async with shop.pool.connection() as connection:
        terms = Grant(LotKind.PROMOTIONAL, 100 * USD, "haiku", models=frozenset({"claude-haiku-4-5"}))
        await grant(connection, shop.organization_id, terms)
    # 20 times 64,000 output tokens at $5 a million are $6.40: more than the $5 that are for every model.
    with pytest.raises(InsufficientCreditError) as refusal:
        await shop.submit([request(f"r{number}", max_tokens=64_000) for number in range(20)])
    assert refusal.value.available_nano == 5 * USD
    haiku = [request(f"r{number}", max_tokens=64_000, model="claude-haiku-4-5") for number in range(20)]
    batch_id = await shop.submit([*haiku, request("sonnet")])
    await shop.run(batch_id)
    assert (await shop.proof()).findings == []


async def test_two_who_bring_the_same_items_charge_them_once(shop: Shop) -> None:
    batch_id = await shop.submit([request("a", max_tokens=1_000), request("b", max_tokens=1_000)])
    pool_id = make_pool_id(batch_id, 0)
    items = tuple(end(shop, batch_id, number, charged(pool_id, 10, bound_nano=10**7)) for number in range(2))
    member = SettleItems(shop.organization_id, batch_id, 0, items)
    assert await shop.commits.submit(member) == 2
    assert await shop.commits.submit(member) == 0
    ((settled,),) = await shop.fetch("SELECT settled_nano FROM batch_pools")
    assert settled == 2 * 1_050_000
    await shop.keeper.end()
    assert (await shop.get(batch_id)).net_nano == 2 * 1_050_000
    assert (await shop.proof()).findings == []


async def test_an_item_beyond_its_bound_takes_nothing_of_the_others_pool(shop: Shop) -> None:
    batch_id = await shop.submit([request("a"), request("b")])
    pool_id = make_pool_id(batch_id, 0)
    (taken, *_), *_ = await pools_of(shop, batch_id)
    over = end(shop, batch_id, 0, charged(pool_id, 100_000, bound_nano=200_000))
    await shop.commits.submit(SettleItems(shop.organization_id, batch_id, 0, (over,)))
    assert await pools_of(shop, batch_id) == [(taken, taken - 200_000, 200_000, 0)]
    ((net, overrun),) = await shop.fetch("SELECT net_nano, overrun_nano FROM charges")
    assert (net, overrun) == (501_000_000, 500_800_000)
    assert (await shop.proof()).findings == []


async def test_the_sweeper_gives_a_pool_back_after_25_hours_and_late_items_expire(shop: Shop) -> None:
    batch_id = await shop.submit([request("late")])
    (valid,) = (await shop.fetch("SELECT valid_until - taken_at FROM holds"))[0]
    assert valid == timedelta(hours=25)
    assert await sweep(shop.pool, shop.commits) == 0
    await shop.execute("UPDATE holds SET valid_until = now() - interval '1 second'")
    assert await sweep(shop.pool, shop.commits) == 1
    assert (await shop.money())[1] == 0
    await shop.runner.run_chunk(batch_id, 0)
    await shop.keeper.end()
    assert await shop.results(batch_id) == {"late": {"type": "expired"}}
    assert await shop.fetch("SELECT request_id FROM charges") == []
    assert (await shop.proof()).findings == []


async def test_releasing_twice_gives_back_once(shop: Shop) -> None:
    batch_id = await shop.submit([request("a")])
    await shop.execute("UPDATE batches SET items = 0, chunks = 0 WHERE batch_id = %s", batch_id)
    member = ReleasePools(shop.organization_id, batch_id, (make_pool_id(batch_id, 0),), is_end=True)
    given = await shop.commits.submit(member)
    assert isinstance(given, int)
    assert given > 0
    assert await shop.commits.submit(member) == 0
    assert await shop.money() == (5 * USD, 0)


async def test_budgets_count_the_hold_and_then_the_charges(shop: Shop) -> None:
    async with shop.pool.connection() as connection:
        await create_budget(connection, shop.organization_id, WantedBudget(USD, "total"), by=SYSTEM)
    with pytest.raises(BudgetExceededError):
        await shop.submit([request(f"r{number}", max_tokens=64_000) for number in range(10)])
    batch_id = await shop.submit([request(f"r{number}") for number in range(20)])
    ((held, settled),) = await shop.fetch("SELECT held_nano, settled_nano FROM budget_windows")
    assert (held, settled) == ((await shop.money())[1], 0)
    ended = await shop.run(batch_id)
    ((held, settled),) = await shop.fetch("SELECT held_nano, settled_nano FROM budget_windows")
    assert (held, settled) == (0, ended.net_nano)
    assert (await shop.proof()).findings == []


async def test_an_end_user_with_a_budget_is_held_for_and_one_who_gets_it_later_is_charged(shop: Shop) -> None:
    """Ada's items have a pool of their own; Bob's are held for nobody in particular, and settle for him."""

    async def make(scope: Scope, scope_id: str) -> str:
        wanted = WantedBudget(USD, "total", scope, scope_id)
        async with shop.pool.connection() as connection:
            return await create_budget(connection, shop.organization_id, wanted, by=SYSTEM)

    def of(name: str, count: int, **params: object) -> list[dict[str, object]]:
        return [request(f"{name}{number}", metadata={"user_id": name}, **params) for number in range(count)]

    made = {"ada": await make("end_user", "ada"), "model": await make("model", MODEL)}
    # 2 times 64,000 output tokens at $5 a million are $0.64 for each of them: $1 of the model's has no room.
    for refused, scope in (
        (of("ada", 4, max_tokens=64_000), "end_user"),
        (of("eve", 4, max_tokens=64_000), "model"),
    ):
        with pytest.raises(BudgetExceededError) as refusal:
            await shop.submit([*refused, *of("bob", 1)])
        assert refusal.value.scope == scope
    batch_id = await shop.submit([*of("ada", 3), *of("bob", 5)])
    pools = await pools_of(shop, batch_id)
    made["bob"] = await make("end_user", "bob")
    windows = "SELECT budget_id, held_nano, settled_nano FROM budget_windows"
    counted = {row[0]: row[1:] for row in await shop.fetch(windows)}
    held = sum(pool[0] for pool in pools)
    assert {name: counted[one] for name, one in made.items()} == {
        "ada": (pools[0][0], 0), "model": (held, 0), "bob": (0, 0),
    }  # fmt: skip
    assert (await shop.proof()).findings == []
    ended = await shop.run(batch_id)
    counted = {row[0]: row[1:] for row in await shop.fetch(windows)}
    assert counted[made["model"]] == (0, ended.net_nano)
    assert counted[made["ada"]][1] + counted[made["bob"]][1] == ended.net_nano
    assert (await shop.proof()).findings == []
    late = TakePools(
        shop.organization_id, "msgbatch_late", WORKSPACE, KEY, "node_test",
        pools=(Pool("msgbatch_late_0", MODEL, "", 1),), taken_at=clock.now(), valid_until=clock.now(),
        parted_for=frozenset({"ada"}),
    )  # fmt: skip
    await shop.execute(
        "INSERT INTO batches (batch_id, organization_id, workspace_id, key_id, api_version, beta, state,"
        " created_at, expires_at) VALUES ('msgbatch_late', %s, '', '', '', '', 'uploading', now(),"
        " now() + interval '1 day')",
        shop.organization_id,
    )
    with pytest.raises(OverloadedError, match="Send the batch again"):
        await shop.commits.submit(late)


async def test_each_end_user_of_a_batch_is_held_for_where_each_has_a_budget(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """64,000 output tokens are up to $0.32: $1 has room for one of each end user, and not for four of Ada."""
    async with shop.pool.connection() as connection:
        wanted = WantedBudget(USD, "total", "end_user", "*")
        await create_budget(connection, shop.organization_id, wanted, by=SYSTEM)

    def of(*names: str) -> list[dict[str, object]]:
        return [
            request(f"{name}{number}", metadata={"user_id": name}, max_tokens=64_000)
            for number, name in enumerate(names)
        ]

    with pytest.raises(BudgetExceededError) as refusal:
        await shop.submit(of(*["ada"] * 4))
    assert refusal.value.scope_id == "ada"
    batch_id = await shop.submit([*of("ada", "bob", "eve"), request("nobody")])
    each = "SELECT end_user, held_nano, settled_nano FROM each_windows ORDER BY 1"
    rows = await shop.fetch(each)
    assert [(row[0], row[1] > 0, row[2]) for row in rows] == [(who, True, 0) for who in ("ada", "bob", "eve")]
    assert (await shop.proof()).findings == []
    await shop.run(batch_id)
    assert [(row[1], row[2] > 0) for row in await shop.fetch(each)] == [(0, True)] * 3
    assert (await shop.proof()).findings == []
    monkeypatch.setattr("jeton.batches.uploading.uploads.POOLS_MAX", 2)
    with pytest.raises(InvalidBatchError, match="fewer end users"):
        await shop.submit(of("ada", "bob", "eve"))


async def test_postgresql_refuses_a_pool_that_is_not_what_its_hold_is(shop: Shop) -> None:
    batch_id = await shop.submit([request("a")])
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        await shop.execute("SELECT release_batch_pools(ARRAY[%s])", make_pool_id(batch_id, 0))
    with pytest.raises(psycopg.errors.CheckViolation):
        await shop.execute("UPDATE batch_pools SET open_nano = open_nano - 1")


async def test_the_proof_finds_a_pool_and_a_batch_that_were_changed(shop: Shop) -> None:
    batch_id = await shop.submit([request("a")])
    await shop.run(batch_id)
    await shop.execute(
        "UPDATE batch_pools SET settled_nano = settled_nano + 1, released_nano = released_nano - 1"
    )
    await shop.execute("UPDATE batches SET net_nano = net_nano + 1, saved_other_nano = saved_other_nano - 1")
    findings = (await shop.proof()).findings
    assert [sentence.split(":")[0] for sentence in findings[:2]] == [f"Pool {batch_id}_0"] * 2
    assert findings[2].startswith(f"Batch {batch_id} says")
