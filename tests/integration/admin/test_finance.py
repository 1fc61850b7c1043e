"""The operator's finance over the Admin API: documents, payments, statements, profiles, months; once each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx2
from starlette.applications import Starlette
from tests.integration.console.money.test_invoices import issue, owe
from tests.integration.world import BOOK, OLD_SONNET, USD, World, open_world

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.routes import admin_routes
from jeton.billing.rerating.reratings import decide_rerating
from jeton.billing.rerating.supplements import approve_supplement
from jeton.charging.credits.limits import set_credit_limit
from jeton.db.pool import Pool
from jeton.identity.audit import Actor
from jeton.identity.key_ring import KeyRing
from jeton.identity.standing.operator_keys import OperatorKeys

PLACE = "/v1/operator"
GRACE = Actor("operator", "grace")
SECRET = "an-operators-key-of-more-than-32-characters"


@asynccontextmanager
async def calling(world: World, secret: str = SECRET) -> AsyncIterator[httpx2.AsyncClient]:
    """A program of the operator's."""
    keys = OperatorKeys([("erp", SECRET)])
    deps = AdminDeps(world.pool, KeyRing(world.pool), operator_keys=keys, book=BOOK)
    transport = httpx2.ASGITransport(app=Starlette(routes=admin_routes(deps)))
    headers = {"x-api-key": secret}
    async with httpx2.AsyncClient(transport=transport, base_url="http://t", headers=headers) as client:
        yield client


async def test_a_document_is_read_paid_in_part_corrected_and_given_up(pool: Pool) -> None:
    """100 requests of $0.029 are $2.90: $1 comes in, $0.40 is goodwill, the rest is given up."""
    world = await open_world(pool)
    await owe(world, 100)
    document = await issue(world)
    ours = f"{PLACE}/organizations/{world.organization.organization_id}"
    place = f"{PLACE}/invoices/{document.number}"
    async with calling(world) as client:
        listed = (await client.get(f"{PLACE}/invoices", params={"limit": "5"})).json()
        assert [one["number"] for one in listed["data"]] == [document.number]
        assert document.due_on is not None
        read = (await client.get(place)).json()["dunning"]["next_step"]
        assert (read["kind"], read["on"]) == ("mail", str(document.due_on + timedelta(days=3)))
        # The rules of this test have no seller, so EN 16931 has no way to say it.
        assert (await client.get(f"{place}/files/xml")).status_code == 409
        assert (await client.get(f"{place}/files/ubl")).status_code == 409
        assert (await client.get(f"{place}/files/docx")).status_code == 400
        for form, start in (("pdf", b"%PDF"), ("csv", b""), ("zip", b"PK")):
            file = await client.get(f"{place}/files/{form}")
            assert (file.status_code, file.content.startswith(start)) == (200, True), form
            assert file.headers["content-length"] == str(len(file.content))
            assert file.headers["content-disposition"].endswith(f'{document.number}.{form}"')
        body = {
            "amount": "1.00", "currency": "USD", "received_on": "2026-11-20", "reason": "seen at the bank",
            "document": document.number,
        }  # fmt: skip
        key = {"idempotency-key": "one"}
        paid = [await client.post(f"{ours}/received_payments", json=body, headers=key) for _ in range(2)]
        assert [one.status_code for one in paid] == [200, 200], paid[0].text
        assert paid[0].json() == paid[1].json()
        assert paid[1].headers["idempotent-replayed"] == "true"
        assert [one["amount"] for one in paid[0].json()["documents"]] == ["1.00"]
        credit = {"amount": "0.40", "reason": "a slow week"}
        made = [await client.post(f"{place}/credit_notes", json=credit, headers={"idempotency-key": "two"})
                for _ in range(2)]  # fmt: skip
        assert made[0].json()["credit_note"]["id"] == made[1].json()["credit_note"]["id"]
        left = (await client.post(f"{place}/write_offs", json={"reason": "too little to ask for"})).json()
        assert (left["due_amount"], left["written_off_amount"]) == ("0.00", "1.50")
        void = await client.post(f"{place}/void", json={"reason": "wrong"})
        assert void.json()["error"]["details"]["error_code"] == "invalid_correction"
        listed = (await client.get(f"{PLACE}/received_payments", params={"only_left": "true"})).json()
        assert listed["data"] == []
        voided = await client.post(
            f"{PLACE}/received_payments/{paid[0].json()['id']}/void", json={"reason": "it bounced"}
        )
        assert voided.json()["voided_at"] is not None, voided.text
    await world.close()


async def test_a_document_is_made_anew_and_a_statement_pays_it(pool: Pool) -> None:
    world = await open_world(pool)
    await owe(world, 100)
    document = await issue(world)
    async with calling(world) as client:
        place = f"{PLACE}/invoices/{document.document_id}/reissue"
        answer = await client.post(place, json={"reason": "wrong"}, headers={"idempotency-key": "r"})
        (anew,) = answer.json()["documents"]
        assert anew["total_amount"] == "2.90"
        again = await client.post(place, json={"reason": "wrong"}, headers={"idempotency-key": "r"})
        assert again.json() == answer.json()
        text = (
            "date,amount,currency,reference,payer,remittance\n"
            f"2026-11-20,2.90,USD,B1,Example GmbH,{anew['number']}\n"
        )
        read = [await client.post(f"{PLACE}/bank_statements", content=text) for _ in range(2)]
        assert [(one.json()["applied"], one.json()["known"]) for one in read] == [(1, 0), (0, 1)]
        broken = await client.post(f"{PLACE}/bank_statements", content=text + "2026-11-21,much,USD,B2,x,y\n")
        assert broken.status_code == 400
        assert "line 3" in broken.text.lower()
        assert (await client.get(f"{PLACE}/invoices/{anew['id']}")).json()["state"] == "paid"
    await world.close()


async def test_a_profile_and_a_month_are_the_operators_and_no_other_keys(pool: Pool) -> None:
    world = await open_world(pool)
    profile = f"{PLACE}/organizations/{world.organization.organization_id}/billing_profile"
    async with calling(world) as client:
        body = {"reason": "agreed", "currency": "EUR", "anchor_day": 15, "net_days": 14, "minimum": "100"}
        assert (await client.post(profile, json=body)).json()["anchor_day"] == 15
        wrong = await client.post(profile, json={**body, "anchor_day": 40})
        assert wrong.json()["error"]["details"]["error_code"] == "invalid_billing_profile"
        assert (await client.get(profile)).json()["currency"] == "EUR"
        month = (await client.get(f"{PLACE}/months/2020-01")).json()
        assert (month["id"], month["is_closed"]) == ("2020-01", False)
        assert (await client.get(f"{PLACE}/months/soon")).status_code == 400
        early = await client.post(f"{PLACE}/months/2199-01/close", json={"reason": "too early"})
        assert early.status_code == 409
        missing = await client.post(f"{PLACE}/organizations/nobody/invoices")
        assert missing.status_code == 404
    async with calling(world, world.admin_secret) as client:
        refused = await client.get(profile)
        assert refused.json()["error"]["details"]["error_code"] == "operator_key_required"
        assert (await client.get("/v1/organizations/me")).status_code == 200
    await world.close()


async def test_what_was_charged_too_little_is_asked_for_by_a_key_and_charged_by_a_person(pool: Pool) -> None:
    """100,000 cache reads at $0.10, not $0.20, a million are $0.01 too little; sent twice, charged once."""
    world = await open_world(pool)
    await world.bill()
    organization_id = world.organization.organization_id
    async with pool.connection() as connection:
        await set_credit_limit(connection, organization_id, USD, by=Actor("operator", "ada"))
    at = clock.now()
    span = {
        "price_version_id": OLD_SONNET.price_version_id,
        "starts_at": (at - timedelta(days=1)).isoformat(),
        "ends_at": (at + timedelta(days=1)).isoformat(),
        "reason": "the agreed price",
    }
    asked = {"organization_id": str(organization_id), "reason": "as agreed"}
    async with calling(world) as first:
        unknown = await first.post(f"{PLACE}/reratings", json={**span, "price_version_id": "x@2026-01-01"})
        bare = await first.post(f"{PLACE}/reratings", json={**span, "starts_at": "2026-11-01T00:00:00"})
        assert (unknown.status_code, bare.status_code) == (400, 400)
        made = [(await first.post(f"{PLACE}/reratings", json=span)).json() for _ in range(2)]
        assert made[0]["id"] == made[1]["id"]
        place = f"{PLACE}/reratings/{made[0]['id']}"
        assert (await first.post(f"{place}/supplements", json=asked)).status_code == 409
        # A key might be held by whoever proposed.
        assert (await first.post(f"{place}/approve")).status_code == 404
        async with pool.connection() as connection:
            await decide_rerating(connection, made[0]["id"], "approved", by=GRACE)
        # Nothing goes back, so with the approval it is done.
        assert (await first.get(place)).json()["state"] == "done"
        assert (await first.post(f"{place}/post")).status_code == 409
        twice = [(await first.post(f"{place}/supplements", json=asked)).json() for _ in range(2)]
        assert twice[0] == twice[1]
        [supplement] = twice[0]["supplements"]
        assert (supplement["state"], supplement["amount"]) == ("open", "0.01")
        one = f"{place}/supplements/{supplement['id']}"
        assert (await first.post(f"{one}/approve")).status_code == 404
        for _ in range(2):
            async with pool.connection() as connection:
                await approve_supplement(connection, made[0]["id"], supplement["id"], by=GRACE)
        assert (await first.get(place)).json()["supplements"][0]["state"] == "done"
        assert (await first.post(f"{one}/decline")).status_code == 409
        listed = (await first.get(f"{PLACE}/reratings")).json()
        assert [item["id"] for item in listed["data"]] == [made[0]["id"]]
    await world.close()
