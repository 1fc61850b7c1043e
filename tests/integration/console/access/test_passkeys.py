"""Passkeys: made by who signed in just now, good for this site, once a question, and never copied."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from tests.integration.console.access.authenticator import PRESENT, VERIFIED, Authenticator
from tests.integration.console.access.stage import Stage, token_of
from tests.integration.world import EMAIL, open_world

from jeton import clock
from jeton.db.pool import Pool
from jeton.identity.audit import SYSTEM
from jeton.identity.members import list_members, remove_member
from jeton.identity.passkeys.challenges import CHALLENGE_LIFE
from jeton.identity.passkeys.terms import find_party
from jeton.identity.signing.limits import ADDRESS_PASSKEYS_MAX

SITE, PAGE = "https://jeton.test", "/console/passkeys"


@asynccontextmanager
async def staged(pool: Pool) -> AsyncIterator[tuple[Stage, httpx2.AsyncClient]]:
    """A stage where passkeys work, and somebody who has just signed in."""
    stage = Stage(await open_world(pool), base_url=SITE)
    async with stage.signed_in() as client:
        yield stage, client
    await stage.world.close()


def device(flags: int = PRESENT | VERIFIED) -> Authenticator:
    return Authenticator(SITE, "jeton.test", flags)


async def register(client: httpx2.AsyncClient, maker: Authenticator, name: str = "laptop") -> httpx2.Response:
    form = {"form_token": await token_of(client, PAGE)}
    options = await client.post(f"{PAGE}/options", data=form)
    assert options.status_code == 200, options.text
    return await client.post(PAGE, data={**form, "name": name, "answer": maker.create(options.json())})


async def ask(client: httpx2.AsyncClient) -> tuple[dict[str, str], dict[str, Any]]:
    form = {"form_token": await token_of(client, "/console/sign-in")}
    options = await client.post("/console/sign-in/passkey/options", data=form)
    assert options.status_code == 200, options.text
    return form, options.json()


async def sign_in(client: httpx2.AsyncClient, maker: Authenticator) -> httpx2.Response:
    form, options = await ask(client)
    return await client.post("/console/sign-in/passkey", data={**form, "answer": maker.get(options)})


async def test_a_passkey_signs_its_person_in_and_is_told_by_mail(pool: Pool) -> None:
    laptop = device()
    async with staged(pool) as (stage, client):
        assert (await register(client, laptop, "my laptop")).headers["location"] == PAGE
        (note,) = stage.letterbox.notes
        assert (note.recipient, "my laptop" in note.sentence) == (EMAIL, True)
        async with stage.client() as stranger:
            _, options = await ask(stranger)
            assert (options["userVerification"], options.get("allowCredentials")) == ("required", [])
            opened = await sign_in(stranger, laptop)
            assert opened.headers["location"] == "/console/welcome"
            sessions = (await stranger.get("/console/sessions.json")).json()["data"]
            assert {one["method"] for one in sessions} == {"password", "passkey"}
            (one,) = (await stranger.get(f"{PAGE}.json")).json()["data"]
            assert (one["name"], one["last_used_at"] is None) == ("my laptop", False)
            changes = (await stranger.get("/console/changes.json?action=passkey")).json()["data"]
            assert [entry["details"]["name"] for entry in changes] == ["my laptop"]
            token = {"form_token": await token_of(stranger, PAGE)}
            assert (await stranger.post(f"{PAGE}/{one['id']}/remove", data=token)).status_code == 303
        async with stage.client() as stranger:
            assert (await sign_in(stranger, laptop)).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"origin": "https://jeton.test.evil.example"}, id="another site's page"),
        pytest.param({"domain": "evil.example"}, id="another site's passkey"),
        pytest.param({"flags": PRESENT}, id="nobody was verified"),
        pytest.param({"credential_id": b"unknown"}, id="an unknown passkey"),
        pytest.param({"key": device().key}, id="another key"),
        pytest.param({"user_handle": b"somebody else"}, id="another person"),
    ],
)
async def test_an_answer_that_does_not_show_who_it_is_opens_nothing(
    pool: Pool, wrong: dict[str, Any]
) -> None:
    laptop = device()
    async with staged(pool) as (stage, client):
        await register(client, laptop)
        async with stage.client() as stranger:
            refused = await sign_in(stranger, replace(laptop, **wrong))
            assert (refused.status_code, "jeton_session" in stranger.cookies) == (401, False)
            assert (await sign_in(stranger, laptop)).status_code == 303


async def test_a_question_is_good_once_in_one_browser_and_for_a_short_while(pool: Pool) -> None:
    laptop = device()
    async with staged(pool) as (stage, client):
        await register(client, laptop)
        async with stage.client() as stranger, stage.client() as other:
            form, options = await ask(stranger)
            answer = laptop.get(options)
            stolen = {**(await ask(other))[0], "answer": answer}
            assert (await other.post("/console/sign-in/passkey", data=stolen)).status_code == 401
            first = await stranger.post("/console/sign-in/passkey", data={**form, "answer": answer})
            assert first.status_code == 303
        async with stage.client() as stranger:
            form, options = await ask(stranger)
            async with pool.connection() as connection:
                await connection.execute(
                    "UPDATE passkey_challenges SET expires_at = expires_at - %s", (CHALLENGE_LIFE,)
                )
            late = await stranger.post(
                "/console/sign-in/passkey", data={**form, "answer": laptop.get(options)}
            )
            assert late.status_code == 401
            for malformed in ("", "{}", "[]", '{"rawId": "%", "response": {"clientDataJSON": "e30"}}'):
                refused = await stranger.post("/console/sign-in/passkey", data={**form, "answer": malformed})
                assert refused.status_code == 401


async def test_a_counter_that_goes_back_is_a_copy_and_stands_in_the_log(pool: Pool) -> None:
    laptop = device()
    async with staged(pool) as (stage, client):
        await register(client, laptop)
        laptop.count = 7
        async with stage.client() as stranger:
            assert (await sign_in(stranger, laptop)).status_code == 303
        laptop.count = 3
        async with stage.client() as stranger:
            refused = await sign_in(stranger, laptop)
            assert (refused.status_code, "there may be a copy" in refused.text) == (401, True)
        (entry,) = (await client.get("/console/changes.json?action=passkey.refused")).json()["data"]
        assert entry["details"]["count"] == 4


async def test_only_who_signed_in_just_now_adds_one_and_the_same_one_only_once(pool: Pool) -> None:
    laptop = device()
    async with staged(pool) as (_, client):
        assert (await register(client, laptop)).status_code == 303
        assert (await register(client, laptop)).status_code == 401
        assert (await register(client, device(flags=PRESENT))).status_code == 401
        async with pool.connection() as connection:
            await connection.execute(
                "UPDATE sessions SET created_at = %s", (clock.now() - timedelta(hours=1),)
            )
        assert "Sign out, to sign in again" in (await client.get(PAGE)).text
        form = {"form_token": await token_of(client, PAGE)}
        for path in (PAGE, f"{PAGE}/options"):
            refused = await client.post(path, data=form)
            assert (refused.status_code, "Sign out and in again" in refused.text) == (403, True)


async def test_who_is_a_member_nowhere_has_no_passkey_and_questions_are_limited(pool: Pool) -> None:
    laptop = device()
    async with staged(pool) as (stage, client):
        await register(client, laptop)
        own = stage.world.organization.organization_id
        async with pool.connection() as connection:
            await connection.execute("UPDATE members SET role = 'developer'")
            (member,) = await list_members(connection, own)
            await remove_member(connection, own, member.member_id, by=SYSTEM)
        async with stage.client() as stranger:
            assert (await sign_in(stranger, laptop)).status_code == 401
            form, _ = await ask(stranger)
            path = "/console/sign-in/passkey/options"
            asked = [
                (await stranger.post(path, data=form)).status_code for _ in range(ADDRESS_PASSKEYS_MAX - 1)
            ]
            assert (asked[0], asked[-1]) == (200, 403)


async def test_without_a_safe_address_the_pages_offer_none(pool: Pool) -> None:
    stage = Stage(await open_world(pool))
    async with stage.signed_in() as client, stage.client() as stranger:
        assert "Not here:" in (await client.get(PAGE)).text
        form = {"form_token": await token_of(client, PAGE)}
        assert (await client.post(f"{PAGE}/options", data=form)).status_code == 404
        assert "passkey" not in (await stranger.get("/console/sign-in")).text
    await stage.world.close()


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://jeton.example", "jeton.example"),
        ("https://jeton.example:8443/", "jeton.example"),
        ("http://localhost:8080", "localhost"),
        ("http://jeton.example", None),
        ("http://127.0.0.1:8080", None),
        ("https://[::1]", None),
        ("", None),
    ],
)
def test_passkeys_are_of_a_domain_that_is_reached_safely(url: str, domain: str | None) -> None:
    party = find_party(url, "Jeton")
    assert (None if party is None else party.domain) == domain


@pytest.mark.parametrize("nonsense", [[], 5, {}, {1: 2, 3: -7}], ids=str)
async def test_a_public_key_that_is_none_is_no_passkey(pool: Pool, nonsense: object) -> None:
    async with staged(pool) as (_, client):
        answer = await register(client, replace(device(), nonsense=nonsense))
        assert (answer.status_code, "This passkey did not work" in answer.text) == (401, True)
