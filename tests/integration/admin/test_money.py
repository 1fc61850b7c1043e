"""Money over the Admin API: bought once under a key, refunded in part, documents as pages have them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from tests.integration.console.money.scene import Counter, office_of
from tests.integration.console.money.test_invoices import issue, owe
from tests.integration.console.operating.scene import Seat
from tests.integration.world import World, open_world
from tests.stripe_server.running import StripeServer, stripe_server

from jeton.admin.deps import AdminDeps
from jeton.admin.routes import admin_routes
from jeton.billing.office import Office
from jeton.db.pool import Pool
from jeton.identity.key_ring import KeyRing

PLACE = "/v1/organizations"


@pytest.fixture(scope="module")
def stripe() -> Iterator[StripeServer]:
    """The payment provider as a process."""
    with stripe_server() as server:
        yield server


@asynccontextmanager
async def calling(world: World, office: Office | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """A program with the world's admin key."""
    deps = AdminDeps(world.pool, KeyRing(world.pool), office=office)
    transport = httpx2.ASGITransport(app=Starlette(routes=admin_routes(deps)))
    headers = {"x-api-key": world.admin_secret}
    async with httpx2.AsyncClient(transport=transport, base_url="http://t", headers=headers) as client:
        yield client


async def test_credit_is_bought_once_under_a_key_and_refunded_in_part(
    pool: Pool, stripe: StripeServer
) -> None:
    """$100 with 19 % tax is $119; $40 of it back is $47.60."""
    world = await open_world(pool)
    office = office_of(world, stripe)
    async with calling(world, office) as client:
        await Counter(world, Seat(client, ""), office, stripe).save_card()
        cards = (await client.get(f"{PLACE}/payment_methods")).json()["data"]
        assert [card["last4"] for card in cards] == ["4242"]
        key = {"idempotency-key": "november"}
        answers = [
            await client.post(f"{PLACE}/payments", json={"credit": "100"}, headers=key) for _ in range(2)
        ]
        bought: Any = [answer.json() for answer in answers]
        assert bought[0]["id"] == bought[1]["id"]
        assert (bought[0]["state"], bought[0]["total_amount"]) == ("succeeded", "119.00")
        body = {"credit": "40", "reason": "too much"}
        place = f"{PLACE}/payments/{bought[0]['id']}"
        refunds = [await client.post(f"{place}/refunds", json=body, headers=key) for _ in range(2)]
        assert {answer.json()["id"] for answer in refunds} == {refunds[0].json()["id"]}
        assert refunds[0].json()["total_amount"] == "47.60"
        assert (await client.get(place)).json()["refunded_amount"] == "47.60"
    await world.close()


async def test_auto_reload_is_set_and_ended(pool: Pool) -> None:
    world = await open_world(pool)
    async with calling(world) as client:
        assert (await client.get(f"{PLACE}/auto_reload")).json()["why_off"] == "never_set"
        body = {"threshold": "20", "target": "100", "monthly_ceiling": "500"}
        made = (await client.post(f"{PLACE}/auto_reload", json=body)).json()
        assert (made["is_on"], made["cool_down_s"]) == (True, 600)
        refused = await client.post(f"{PLACE}/auto_reload", json={**body, "target": "1"})
        assert refused.json()["error"]["details"]["error_code"] == "reload_rule_invalid"
        for cool_down_s in (-1, 31 * 86_400 + 1, 10**18):
            refused = await client.post(f"{PLACE}/auto_reload", json={**body, "cool_down_s": cool_down_s})
            assert (refused.status_code, "cool_down_s" in refused.text) == (400, True)
        refused = await client.post(f"{PLACE}/auto_reload", json={**body, "target": "1e100000000"})
        assert (refused.status_code, "is not a decimal number" in refused.text) == (400, True)
        assert (await client.request("DELETE", f"{PLACE}/auto_reload")).json()["why_off"] == "switched_off"
    await world.close()


async def test_documents_the_profile_and_the_account(pool: Pool) -> None:
    world = await open_world(pool)
    await owe(world, 100)
    async with calling(world) as client:
        drafts = (await client.get(f"{PLACE}/invoices/draft")).json()["data"]
        assert [one["total_amount"] for one in drafts] == ["2.90"]
        change = {"city": "Berlin", "emails": ["ap@example.com"]}
        assert (await client.post(f"{PLACE}/billing_profile", json=change)).json()["city"] == "Berlin"
        zero = await client.post(f"{PLACE}/billing_profile", json={"city": "Berlin", "reason": "a\0b"})
        assert (zero.status_code, "zero byte" in zero.text) == (400, True)
        document = await issue(world)
        for name in (document.document_id, document.number):
            whole = (await client.get(f"{PLACE}/invoices/{name}")).json()
            assert (whole["number"], whole["due_amount"]) == (document.number, "2.90")
        listed = (await client.get(f"{PLACE}/invoices?limit=1")).json()
        assert ([one["id"] for one in listed["data"]], listed["has_more"]) == ([document.document_id], False)
        account = (await client.get(f"{PLACE}/account_statement?until=2100-01-01")).json()
        assert account["closing"] == {"USD": "2.90"}
        assert (await client.get(f"{PLACE}/account_statement?from=soon")).status_code == 400
    await world.close()


async def test_without_a_provider_nothing_is_bought_and_it_says_why(pool: Pool) -> None:
    world = await open_world(pool)
    async with calling(world) as client:
        answer = await client.post(f"{PLACE}/payments", json={"credit": "100"})
        assert answer.status_code == 404
        assert answer.json()["error"]["details"]["error_code"] == "payment_provider_missing"
    await world.close()
