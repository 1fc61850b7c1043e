"""The operator's organizations: found, granted, suspended, and looked at without changing a thing."""

from uuid import UUID

import pytest
from starlette.routing import Route
from tests.integration.console.operating.scene import OPERATOR, deps_of, seated
from tests.integration.world import BOOK, USD, V1, World, open_world

from jeton import clock
from jeton.charging.charging import Charging
from jeton.charging.costing.costing import CostBook
from jeton.charging.words import Metered, Rule
from jeton.console.routes import console_routes
from jeton.db.pool import Pool
from jeton.identity.audit import list_audit
from jeton.identity.key_ring import KeyRing
from jeton.identity.standing.errors import OrganizationSuspendedError
from jeton.insight.balance import get_balance
from jeton.pricing.rating import STANDARD
from jeton.upstreams.attempts import Attempt

PLACE = "/console/organizations"
OPERATORS_PAGES = (
    PLACE,
    f"{PLACE}/{UUID(int=0)}",
    "/console/price-book",
    "/console/health",
    "/console/audit",
    "/console/inbox",
)
# What one does before there is a session, or to end it.
SIGNING = ("/console/sign-in", "/console/sign-out", "/console/invite", "/console/display", "/console/oidc")


def place_of(world: World) -> str:
    return f"{PLACE}/{world.organization.organization_id}"


async def actions(pool: Pool) -> list[tuple[str, str]]:
    async with pool.connection() as connection:
        return [(entry.action, entry.actor) for entry in await list_audit(connection)]


async def test_only_the_operator_sees_and_does_any_of_it(pool: Pool) -> None:
    """An administrator of an organization is no operator."""
    world = await open_world(pool)
    async with seated(world) as seat:
        for path in OPERATORS_PAGES:
            assert (await seat.client.get(path)).status_code == 403
            assert (await seat.client.get(f"{path}.json")).status_code == 403
        for csv in ("/console/audit.csv",):
            assert (await seat.client.get(csv)).status_code == 403
        for act in ("grant", "terms", "suspend", "resume", "view"):
            form = {"amount": "1", "kind": "paid", "reason": "x", "idempotency_key": "k", "limit": "1"}
            assert (await seat.post(f"{place_of(world)}/{act}", **form)).status_code == 403
        assert (await seat.post("/console/health/prove")).status_code == 403
        assert PLACE not in await seat.text("/console")
    await world.close()


async def test_a_form_grants_once_however_often_it_is_sent(pool: Pool) -> None:
    world = await open_world(pool)
    form = {
        "amount": "$25.00",
        "kind": "promotional",
        "days": "30",
        "reason": "thanks",
        "idempotency_key": "k1",
    }
    async with seated(world, OPERATOR) as seat:
        for _ in range(2):
            answer = await seat.post(f"{place_of(world)}/grant", **form)
            assert (answer.status_code, answer.headers["location"]) == (303, place_of(world))
        assert "thanks" in await seat.text(place_of(world))
        for wrong in (
            {"kind": "free"},
            {"amount": "-1"},
            {"days": "x"},
            {"reason": ""},
            {"idempotency_key": ""},
        ):
            assert (await seat.post(f"{place_of(world)}/grant", **{**form, **wrong})).status_code == 400
    async with pool.connection() as connection:
        balance = await get_balance(connection, world.organization.organization_id)
    assert balance.amounts.granted_nano == 30 * USD
    assert (await actions(pool)).count(("credits.granted", OPERATOR)) == 1
    await world.close()


async def test_a_suspension_refuses_new_requests_and_lets_running_ones_finish(pool: Pool) -> None:
    """Its admin key still reads, its members read why, and what it may use again is all that it had."""
    world = await open_world(pool)
    ring = KeyRing(pool)
    running = await world.hold()
    async with seated(world, OPERATOR) as seat:
        assert (await seat.post(f"{place_of(world)}/suspend", reason="")).status_code == 400
        assert (await seat.post(f"{place_of(world)}/suspend", reason="unpaid since May")).status_code == 303
        assert (await seat.post(f"{place_of(world)}/suspend", reason="again")).status_code == 409
        with pytest.raises(OrganizationSuspendedError):
            await ring.authenticate(world.secret)
        assert (await ring.authenticate(world.admin_secret)).kind == "admin"
        assert "unpaid since May" in await seat.text("/console")
        listed = await seat.twin(f"{PLACE}?state=suspended")
        assert [row["state"] for row in listed["data"]] == ["suspended"]  # type: ignore[attr-defined]  # values out of JSON
        charge = await world.charging.settle(running, Metered(Rule.COMPLETED, V1, "upstream", STANDARD, "{}"))
        assert charge.net_nano == 29_000_000
        assert (await seat.post(f"{place_of(world)}/resume")).status_code == 303
        assert (await seat.post(f"{place_of(world)}/resume")).status_code == 409
    assert (await ring.authenticate(world.secret)).key_id == world.key.key_id
    assert {("organization.suspended", OPERATOR), ("organization.resumed", OPERATOR)} <= set(
        await actions(pool)
    )
    await world.close()


async def test_every_node_hears_of_a_suspension(pool: Pool) -> None:
    """The payload is no key's digest, so that a node forgets all it remembers."""
    world = await open_world(pool)
    async with pool.connection() as listener:
        await listener.set_autocommit(True)
        await listener.execute("LISTEN jeton_keys")
        async with seated(world, OPERATOR) as seat:
            await seat.post(f"{place_of(world)}/suspend", reason="unpaid")
        heard = [note.payload async for note in listener.notifies(timeout=5, stop_after=1)]
        await listener.set_autocommit(False)
    assert f"organization {world.organization.organization_id}" in heard
    await world.close()


async def test_an_operator_sees_another_console_and_can_change_nothing_there(pool: Pool) -> None:
    """Every form is refused; what is seen is the other organization's; both ends are audited."""
    world = await open_world(pool, name="House")
    other = await open_world(pool, name="Guest AG")
    charge = await other.bill()
    deps = deps_of(world)
    async with seated(world, OPERATOR, deps=deps) as seat:
        assert (await seat.post(f"{place_of(other)}/view")).headers["location"] == "/console"
        page = await seat.text("/console/billing")
        assert "Guest AG" in page
        assert "Leave this Console" in page
        assert charge.request_id in await seat.text("/console/requests")
        assert (await seat.client.get(PLACE)).status_code == 403
        refused = 0
        for route in console_routes(deps):
            assert isinstance(route, Route)
            if route.methods != {"POST"} or route.path.startswith((*SIGNING, "/console/viewing")):
                continue
            path = route.path.replace("{organization_id}", str(other.organization.organization_id))
            answer = await seat.post(path.replace("{", "").replace("}", ""), name="x", reason="x", amount="1")
            assert answer.status_code == 403, route.path
            assert "viewing_read_only" in answer.text, route.path
            refused += 1
        assert refused > 20
        left = await seat.post("/console/viewing/end")
        assert left.headers["location"] == place_of(other)
        assert "Guest AG" not in await seat.text("/console/billing")
    entries = await actions(pool)
    assert {("organization.viewed", OPERATOR), ("organization.view_ended", OPERATOR)} <= set(entries)
    await world.close()
    await other.close()


async def test_the_list_is_found_by_name_id_and_member_and_goes_on_by_key(pool: Pool) -> None:
    world = await open_world(pool, name="Alpha 100%")
    other = await open_world(pool, name="Beta")
    async with seated(world, OPERATOR) as seat:
        for search in ("alpha", "100%", str(world.organization.organization_id), OPERATOR):
            answer = await seat.client.get(f"{PLACE}.json", params={"search": search})
            assert [row["name"] for row in answer.json()["data"]] == ["Alpha 100%"], search
        both = (await seat.client.get(f"{PLACE}.json")).json()["data"]
        assert [row["name"] for row in both] == ["Beta", "Alpha 100%"]
        after = await seat.client.get(f"{PLACE}.json", params={"before": both[0]["id"]})
        assert [row["name"] for row in after.json()["data"]] == ["Alpha 100%"]
        assert "No organization is like that" in await seat.text(f"{PLACE}?search=<script>")
        for wrong in ("before=x", "state=dead", "search=" + "x" * 300):
            assert (await seat.client.get(f"{PLACE}?{wrong}")).status_code == 400
        for unknown in ("x", str(UUID(int=1)), "%00"):
            assert (await seat.client.get(f"{PLACE}/{unknown}")).status_code == 404
    await world.close()
    await other.close()


async def test_the_margin_is_of_the_requests_whose_cost_is_known(pool: Pool) -> None:
    """One request with a known cost (what it was charged), one without any: 29,000,000 of 58,000,000 nano."""
    world = await open_world(pool)
    await world.bill()
    charging = Charging(world.commits, node_id="n", validity_s=900, costs={"first": CostBook(BOOK)})
    hold = await world.hold()
    hold.attempts.append(Attempt("first", clock.now(), "answered", 200, 3))
    await charging.settle(hold, Metered(Rule.COMPLETED, V1, "upstream", STANDARD, "{}"))
    async with seated(world, OPERATOR) as seat:
        month = dict((await seat.twin(place_of(world)))["month"])  # type: ignore[call-overload]  # values out of JSON
    assert (month["requests"], month["net_amount"]) == (2, "0.058")
    assert (month["requests_of_known_cost"], month["charged_of_known_cost"]) == (1, "0.029")
    assert (month["upstream_cost_known"], month["margin_of_known_cost"]) == ("0.029", "0.00")
    await world.close()


async def test_an_upstream_without_a_cache_is_seen_by_token_class(pool: Pool) -> None:
    """2,000 tokens were charged as input and 100,000 as cache reads; the upstream bills 102,000 as input."""
    world = await open_world(pool)
    costs = {"first": CostBook(BOOK, is_cache_its_own=False)}
    charging = Charging(world.commits, node_id="n", validity_s=900, costs=costs)
    hold = await world.hold()
    hold.attempts.append(Attempt("first", clock.now(), "answered", 200, 3))
    await charging.settle(hold, Metered(Rule.COMPLETED, V1, "upstream", STANDARD, "{}"))
    async with seated(world, OPERATOR) as seat:
        for wrong in ("May", "9999-12"):
            answer = await seat.client.get(f"{place_of(world)}/margin?month={wrong}")
            assert answer.status_code == 400
        margins = await seat.twin(f"{place_of(world)}/margin")
        classes = {
            one["name"]: (one["tokens_charged"], one["tokens_paid_upstream"], one["margin"])
            for one in margins["token_classes"]  # type: ignore[attr-defined]  # values out of JSON
        }
        assert classes == {
            "input": (2_000, 102_000, "-0.20"),
            "cache_read": (100_000, 0, "0.01"),
            "output": (1_500, 1_500, "0.00"),
        }
        assert margins["total"]["margin"] == "-0.19"  # type: ignore[index]  # values out of JSON
        (row,) = (await seat.client.get(f"{PLACE}.json")).json()["data"]
        assert [risk["code"] for risk in row["risks"]] == ["below_cost"]
        assert "No request of this month" in await seat.text(f"{place_of(world)}/margin?month=2024-02")
        for wrong in ("2026-13", "now", "2026-11-01"):
            assert (await seat.client.get(f"{place_of(world)}/margin?month={wrong}")).status_code == 400
    await world.close()


async def test_a_lot_is_adjusted_once_by_its_form_and_never_by_more_than_it_has(pool: Pool) -> None:
    world, other = await open_world(pool), await open_world(pool, name="Other")
    async with pool.connection() as connection:
        (lot,) = (await get_balance(connection, world.organization.organization_id)).lots
        (theirs,) = (await get_balance(connection, other.organization.organization_id)).lots
    form = {
        "lot_id": lot.lot_id,
        "direction": "take",
        "amount": "2",
        "reason": "wrong lot",
        "idempotency_key": "k",
    }
    async with seated(world, OPERATOR) as seat:
        adjust = f"{place_of(world)}/adjust"
        for _ in range(2):
            assert (await seat.post(adjust, **form)).status_code == 303
        assert (
            await seat.post(adjust, **form | {"direction": "put", "idempotency_key": "l"})
        ).status_code == 303
        for wrong in (
            {"amount": "6"},
            {"amount": "-1"},
            {"lot_id": theirs.lot_id},
            {"direction": "up"},
            {"reason": ""},
        ):
            assert (await seat.post(adjust, **{**form, "idempotency_key": "m", **wrong})).status_code == 400
    async with pool.connection() as connection:
        balance = await get_balance(connection, world.organization.organization_id)
    assert balance.amounts.available_nano == 5 * USD
    assert (await actions(pool)).count(("credits.adjusted", OPERATOR)) == 2
    await world.close()
    await other.close()
