"""Auto-reload in real processes: a server, a worker, and a payment provider, each killed or deaf once."""

import asyncio
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from tests.e2e.books import balance, find_faults, query
from tests.e2e.serving import ServerProcess, serving
from tests.stripe_server.running import SECRET_KEY, WEBHOOK_SECRET, StripeServer, stripe_server

from jeton import clock
from jeton.billing.payments.saving import choose_default, save_card
from jeton.billing.payments.sending import introduce
from jeton.billing.payments.till import Till
from jeton.billing.providers.opening import ProviderDoor, StripeAccess
from jeton.billing.providers.words import Card
from jeton.billing.reloads.rules import RuleWish, save_rule
from jeton.db.pool import open_pool
from jeton.identity.audit import Actor

USD = 1_000_000_000
BY = Actor("operator", "test")
WAIT_S = 60
POLL_S = 0.1


@pytest.fixture(scope="module")
def stripe() -> Iterator[StripeServer]:
    with stripe_server() as server:
        yield server


@pytest.fixture(scope="module")
def server(stripe: StripeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("reload")
    environment = {
        "JETON_STRIPE_SECRET_KEY": SECRET_KEY,
        "JETON_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "JETON_STRIPE_URL": stripe.url,
        "JETON_RELOAD_INTERVAL_S": "1",
    }
    with serving(folder, environment=environment) as process:
        yield process


def choose(server: ServerProcess, stripe: StripeServer, threshold: int, target: int) -> None:
    """Save a card of the demo's organization at the provider and here, and its rule."""
    address = (server.data_dir / "database.url").read_text(encoding="utf-8").strip()
    ((organization_id,),) = query(server, "SELECT organization_id FROM organizations")

    async def do(key: UUID) -> None:
        pool = await open_pool(address)
        till = Till(pool, ProviderDoor(StripeAccess(SECRET_KEY, WEBHOOK_SECRET, stripe.url)))
        provider = await till.door.open()
        customer = await introduce(till, provider, key, at=clock.now())
        saved = stripe.save_card(customer)
        wish = RuleWish(threshold * USD, target * USD, 100 * USD, cool_down=timedelta(0))
        async with pool.connection() as connection:
            card = Card(saved["id"], "visa", "4242", 2034, 4)
            method_id = await save_card(connection, key, provider.name, card, at=clock.now())
            await choose_default(connection, key, method_id, by=BY)
            await save_rule(connection, key, wish, by=BY, at=clock.now())
        await pool.close()

    asyncio.run(do(organization_id))


def wait_for_reloads(server: ServerProcess, outcomes: list[str]) -> None:
    until = time.monotonic() + WAIT_S
    while (found := query(server, "SELECT outcome FROM reloads ORDER BY reload_id")) != [
        (outcome,) for outcome in outcomes
    ]:
        assert time.monotonic() < until, found
        time.sleep(POLL_S)


def test_a_server_buys_what_is_missing_and_after_a_kill_nothing_more(
    server: ServerProcess, stripe: StripeServer
) -> None:
    """The demo has $5 of trial credit: to $20 it takes $15."""
    choose(server, stripe, threshold=10, target=20)
    wait_for_reloads(server, ["succeeded"])
    assert balance(server)["available"] == 20
    server.stop(signal.SIGKILL)
    server.start()
    ((runs,),) = query(server, "SELECT counts FROM billing_jobs WHERE kind = 'reload'")
    assert set(runs) == {"opened", "ended"}
    looked_at = query(server, "SELECT clock_timestamp()")[0][0]
    until = time.monotonic() + WAIT_S
    # Two more looks of the new process, at least.
    while query(server, "SELECT done_at FROM billing_jobs WHERE kind = 'reload'")[0][
        0
    ] < looked_at + timedelta(seconds=2):
        assert time.monotonic() < until
        time.sleep(POLL_S)
    intents = stripe.things("payment_intent")
    assert [(one["amount"], one["currency"], one["status"]) for one in intents] == [
        (1_500, "usd", "succeeded")
    ]
    assert find_faults(server) == ()


def test_an_answer_that_is_lost_is_no_second_charge(server: ServerProcess, stripe: StripeServer) -> None:
    """The provider takes the money and does not say so: it stays open, and nothing else is bought."""
    stripe.control("trouble", losing=100)
    choose_higher(server)
    wait_for_open(server, stripe)
    stripe.control("trouble", losing=0)
    # As if the two minutes were over after which an open payment is asked about.
    query(server, "UPDATE payments SET updated_at = updated_at - interval '5 minutes' RETURNING 1")
    query(
        server,
        "UPDATE billing_jobs SET due_at = clock_timestamp() WHERE kind = 'settle_payments' RETURNING 1",
    )
    wait_for_reloads(server, ["succeeded", "succeeded"])
    assert balance(server)["available"] == 40
    intents = stripe.things("payment_intent")
    assert [one["amount"] for one in intents] == [1_500, 2_000]
    assert find_faults(server) == ()


def choose_higher(server: ServerProcess) -> None:
    query(
        server,
        "UPDATE reload_rules SET threshold_nano = 30000000000, target_nano = 40000000000 RETURNING 1",
    )


def wait_for_open(server: ServerProcess, stripe: StripeServer) -> None:
    """Until the provider has taken the money, and its answer is lost."""
    until = time.monotonic() + WAIT_S
    while len(stripe.things("payment_intent")) < 2:
        assert time.monotonic() < until
        time.sleep(POLL_S)
    assert query(server, "SELECT count(*) FROM reloads WHERE ended_at IS NULL") == [(1,)]
