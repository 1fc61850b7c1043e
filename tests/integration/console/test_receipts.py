"""The page of a receipt: a copy is compared with it, and its charge is disputed."""

import pytest
from tests.integration.console.test_routes import signed_in, token_of
from tests.integration.world import EMAIL, open_world

from jeton.charging.words import Rule
from jeton.db.pool import Pool
from jeton.identity.audit import Actor
from jeton.identity.members import Role
from jeton.notifications.inbox.items import ItemFilter, close_item, list_items

PATH = "/console/requests"


async def test_a_copy_is_told_from_another_receipt(pool: Pool) -> None:
    world = await open_world(pool)
    one, other = await world.bill(), await world.bill()
    async with signed_in(world, role="auditor") as client:
        kept = (await client.get(f"{PATH}/{one.request_id}.json")).json()["digest"]
        again = (await client.get(f"{PATH}/{one.request_id}.json")).json()
        same = (await client.get(f"{PATH}/{one.request_id}", params={"digest": kept})).text
        unlike = (await client.get(f"{PATH}/{other.request_id}", params={"digest": kept})).text
    assert again["digest"] == kept
    assert [entry["chain"]["number"] for entry in again["transactions"]] == [2, 3]
    assert "that you have a copy of" in same
    assert "Not the same" in unlike
    # Who only reads is offered no form.
    assert "Dispute this charge" not in same
    await world.close()


async def test_a_disputed_charge_is_one_item_of_the_inbox_and_said_on_the_receipt(pool: Pool) -> None:
    world = await open_world(pool)
    charge = await world.bill()
    page = f"{PATH}/{charge.request_id}"
    async with signed_in(world, role="billing") as client:
        form = {"reason": "We never sent this.", "form_token": await token_of(client, page)}
        for _ in range(2):
            sent = await client.post(f"{page}/dispute", data=form)
            assert sent.headers["location"] == f"{page}#dispute"
        shown = (await client.get(page)).text
        async with pool.connection() as connection:
            (item,) = await list_items(connection, ItemFilter(kind="charge_dispute"))
            await close_item(connection, item.item_id, reason="", by=Actor("operator", "ops@example.com"))
        answered = (await client.get(page)).text
    assert (item.email, item.times, item.message) == (EMAIL, 2, "We never sent this.")
    assert (item.details["request_id"], item.details["net_amount"]) == (charge.request_id, "0.029")
    assert "Disputed:" in shown
    assert "Dispute this charge" in answered
    await world.close()


@pytest.mark.parametrize(
    ("role", "reason", "rule", "status"),
    [
        ("auditor", "Why?", Rule.COMPLETED, 403),
        ("developer", " ", Rule.COMPLETED, 400),
        ("developer", "Why?", Rule.UPSTREAM_FAILED, 400),
    ],
)
async def test_what_cannot_be_disputed_is_said(
    pool: Pool, role: Role, reason: str, rule: Rule, status: int
) -> None:
    world = await open_world(pool)
    charge = await world.bill() if rule is Rule.COMPLETED else await world.bill(None, rule=rule)
    async with signed_in(world, role=role) as client:
        form = {"reason": reason, "form_token": await token_of(client, "/console")}
        answer = await client.post(f"{PATH}/{charge.request_id}/dispute", data=form)
    assert answer.status_code == status
    await world.close()


async def test_nobody_disputes_what_another_organization_was_charged(pool: Pool) -> None:
    ours, theirs = await open_world(pool), await open_world(pool, name="Theirs")
    charge = await theirs.bill()
    async with signed_in(ours, role="admin") as client:
        form = {"reason": "Why?", "form_token": await token_of(client, "/console")}
        answer = await client.post(f"{PATH}/{charge.request_id}/dispute", data=form)
    assert answer.status_code == 404
    async with pool.connection() as connection:
        assert await list_items(connection, ItemFilter(kind="charge_dispute")) == []
    await ours.close()
    await theirs.close()
