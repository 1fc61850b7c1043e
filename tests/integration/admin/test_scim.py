"""SCIM as directories speak it: RFC 7643 and 7644, and what Okta and Entra ID send."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2
import pytest
from starlette.applications import Starlette
from tests.integration.world import World, add_member, open_world

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.routes import admin_routes
from jeton.db.pool import Pool
from jeton.identity.audit import Actor, list_audit
from jeton.identity.key_ring import KeyRing
from jeton.identity.keys import create_key, list_keys
from jeton.identity.members import Role, list_members
from jeton.identity.scim.groups import list_groups, set_group_role, set_usual_role
from jeton.identity.scim.terms import Page
from jeton.identity.scim.tokens import create_token, revoke_token
from jeton.identity.sessions import find_session, open_session

BY = Actor("member", "ada@example.com")
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
USERS, GROUPS = "/scim/v2/Users", "/scim/v2/Groups"


@dataclass(slots=True)
class Directory:
    """An organization's directory."""

    world: World
    client: httpx2.AsyncClient
    token_id: str

    @property
    def organization_id(self) -> UUID:
        return self.world.organization.organization_id

    async def send(self, method: str, path: str, body: object = None, *, status: int = 200) -> dict[str, Any]:
        answer = await self.client.request(
            method, path, content=json.dumps(body) if body is not None else None
        )
        assert answer.status_code == status, answer.text
        return dict(answer.json()) if answer.content else {}

    async def add(self, email: str, **values: object) -> dict[str, Any]:
        return await self.send("POST", USERS, {"schemas": [USER], "userName": email, **values}, status=201)

    async def patch(self, path: str, *steps: object, status: int = 200) -> dict[str, Any]:
        return await self.send("PATCH", path, {"Operations": steps}, status=status)

    async def find_roles(self) -> dict[str, Role]:
        async with self.world.pool.connection() as connection:
            return {one.email: one.role for one in await list_members(connection, self.organization_id)}


@asynccontextmanager
async def connected(world: World, **roles: Role) -> AsyncIterator[Directory]:
    own = world.organization.organization_id
    async with world.pool.connection() as connection:
        token, secret = await create_token(connection, own, name="Okta", by=BY)
    given = {(own, name.replace("_", "-")): role for name, role in roles.items()}
    deps = AdminDeps(world.pool, KeyRing(world.pool), group_roles=given)
    transport = httpx2.ASGITransport(app=Starlette(routes=admin_routes(deps)))
    headers = {"authorization": f"Bearer {secret}", "content-type": "application/scim+json"}
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://jeton.test", headers=headers
    ) as client:
        yield Directory(world, client, token.token_id)


@pytest.fixture
async def directory(pool: Pool) -> AsyncIterator[Directory]:
    world = await open_world(pool)
    await add_member(world, "ada@example.com", "admin")
    async with connected(world, llm_admins="admin") as one:
        yield one
    await world.close()


async def test_a_user_is_taken_in_found_changed_and_let_go(directory: Directory) -> None:
    made = await directory.add(
        " Bob@Example.com ", externalId="00u1", name={"givenName": "Bob", "familyName": "Ng"}, title="CTO"
    )
    assert (made["userName"], made["active"], made["externalId"]) == ("bob@example.com", True, "00u1")
    assert made["name"]["formatted"] == made["displayName"] == "Bob Ng"
    assert made["roles"] == [{"value": "developer", "primary": True}]
    assert made["meta"]["location"] == f"http://jeton.test{USERS}/{made['id']}"
    assert await directory.find_roles() == {"ada@example.com": "admin", "bob@example.com": "developer"}
    for wanted in ('userName eq "BOB@example.com"', 'externalId eq "00u1"', f'id eq "{made["id"]}"'):
        found = (await directory.client.get(USERS, params={"filter": wanted})).json()
        assert [one["id"] for one in found["Resources"]] == [made["id"]]
    path = f"{USERS}/{made['id']}"
    changed = await directory.send("PUT", path, {"userName": "bob@example.com", "displayName": "Bobby"})
    assert (changed["displayName"], changed["name"]["givenName"], "externalId" in changed) == (
        "Bobby",
        "",
        False,
    )
    renamed = await directory.patch(
        path, {"op": "replace", "path": "userName", "value": "bob.ng@example.com"}
    )
    assert (renamed["id"], renamed["userName"], renamed["active"]) == (made["id"], "bob.ng@example.com", True)
    await directory.send("DELETE", path, status=204)
    await directory.send("GET", path, status=404)
    assert await directory.find_roles() == {"ada@example.com": "admin"}
    async with directory.world.pool.connection() as connection:
        log = await list_audit(connection, organization_id=directory.organization_id)
    said = [(one.actor, one.action) for one in log if one.action.startswith("member.")]
    assert said[:2] == [(directory.token_id, "member.removed"), (directory.token_id, "member.removed")]


@pytest.mark.parametrize(
    "step",
    [
        pytest.param({"op": "replace", "value": {"active": False}}, id="Okta"),
        pytest.param({"op": "Replace", "path": "active", "value": "False"}, id="Entra ID"),
        pytest.param({"op": "replace", "path": f"{USER}:active", "value": False}, id="with its schema"),
    ],
)
async def test_whoever_is_deactivated_is_out_at_once_and_their_keys_stay(
    directory: Directory, step: dict[str, object]
) -> None:
    made = await directory.add("bob@example.com")
    async with directory.world.pool.connection() as connection:
        members = await list_members(connection, directory.organization_id)
        bob = next(one.member_id for one in members if one.email == "bob@example.com")
        secret = await open_session(connection, bob)
        key, _ = await create_key(connection, directory.organization_id, name="bob's")
    gone = await directory.patch(f"{USERS}/{made['id']}", step)
    assert (gone["active"], gone["roles"]) == (False, [])
    async with directory.world.pool.connection() as connection:
        assert await find_session(connection, secret, at=clock.now()) is None
        keys = await list_keys(connection, directory.organization_id)
        assert [one.revoked_at for one in keys if one.key_id == key.key_id] == [None]
    again = await directory.patch(f"{USERS}/{made['id']}", {"op": "replace", "path": "active", "value": True})
    assert (again["active"], again["id"]) == (True, made["id"])


async def test_the_last_admin_stays_and_the_error_says_so(directory: Directory) -> None:
    (ada,) = (await directory.send("GET", USERS))["Resources"]
    path = f"{USERS}/{ada['id']}"
    refused = await directory.patch(path, {"op": "replace", "path": "active", "value": False}, status=409)
    assert refused["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert refused["status"] == "409"
    assert "the last admin here" in refused["detail"]
    await directory.send("DELETE", path, status=409)
    group = await directory.send(
        "POST", GROUPS, {"displayName": "all", "members": [{"value": ada["id"]}]}, status=201
    )
    async with directory.world.pool.connection() as connection:
        await set_group_role(connection, directory.organization_id, group["id"], "auditor", by=BY)
    assert await directory.find_roles() == {"ada@example.com": "admin"}


async def test_groups_give_roles_and_take_them_back(directory: Directory) -> None:
    bob, eve = await directory.add("bob@example.com"), await directory.add("eve@example.com")
    async with directory.world.pool.connection() as connection:
        await set_usual_role(connection, directory.organization_id, "auditor", by=BY)
    # Its name is one that the operator's single sign-on gives a role to.
    admins = await directory.send(
        "POST", GROUPS, {"displayName": "llm-admins", "members": [{"value": bob["id"]}]}, status=201
    )
    money = await directory.send("POST", GROUPS, {"displayName": "finance", "externalId": "g2"}, status=201)
    roles = await directory.find_roles()
    assert (roles["bob@example.com"], roles["eve@example.com"]) == ("admin", "developer")
    path = f"{GROUPS}/{money['id']}"
    both = [{"value": bob["id"]}, {"value": eve["id"]}]
    await directory.patch(path, {"op": "Add", "path": "members", "value": both})
    async with directory.world.pool.connection() as connection:
        await set_group_role(connection, directory.organization_id, money["id"], "billing", by=BY)
    roles = await directory.find_roles()
    # Of two the one that allows most.
    assert (roles["bob@example.com"], roles["eve@example.com"]) == ("admin", "billing")
    await directory.send("DELETE", f"{GROUPS}/{admins['id']}", status=204)
    assert (await directory.find_roles())["bob@example.com"] == "billing"
    left = await directory.patch(path, {"op": "remove", "path": f'members[value eq "{bob["id"]}"]'})
    assert [one["value"] for one in left["members"]] == [eve["id"]]
    assert (await directory.find_roles())["bob@example.com"] == "auditor"
    renamed = await directory.patch(
        path, {"op": "replace", "value": {"id": money["id"], "displayName": "Money"}}
    )
    assert (renamed["displayName"], renamed["externalId"]) == ("Money", "g2")
    found = (await directory.client.get(GROUPS, params={"filter": 'displayName eq "money"'})).json()
    assert found["totalResults"] == 1
    small = (await directory.client.get(path, params={"excludedAttributes": "members"})).json()
    assert "members" not in small
    assert (await directory.send("GET", f"{USERS}/{eve['id']}"))["groups"][0]["display"] == "Money"
    await directory.patch(path, {"op": "remove", "path": "members"})
    assert (await directory.find_roles())["eve@example.com"] == "auditor"


async def test_lists_are_paged_from_one_on(directory: Directory) -> None:
    for number in range(4):
        await directory.add(f"m{number}@example.com")
    first = (await directory.client.get(USERS, params={"startIndex": 2, "count": 2})).json()
    assert (first["totalResults"], first["startIndex"], first["itemsPerPage"]) == (5, 2, 2)
    rest = (await directory.client.get(USERS, params={"startIndex": 4, "count": 999})).json()
    names = [one["userName"] for one in (*first["Resources"], *rest["Resources"])]
    assert len(set(names)) == 4
    assert (await directory.client.get(USERS, params={"count": -3})).json()["Resources"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "kind"),
    [
        ("POST", USERS, {"userName": "ada@example.com"}, 409, "uniqueness"),
        ("POST", USERS, {"userName": "no e-mail"}, 400, "invalidValue"),
        ("POST", USERS, {"displayName": "nobody"}, 400, "invalidValue"),
        ("POST", USERS, {"userName": "b@example.com", "active": "perhaps"}, 400, "invalidValue"),
        ("POST", USERS, {"userName": "b@example.com", "displayName": "\0"}, 400, "invalidValue"),
        ("POST", USERS, [], 400, "invalidSyntax"),
        ("GET", f"{USERS}?filter=userName+co+%22a%22", None, 400, "invalidFilter"),
        ("GET", f"{USERS}?filter=title+eq+%22a%22", None, 400, "invalidFilter"),
        ("GET", f"{USERS}?filter=userName+eq+%22%5Cu0000%22", None, 400, "invalidFilter"),
        ("GET", f"{USERS}?startIndex=x", None, 400, "invalidFilter"),
        ("GET", f"{USERS}/scimuser_0%00", None, 404, None),
        ("DELETE", USERS, None, 405, None),
        ("PATCH", f"{USERS}/nobody", {"Operations": []}, 404, None),
        ("POST", GROUPS, {"displayName": ""}, 400, "invalidValue"),
        ("POST", GROUPS, {"displayName": "x", "members": [{"value": "nobody"}]}, 404, None),
        ("POST", GROUPS, {"displayName": "x", "members": ["nobody"]}, 400, "invalidValue"),
        ("PUT", f"{GROUPS}/nobody", {"displayName": "x"}, 404, None),
        ("GET", "/scim/v2/Schemas/nothing", None, 404, None),
    ],
)
async def test_errors_are_those_of_the_rfc(
    directory: Directory, method: str, path: str, body: object, status: int, kind: str | None
) -> None:
    refused = await directory.send(method, path, body, status=status)
    assert (refused["status"], refused.get("scimType")) == (str(status), kind)


async def test_patches_that_lead_nowhere_change_nothing(directory: Directory) -> None:
    made = await directory.add("bob@example.com", displayName="Bob")
    path, rename = f"{USERS}/{made['id']}", {"op": "replace", "path": "displayName", "value": "Eve"}
    for wrong, kind in (
        ({"op": "replace", "path": "1 = 1", "value": ""}, "invalidPath"),
        ({"op": "move", "path": "displayName"}, "invalidSyntax"),
        ({"op": "remove"}, "invalidValue"),
    ):
        refused = await directory.patch(path, rename, wrong, status=400)
        assert refused["scimType"] == kind
    # What is not kept is read and left.
    after = await directory.patch(path, {"op": "add", "path": 'emails[type eq "work"].value', "value": "x"})
    assert after["displayName"] == "Bob"


async def test_discovery_says_what_there_is(directory: Directory) -> None:
    config = await directory.send("GET", "/scim/v2/ServiceProviderConfig")
    assert (config["patch"]["supported"], config["bulk"]["supported"]) == (True, False)
    kinds = (await directory.send("GET", "/scim/v2/ResourceTypes"))["Resources"]
    assert {kind["endpoint"] for kind in kinds} == {"/Users", "/Groups"}
    schema = await directory.send("GET", f"/scim/v2/Schemas/{USER}")
    assert {one["name"] for one in schema["attributes"]} >= {"userName", "active", "name"}


async def test_a_token_is_of_one_organization_and_ends_at_once(directory: Directory) -> None:
    made = await directory.add("bob@example.com")
    other = await open_world(directory.world.pool, name="Other")
    async with connected(other) as stranger:
        await stranger.send("GET", f"{USERS}/{made['id']}", status=404)
        await stranger.send("DELETE", f"{USERS}/{made['id']}", status=404)
        body = {"displayName": "x", "members": [{"value": made["id"]}]}
        await stranger.send("POST", GROUPS, body, status=404)
        assert (await stranger.send("GET", USERS))["totalResults"] == 0
    async with directory.world.pool.connection() as connection:
        await revoke_token(connection, directory.organization_id, directory.token_id, by=BY)
    refused = await directory.client.get(USERS)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="scim"')
    key = {"authorization": f"Bearer {'x' * 300}"}
    assert (await directory.client.get(USERS, headers=key)).status_code == 401
    await other.close()


async def test_a_page_of_large_groups_is_bounded_by_their_members(directory: Directory) -> None:
    """Three groups of 8,000 each: 24,000 members are more than a page has, 16,000 are not."""
    async with directory.world.pool.connection() as connection:
        await connection.execute(
            "INSERT INTO scim_users (scim_user_id, organization_id, email, created_at, changed_at)"
            " SELECT 'scimuser_' || n, %s, n || '@large.example', now(), now()"
            " FROM generate_series(1, 8000) AS n",
            (directory.organization_id,),
        )
        await connection.execute(
            "INSERT INTO scim_groups (scim_group_id, organization_id, name, created_at, changed_at)"
            " SELECT 'scimgroup_' || n, %s, 'large ' || n, now(), now() FROM generate_series(1, 3) AS n",
            (directory.organization_id,),
        )
        await connection.execute(
            "INSERT INTO scim_group_users SELECT g.scim_group_id, u.scim_user_id FROM scim_groups AS g,"
            " scim_users AS u WHERE g.organization_id = %(id)s AND u.organization_id = %(id)s"
            " AND u.email LIKE '%%@large.example'",
            {"id": directory.organization_id},
        )
        _, counted = await list_groups(connection, directory.organization_id, Page(0, 500), has_members=False)
    assert [(group.member_count, group.members) for group in counted] == [(8000, ())] * 3
    first = await directory.send("GET", GROUPS)
    assert (first["totalResults"], first["itemsPerPage"], len(first["Resources"])) == (3, 2, 2)
    rest = await directory.send("GET", f"{GROUPS}?startIndex=3")
    assert [len(group["members"]) for group in rest["Resources"]] == [8000]
