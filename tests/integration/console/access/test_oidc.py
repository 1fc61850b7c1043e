"""Signing in by a provider: a real one over real HTTP, what its word is worth, and what is refused."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.integration.console.access.openid_provider import CLIENT_ID, CLIENT_SECRET
from tests.integration.console.access.stage import BASE_URL, Stage, token_of
from tests.integration.world import EMAIL, World, add_member, open_world

from jeton.db.pool import Pool
from jeton.identity.audit import Actor
from jeton.identity.invites.invites import create_invite
from jeton.identity.members import Role, list_members
from jeton.identity.oidc.provider import OidcClient
from jeton.identity.oidc.terms import OidcTerms
from jeton.identity.scim.terms import Profile
from jeton.identity.scim.tokens import create_token
from jeton.identity.scim.users import change_user, create_user, delete_user
from jeton.upstreams.http.single import SingleClient

START_S = 60
VERIFIED = {"email": EMAIL, "email_verified": True}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """The address of a provider that runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    module = "tests.integration.console.access.openid_provider"
    with subprocess.Popen([sys.executable, "-m", module, str(port)], stdout=subprocess.PIPE) as process:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_S
        while True:
            try:
                httpx2.get(f"{address}/keys")
            except httpx2.ConnectError:
                assert time.monotonic() < deadline, "The provider does not start."
            else:
                break
        yield address
        process.kill()


def stage_of(world: World, issuer: str, **terms: Any) -> Stage:  # noqa: ANN401 - the fields of the terms
    found = OidcTerms(
        name="Example login",
        issuer=issuer,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        redirect_url=f"{BASE_URL}/console/sign-in/oidc/callback",
        **terms,
    )
    return Stage(world, oidc=OidcClient(found, SingleClient().fetch))


async def visit(
    stage: Stage, issuer: str, claims: dict[str, Any], *, twist: str = "", place: str = ""
) -> tuple[httpx2.AsyncClient, httpx2.Response]:
    """A new browser goes to the provider, as somebody with these claims, and comes back."""
    client = stage.client()
    async with httpx2.AsyncClient() as outside:
        await outside.post(f"{issuer}/become", json={"claims": claims, "twist": twist})
        begun = await client.get("/console/sign-in/oidc", params={"next": place})
        if begun.status_code != 303:
            return client, begun
        returned = await outside.get(begun.headers["location"])
    return client, await client.get(returned.headers["location"])


async def test_a_member_is_signed_in_by_the_provider_and_goes_where_they_wanted(
    pool: Pool, issuer: str
) -> None:
    world = await open_world(pool)
    await add_member(world)
    stage = stage_of(world, issuer)
    client, answer = await visit(stage, issuer, VERIFIED, place="/console/keys?state=active")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/keys?state=active")
    assert (await client.get("/console/sessions.json")).json()["data"][0]["method"] == "oidc"
    await client.aclose()
    async with stage.client() as stranger:
        assert "Sign in with Example login" in (await stranger.get("/console/sign-in")).text
    await world.close()


@pytest.mark.parametrize("place", ["https://evil.example/console", "//evil.example", "/v1/x"])
async def test_the_way_back_never_leads_elsewhere(pool: Pool, issuer: str, place: str) -> None:
    world = await open_world(pool)
    await add_member(world)
    client, answer = await visit(stage_of(world, issuer), issuer, VERIFIED, place=place)
    assert answer.headers["location"] == "/console"
    await client.aclose()
    await world.close()


@pytest.mark.parametrize(
    ("twist", "claims", "status", "code"),
    [
        ("nonce", {}, 401, "oidc_failed"),
        ("audience", {}, 401, "oidc_failed"),
        ("expired", {}, 401, "oidc_failed"),
        ("signature", {}, 401, "oidc_failed"),
        ("issuer", {}, 503, "oidc_unavailable"),
        ("", {"iss": "https://other.example"}, 401, "oidc_failed"),
        ("", {"email_verified": False}, 403, "oidc_refused"),
        ("", {"email_verified": "true"}, 403, "oidc_refused"),
        ("", {"email": None}, 403, "oidc_refused"),
        ("", {"email": "ada@elsewhere.example"}, 403, "oidc_refused"),
        ("", {"email": "nobody@example.com"}, 403, "oidc_refused"),
    ],
)
async def test_what_a_provider_may_not_say_lets_nobody_in(
    pool: Pool, issuer: str, twist: str, claims: dict[str, Any], status: int, code: str
) -> None:
    world = await open_world(pool)
    await add_member(world)
    stage = stage_of(world, issuer, domains=frozenset({"example.com"}))
    client, answer = await visit(stage, issuer, {**VERIFIED, **claims}, twist=twist)
    assert answer.status_code == status
    assert f"<code>{code}</code>" in answer.text
    assert "jeton_session" not in client.cookies
    await client.aclose()
    await world.close()


async def test_an_answer_is_good_once_and_in_its_own_browser_only(pool: Pool, issuer: str) -> None:
    world = await open_world(pool)
    await add_member(world)
    stage = stage_of(world, issuer)
    async with stage.client() as ada, stage.client() as eve, httpx2.AsyncClient() as outside:
        await outside.post(f"{issuer}/become", json={"claims": VERIFIED})
        begun = await ada.get("/console/sign-in/oidc")
        back = (await outside.get(begun.headers["location"])).headers["location"]
        assert (await eve.get(back)).status_code == 401
        await eve.get("/console/sign-in/oidc")
        assert (await eve.get(back)).status_code == 401
        assert (await ada.get(back)).status_code == 303
        ada.cookies.delete("jeton_session")
        assert (await ada.get(back)).status_code == 401
    await world.close()


async def test_a_key_that_the_provider_made_since_is_asked_for(pool: Pool, issuer: str) -> None:
    world = await open_world(pool)
    await add_member(world)
    stage = stage_of(world, issuer)
    client, answer = await visit(stage, issuer, VERIFIED)
    assert answer.status_code == 303
    await client.aclose()
    client, answer = await visit(stage, issuer, VERIFIED, twist="new_key")
    assert answer.status_code == 303
    await client.aclose()
    await world.close()


async def test_groups_give_the_role_at_every_sign_in_and_no_group_none(pool: Pool, issuer: str) -> None:
    world = await open_world(pool)
    await add_member(world, "admin@example.com", "admin")
    roles: tuple[tuple[str, Role], ...] = (("LLM admins", "admin"), ("finance", "billing"))
    organization_id = world.organization.organization_id
    stage = stage_of(world, issuer, roles=roles, organization_id=organization_id)

    async def role_after(groups: list[str]) -> str:
        client, answer = await visit(stage, issuer, {**VERIFIED, "groups": groups})
        await client.aclose()
        if answer.status_code != 303:
            return str(answer.status_code)
        async with pool.connection() as connection:
            members = await list_members(connection, organization_id)
        return next(member.role for member in members if member.email == EMAIL)

    assert await role_after(["engineers"]) == "403"
    assert await role_after(["finance"]) == "billing"
    assert await role_after(["finance", "LLM admins"]) == "admin"
    assert await role_after(["finance"]) == "billing"
    assert await role_after([]) == "403"
    await world.close()


async def test_whoever_was_invited_joins_by_the_provider_without_a_mail(pool: Pool, issuer: str) -> None:
    world = await open_world(pool)
    async with pool.connection() as connection:
        await create_invite(
            connection,
            world.organization.organization_id,
            email="bob@example.com",
            role="auditor",
            by=Actor("member", EMAIL),
        )
    client, answer = await visit(stage_of(world, issuer), issuer, {**VERIFIED, "email": "Bob@example.com"})
    assert answer.status_code == 303
    assert (await client.get("/console/members.json")).json()["data"][0]["role"] == "auditor"
    await client.aclose()
    await world.close()


async def test_whom_the_directory_deactivated_stays_out_whatever_the_provider_says(
    pool: Pool, issuer: str
) -> None:
    world = await open_world(pool)
    own, by = world.organization.organization_id, Actor("system", "scim")
    async with pool.connection() as connection:
        user = await create_user(connection, own, Profile(EMAIL), is_active=True, by=by)
    stage = stage_of(world, issuer, roles=(("staff", "developer"),), organization_id=own)
    for is_active, status in ((False, 403), (True, 303)):
        async with pool.connection() as connection:
            await change_user(connection, own, user.user_id, Profile(EMAIL), is_active=is_active, by=by)
        client, answer = await visit(stage, issuer, {**VERIFIED, "groups": ["staff"]})
        assert answer.status_code == status
        await client.aclose()
    await world.close()


@pytest.mark.parametrize("is_forgotten", [False, True], ids=["deactivated", "deleted"])
async def test_whom_a_connected_directory_let_go_joins_by_no_group_and_no_invite(
    pool: Pool, issuer: str, *, is_forgotten: bool
) -> None:
    world = await open_world(pool)
    own, by = world.organization.organization_id, Actor("system", "scim")
    async with pool.connection() as connection:
        await create_invite(connection, own, email="bob@example.com", role="admin", by=by)
        await create_token(connection, own, name="Okta", by=by)
        user = await create_user(connection, own, Profile("bob@example.com"), is_active=False, by=by)
        if is_forgotten:
            await delete_user(connection, own, user.user_id, by=by)
    stage = stage_of(world, issuer, roles=(("staff", "developer"),), organization_id=own)
    said = {"email": "bob@example.com", "email_verified": True, "groups": ["staff"]}
    client, answer = await visit(stage, issuer, said)
    assert (answer.status_code, "is no member here" in answer.text) == (403, True)
    await client.aclose()
    async with pool.connection() as connection:
        await create_user(connection, own, Profile("carol@example.com"), is_active=True, by=by)
    # Whom the directory made gets in, with the role of their groups.
    client, answer = await visit(stage, issuer, {**said, "email": "carol@example.com"})
    assert answer.status_code == 303
    await client.aclose()
    await world.close()


async def test_a_provider_that_is_away_is_a_sentence_and_no_defect(pool: Pool) -> None:
    world = await open_world(pool)
    stage = stage_of(world, "http://127.0.0.1:9")
    async with stage.client() as client:
        page = await client.get("/console/sign-in/oidc")
        assert page.status_code == 503
        assert "cannot be reached" in page.text
        token = await token_of(client, "/console/sign-in")
    assert token
    await world.close()
