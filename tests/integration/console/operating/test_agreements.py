"""Agreements with an organization: tried out, agreed on once, ended, and how it pays."""

import re
from datetime import timedelta
from fractions import Fraction

import httpx2
from starlette.applications import Starlette
from tests.integration.console.operating.scene import OPERATOR, Seat, seated
from tests.integration.world import BOOK, World, open_world

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.routes import admin_routes
from jeton.billing.invoicing.profiles import ProfileChange, change_profile
from jeton.billing.terms.asking import TermsAsk, first_begin
from jeton.billing.terms.keeping import Change, add_terms
from jeton.db.pool import Pool
from jeton.identity.audit import SYSTEM
from jeton.identity.key_ring import KeyRing
from jeton.pricing.terms import Scope

NOW_FORM = {
    "scope": "line:sonnet",
    "factor": "0.85",
    "approved_by": "Grace",
    "reason": "offer 4711",
    "idempotency_key": "form_1",
}


def place_of(world: World) -> str:
    return f"/console/organizations/{world.organization.organization_id}/agreements"


async def states(seat: Seat, world: World) -> list[tuple[object, object]]:
    twin = await seat.twin(place_of(world))
    terms = twin["terms"]
    assert isinstance(terms, list)
    return [(one["scope"], one["state"]) for one in terms]


async def agree_a_while_ago(world: World) -> str:
    """Terms that are in force now: 0.85 for every sonnet."""
    at = clock.now() - timedelta(hours=1)
    ask = TermsAsk(Scope("line", "sonnet"), Fraction(85, 100), (), first_begin(at), None, "offer", "Grace")
    async with world.pool.connection() as connection:
        (terms_id,) = await add_terms(
            connection, world.organization.organization_id, [ask], book=BOOK, change=Change(SYSTEM, at)
        )
    return terms_id


async def test_terms_are_tried_out_agreed_on_once_and_ended(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill()
    month = f"{clock.now():%Y-%m}"
    async with seated(world, OPERATOR) as seat:
        assert "it pays the list prices" in await seat.text(place_of(world))
        tried = await seat.text(f"{place_of(world)}?scope=line:sonnet&factor=0.5&month={month}")
        assert "$0.0145" in re.sub("<[^>]*>", "", tried)
        for _ in range(2):
            answer = await seat.post(place_of(world), **NOW_FORM)
            assert (answer.status_code, answer.headers["location"]) == (303, place_of(world))
        assert await states(seat, world) == [("line:sonnet", "coming")]
        page = await seat.text(place_of(world))
        assert "0.85 of the list price" in page
        (terms_id,) = set(re.findall(r"agreements/(terms_[0-9a-f]+)/end", page))
        refused = await seat.post(place_of(world), **{**NOW_FORM, "idempotency_key": "form_2"})
        assert (refused.status_code, terms_id in refused.text) == (409, True)
        await seat.post(f"{place_of(world)}/{terms_id}/end", reason="no deal")
        assert await states(seat, world) == [("line:sonnet", "over")]
        for wrong in ({"factor": "11"}, {"scope": "x"}, {"reason": ""}, {"idempotency_key": ""}):
            answer = await seat.post(place_of(world), **{**NOW_FORM, "idempotency_key": "form_3", **wrong})
            assert answer.status_code == 400, wrong
    await world.close()


async def test_an_organization_is_switched_and_back(pool: Pool) -> None:
    world = await open_world(pool)
    organization_id = world.organization.organization_id
    switch = f"/console/organizations/{organization_id}/switch"
    form = {"to": "invoiced", "limit": "$1000", "net_days": "14", "reason": "contract"}
    async with seated(world, OPERATOR) as seat:
        endless = await seat.post(switch, **{**form, "net_days": "9" * 5000}, idempotency_key="k0")
        assert endless.status_code == 400
        refused = await seat.post(switch, **form, idempotency_key="k1")
        assert (refused.status_code, "no street, city" in refused.text) == (409, True)
        change = ProfileChange(street="Ring 1", city="Ulm", country="DE", emails=("pay@example.com",))
        async with pool.connection() as connection:
            await change_profile(connection, organization_id, change, by=SYSTEM, reason="new", at=clock.now())
        for _ in range(2):
            assert (await seat.post(switch, **form, idempotency_key="k2")).status_code == 303
        twin = await seat.twin(place_of(world))
        assert twin["kind"] == "invoiced"
        assert "Switch to prepaid" in await seat.text(place_of(world))
        terms = f"/console/organizations/{organization_id}/terms"
        assert (await seat.post(terms, limit="0", cap="0")).status_code == 400
        assert (await seat.post(terms, limit="2000", cap="5")).status_code == 303
        back = {"to": "prepaid", "reason": "over", "idempotency_key": "k3"}
        assert (await seat.post(switch, **back)).status_code == 303
        twin = await seat.twin(place_of(world))
        assert twin["kind"] == "prepaid"
        switches = twin["switches"]
        assert isinstance(switches, list)
        assert [one["to_kind"] for one in switches] == ["prepaid", "invoiced"]
        assert (await seat.post(switch, to="free", reason="x", idempotency_key="k4")).status_code == 400
    await world.close()


async def test_an_organization_sees_its_own_prices(pool: Pool) -> None:
    """0.85 of $2 and $10 a million are $1.70 and $8.50."""
    world = await open_world(pool)
    async with seated(world) as seat:
        assert "no price that was negotiated is in force" in await seat.text("/console/prices")
        terms_id = await agree_a_while_ago(world)
        page = await seat.text("/console/prices")
        twin = await seat.twin("/console/prices")
        sheet = (await seat.client.get("/console/prices.csv")).text
    assert "0.85 of the list price" in page
    assert "terms of its own" in page
    assert f",{terms_id},2026-10-07,standard,,1.7,2.125,3.4,0.085,8.5,8.5" in sheet
    negotiated = twin["negotiated"]
    assert isinstance(negotiated, list)
    assert (negotiated[0]["id"], negotiated[0]["state"]) == (terms_id, "in_force")
    await world.close()


async def test_the_admin_api_says_what_was_agreed_and_what_it_costs(pool: Pool) -> None:
    world = await open_world(pool)
    terms_id = await agree_a_while_ago(world)
    app = Starlette(routes=admin_routes(AdminDeps(pool, KeyRing(pool), book=BOOK)))
    transport, headers = httpx2.ASGITransport(app=app), {"x-api-key": world.admin_secret}
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://jeton.test", headers=headers
    ) as client:
        terms = (await client.get("/v1/organizations/terms")).json()
        prices = (await client.get("/v1/organizations/prices")).json()
    assert [one["id"] for one in terms["data"]] == [terms_id]
    by_model = {one["model"]: one for one in prices["data"]}
    standard = by_model["claude-sonnet-5-5"]["per_million_tokens"][0]
    assert (standard["condition"], standard["input"], standard["output"]) == ("standard", "1.7", "8.5")
    assert by_model["claude-sonnet-5-5"]["terms_id"] == terms_id
    await world.close()
