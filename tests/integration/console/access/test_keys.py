"""Keys in the Console: made with a budget, rotated, moved, paused and revoked, with what they cost."""

import asyncio
from datetime import timedelta

import pytest
from tests.integration.console.access.stage import SECRET, Stage, token_of
from tests.integration.identity.test_key_ring import listening
from tests.integration.world import open_world

from jeton import clock
from jeton.db.pool import Pool
from jeton.identity.errors import PausedKeyError, RevokedKeyError, RotatedKeyError, WorkspaceArchivedError
from jeton.identity.key_ring import KeyRing
from jeton.identity.keys import get_key
from jeton.identity.organizations import create_workspace


async def test_a_key_is_made_with_a_budget_of_its_own(pool: Pool) -> None:
    world = await open_world(pool)
    async with Stage(world).signed_in() as client:
        token = await token_of(client, "/console/keys")
        form = {"form_token": token, "name": "ci", "life": "30", "limit": "$12.50", "period": "week"}
        page = await client.post("/console/keys", data=form)
        newest = (await client.get("/console/keys.json")).json()["data"][0]
    assert SECRET.search(page.text)
    assert newest["name"] == "ci"
    assert newest["owner"] == "ada@example.com"
    assert newest["budget_left"] == "12.50"
    await world.close()


async def test_a_developer_makes_keys_but_no_budgets_and_then_nothing_is_made(pool: Pool) -> None:
    world = await open_world(pool)
    async with Stage(world).signed_in("developer") as client:
        token = await token_of(client, "/console/keys")
        page = await client.post("/console/keys", data={"form_token": token, "name": "ci", "limit": "1"})
        names = [key["name"] for key in (await client.get("/console/keys.json")).json()["data"]]
    assert page.status_code == 403
    assert names == ["admin", "first key"]
    await world.close()


async def test_a_rotated_key_keeps_its_id_and_both_secrets_work_until_the_overlap_ends(pool: Pool) -> None:
    world = await open_world(pool)
    path = f"/console/keys/{world.key.key_id}"
    async with Stage(world).signed_in() as client:
        token = await token_of(client, path)
        page = await client.post(f"{path}/rotate", data={"form_token": token, "overlap": "3600"})
        found = SECRET.search(page.text)
        assert found
        first = await KeyRing(pool).authenticate(world.secret)
        assert await KeyRing(pool).authenticate(found[0]) == first
        assert first.key_id == world.key.key_id
        again = await client.post(f"{path}/rotate", data={"form_token": token, "overlap": "0"})
        newest = SECRET.search(again.text)
        assert newest
        assert newest[0] not in (await client.get(path)).text
    await KeyRing(pool).authenticate(newest[0])
    with pytest.raises(RotatedKeyError):
        await KeyRing(pool).authenticate(found[0])
    await world.close()


async def test_a_moved_key_bills_its_new_workspace_and_leaves_its_history_where_it_was(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill()
    async with pool.connection() as connection:
        other = await create_workspace(connection, world.organization.organization_id, name="Research")
    path = f"/console/keys/{world.key.key_id}"
    async with Stage(world).signed_in() as client:
        token = await token_of(client, path)
        form = {"form_token": token, "name": "moved", "workspace_id": other.workspace_id}
        assert (await client.post(f"{path}/change", data=form)).status_code == 303
        async with pool.connection() as connection:
            world.key = await get_key(connection, world.organization.organization_id, world.key.key_id)
        assert world.key.workspace_id == other.workspace_id
        await world.bill()
        shown = (await client.get("/console/workspaces.json")).json()["data"]
        key = (await client.get(f"{path}.json")).json()
    # claude-api.md's first vector, $0.029, once in each.
    assert [one["month_net_amount"] for one in shown] == ["0.029", "0.029"]
    assert (key["name"], key["month_net_amount"], key["month_requests"]) == ("moved", "0.058", 2)
    await world.close()


async def test_a_paused_key_is_refused_until_it_is_resumed(pool: Pool) -> None:
    world = await open_world(pool)
    path = f"/console/keys/{world.key.key_id}"
    async with Stage(world).signed_in() as client:
        token = await token_of(client, path)
        await client.post(f"{path}/pause", data={"form_token": token})
        with pytest.raises(PausedKeyError):
            await KeyRing(pool).authenticate(world.secret)
        assert (await client.get("/console/keys.json?state=paused")).json()["data"][0]["status"] == "paused"
        await client.post(f"{path}/resume", data={"form_token": token})
    await KeyRing(pool).authenticate(world.secret)
    await world.close()


async def test_revoking_shows_what_the_key_cost_since_it_leaked(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill()
    leaked_at = clock.now()
    await world.bill()
    await world.hold()
    path = f"/console/keys/{world.key.key_id}"
    async with Stage(world).signed_in() as client:
        form = {"form_token": await token_of(client, path), "since": leaked_at.isoformat()}
        answer = await client.post(f"{path}/revoke", data=form)
        place = answer.headers["location"]
        page = await client.get(place)
        twin = (await client.get(place.replace("?", ".json?"))).json()
    with pytest.raises(RevokedKeyError):
        await KeyRing(pool).authenticate(world.secret)
    assert twin["status"] == "revoked"
    assert (twin["cost"]["net_amount"], twin["cost"]["held"]) == ("0.029", "1.00")
    assert "$0.029" in page.text
    await world.close()


async def test_keys_that_nobody_used_for_sixty_days_are_found(pool: Pool) -> None:
    world = await open_world(pool)
    ring, long_ago = KeyRing(pool), clock.now() - timedelta(days=61)
    async with pool.connection() as connection:
        await connection.execute("UPDATE api_keys SET created_at = %s", (long_ago,))
    await ring.authenticate(world.secret)
    await ring.uses.flush(pool)
    async with Stage(world).signed_in() as client:
        shown = (await client.get("/console/keys.json?unused=60")).json()["data"]
        every = (await client.get("/console/keys.json")).json()["data"]
    assert [key["name"] for key in shown] == ["admin"]
    assert {key["name"]: key["last_used_at"] is None for key in every} == {"first key": False, "admin": True}
    await world.close()


async def test_keys_that_nobody_used_are_paused_together(pool: Pool) -> None:
    world = await open_world(pool)
    async with pool.connection() as connection:
        await connection.execute("UPDATE api_keys SET created_at = %s", (clock.now() - timedelta(days=61),))
    async with Stage(world).signed_in(role="developer") as client:
        form = {"form_token": await token_of(client, "/console/keys?unused=60")}
        answer = await client.post("/console/keys/pause-unused", data=form)
        assert answer.headers["location"] == "/console/keys?unused=60"
        keys = (await client.get("/console/keys.json")).json()["data"]
    # A developer may not pause an admin's key.
    assert {key["name"]: key["status"] for key in keys} == {"first key": "paused", "admin": "active"}
    await world.close()


async def test_a_key_is_restricted_and_what_is_no_restriction_refused(pool: Pool) -> None:
    world = await open_world(pool)
    path = f"/console/keys/{world.key.key_id}"
    async with Stage(world).signed_in() as client:
        token = {"form_token": await token_of(client, path)}
        for bad in ({"models": "gpt-x"}, {"networks": "here"}):
            assert (await client.post(f"{path}/restrict", data={**token, **bad})).status_code == 400
        form = {**token, "models": "claude-sonnet-5-5", "networks": "192.0.2.0/24, 2001:db8::1"}
        assert (await client.post(f"{path}/restrict", data=form)).status_code == 303
        twin = (await client.get(f"{path}.json")).json()
        page = (await client.get(path)).text
    assert (twin["models"], twin["networks"]) == (["claude-sonnet-5-5"], ["192.0.2.0/24", "2001:db8::1/128"])
    assert "192.0.2.0/24, 2001:db8::1/128" in page
    caller = await KeyRing(pool).authenticate(world.secret)
    assert caller.models == frozenset({"claude-sonnet-5-5"})
    await world.close()


async def test_a_key_that_leaked_is_revoked_stopped_everywhere_and_its_cost_shown(pool: Pool) -> None:
    world = await open_world(pool)
    leaked_at = clock.now()
    await world.bill()
    ring, stopped = KeyRing(pool), asyncio.Queue[str]()
    ring.on_stop = stopped.put_nowait
    path = f"/console/keys/{world.key.key_id}"
    async with listening(ring), Stage(world).signed_in() as client:
        form = {"form_token": await token_of(client, path), "since": leaked_at.isoformat()}
        answer = await client.post(f"{path}/leaked", data=form)
        page = (await client.get(answer.headers["location"])).text
        assert await asyncio.wait_for(stopped.get(), 20) == world.key.key_id
    assert "<strong>Ended.</strong>" in page
    assert "$0.029" in page
    with pytest.raises(RevokedKeyError):
        await KeyRing(pool).authenticate(world.secret)
    async with pool.connection() as connection:
        actions = await connection.execute(
            "SELECT action FROM audit_entries WHERE subject = %s", (world.key.key_id,)
        )
        assert "key.leaked" in {action for (action,) in await actions.fetchall()}
    await world.close()


async def test_keys_of_an_archived_workspace_are_refused_and_their_history_stays(pool: Pool) -> None:
    world = await open_world(pool)
    async with pool.connection() as connection:
        organization_id = world.organization.organization_id
        other = await create_workspace(connection, organization_id, name="Research")
    async with Stage(world).signed_in() as client:
        token = await token_of(client, "/console/keys")
        made = await client.post(
            "/console/keys", data={"form_token": token, "name": "lab", "workspace_id": other.workspace_id}
        )
        found = SECRET.search(made.text)
        assert found
        gone = await client.post(
            f"/console/workspaces/{other.workspace_id}/archive", data={"form_token": token}
        )
        assert gone.status_code == 303
        with pytest.raises(WorkspaceArchivedError, match=other.workspace_id):
            await KeyRing(pool).authenticate(found[0])
        again = await client.post(
            "/console/keys", data={"form_token": token, "name": "late", "workspace_id": other.workspace_id}
        )
        assert again.status_code == 403
        default = await client.post(
            f"/console/workspaces/{world.key.workspace_id}/archive", data={"form_token": token}
        )
        assert default.status_code == 409
        page = await client.get("/console/workspaces")
    assert "Archived" in page.text
    await world.close()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/console/keys?state=lost", 400),
        ("/console/keys?unused=61", 400),
        ("/console/keys?workspace=wrkspc_gone", 200),
        ("/console/keys?before=<b>", 200),
        ("/console/keys/apikey_none", 404),
        ("/console/keys/%00", 404),
        ("/console/keys/%00.json", 404),
    ],
)
async def test_a_bad_address_gets_a_helpful_page(pool: Pool, path: str, status: int) -> None:
    world = await open_world(pool)
    async with Stage(world).signed_in() as client:
        page = await client.get(path)
    assert page.status_code == status
    assert "<b>" not in page.text
    await world.close()


@pytest.mark.parametrize("since", ["yesterday", "0001-01-01T00:00", "9999-12-31T23:59", "2019-12-31T00:00"])
async def test_an_absurd_instant_is_refused_with_a_sentence(pool: Pool, since: str) -> None:
    world = await open_world(pool)
    async with Stage(world).signed_in() as client:
        page = await client.get(f"/console/keys/{world.key.key_id}", params={"since": since})
    assert page.status_code == 400
    await world.close()
