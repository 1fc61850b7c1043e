"""A real server and a provider's server, which speaks to it by webhooks over HTTP, with every trouble."""

import asyncio
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from tests.e2e.serving import ServerProcess, run_jeton, serving
from tests.stripe_server.running import SECRET_KEY, WEBHOOK_SECRET, StripeServer, stripe_server

from jeton import clock
from jeton.billing.payments.buying.purchasing import Purchase, buy_credit, new_purchase_id
from jeton.billing.payments.sending import introduce
from jeton.billing.payments.till import Till
from jeton.billing.payments.words import Payment
from jeton.billing.providers.opening import ProviderDoor, StripeAccess
from jeton.db.data_directory import ADDRESS_FILE
from jeton.db.pool import Pool, open_pool
from jeton.identity.audit import SYSTEM

USD = 1_000_000_000
PATH = "/v1/billing/webhooks/stripe"
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, StripeServer]]:
    """Jeton and its provider, each a process."""
    with stripe_server() as stripe:
        environment = {
            "JETON_STRIPE_SECRET_KEY": SECRET_KEY,
            "JETON_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "JETON_STRIPE_URL": stripe.url,
        }
        with serving(tmp_path_factory.mktemp("cards"), environment=environment) as server:
            stripe.control("webhooks", url=f"{server.base_url}{PATH}")
            yield server, stripe


async def open_till(server: ServerProcess, stripe: StripeServer) -> tuple[Pool, Till]:
    """A till on the server's database: another node of the same installation."""
    url = (server.data_dir / ADDRESS_FILE).read_text(encoding="utf-8").strip()
    pool = await open_pool(url)
    door = ProviderDoor(StripeAccess(SECRET_KEY, WEBHOOK_SECRET, stripe.url))
    return pool, Till(pool, door, base_url=server.base_url)


async def find_demo(pool: Pool) -> UUID:
    async with pool.connection() as connection:
        row = await (
            await connection.execute("SELECT organization_id FROM organizations ORDER BY created_at LIMIT 1")
        ).fetchone()
    assert row is not None
    return UUID(str(row[0]))


async def read_state(pool: Pool, payment: Payment) -> str:
    async with pool.connection() as connection:
        row = await (
            await connection.execute(
                "SELECT state FROM payments WHERE payment_id = %s", (payment.payment_id,)
            )
        ).fetchone()
    assert row is not None
    return str(row[0])


async def test_a_payment_on_the_providers_page_is_booked_by_its_webhooks(
    both: tuple[ServerProcess, StripeServer],
) -> None:
    """They come twice, shuffled and late; nobody comes back from the page and nobody asks."""
    server, stripe = both
    stripe.control("plan", is_manual=False, repeat_percent=100, is_shuffled=True, delay_ms=20)
    pool, till = await open_till(server, stripe)
    try:
        organization_id = await find_demo(pool)
        await introduce(till, await till.door.open(), organization_id, at=clock.now())
        purchase = Purchase(organization_id, 25 * USD, new_purchase_id(), SYSTEM)
        payment = await buy_credit(till, purchase, at=clock.now())
        stripe.form(payment.action_url.removeprefix(stripe.url), number="4242424242424242")
        until = time.monotonic() + PATIENCE_S
        while await read_state(pool, payment) != "succeeded":
            assert time.monotonic() < until, "No webhook was booked."
            await asyncio.sleep(0.1)
        async with pool.connection() as connection:
            row = await (
                await connection.execute(
                    "SELECT count(*), sum(granted_nano)::bigint FROM lots WHERE kind = 'paid'"
                )
            ).fetchone()
        assert row == (1, 25 * USD)
    finally:
        await pool.close()
    assert run_jeton("ledger", "verify", "--data-dir", str(server.data_dir)).returncode == 0


def test_a_webhook_that_nobody_signed_is_refused(both: tuple[ServerProcess, StripeServer]) -> None:
    server, _ = both
    headers = {"stripe-signature": "t=1,v1=00"}
    request = urllib.request.Request(f"{server.base_url}{PATH}", b"{}", headers)  # noqa: S310 - our own server
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)  # noqa: S310 - as above
    assert refused.value.code == 401
    refused.value.close()


def test_a_key_without_a_secret_for_webhooks_does_not_start(tmp_path: Path) -> None:
    server = ServerProcess(
        tmp_path, environment={"JETON_STRIPE_SECRET_KEY": SECRET_KEY, "JETON_STRIPE_WEBHOOK_SECRET": " "}
    )
    server.start(wait=False)
    code, output = server.wait()
    assert code != 0
    assert "anybody could forge webhooks" in output


def test_a_server_that_takes_no_card_does_not_import_the_providers_package() -> None:
    found = run_python(
        "import sys, jeton.app.routes; print('stripe' in sys.modules, 'requests' in sys.modules)"
    )
    assert found == "False False"


def run_python(code: str) -> str:
    """What a fresh process says."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    return done.stdout.strip()
