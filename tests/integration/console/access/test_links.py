"""Links by mail: one answer for everybody, one use, a short life, and limits on asking."""

from datetime import timedelta

import httpx2
import pytest
from tests.integration.console.access.stage import Stage, token_of
from tests.integration.world import EMAIL, add_member, open_world

from jeton import clock
from jeton.db.pool import Pool
from jeton.identity.signing.limits import EMAIL_LINKS_MAX
from jeton.identity.signing.links import LINK_LIFE, OPEN_LINKS_MAX, create_link, find_link


async def ask(client: httpx2.AsyncClient, email: str) -> httpx2.Response:
    token = await token_of(client, "/console/sign-in")
    return await client.post("/console/sign-in/mail", data={"form_token": token, "email": email})


async def press(client: httpx2.AsyncClient, path: str) -> httpx2.Response:
    """Open a link and press its button."""
    form = {"form_token": await token_of(client, path), "token": path.partition("token=")[2]}
    return await client.post("/console/sign-in/link", data=form)


async def test_a_link_signs_in_once_and_only_by_its_button(pool: Pool) -> None:
    stage = Stage(await open_world(pool))
    await add_member(stage.world)
    async with stage.client() as client:
        assert (await ask(client, " ADA@example.com ")).status_code == 200
        path = stage.letterbox.last_path
        # A program that looks into mails opens it, and opens it again.
        for _ in range(3):
            assert EMAIL in (await client.get(path)).text
        welcome = await press(client, path)
        assert (welcome.status_code, welcome.headers["location"]) == (303, "/console/welcome")
        assert (await client.get("/console/sessions.json")).json()["data"][0]["method"] == "link"
        assert (await client.get(path)).status_code == 401
    async with pool.connection() as connection:
        row = await (await connection.execute("SELECT digest FROM sign_in_links")).fetchone()
    assert row is not None
    assert path.partition("token=")[2].encode() not in bytes(row[0])
    await stage.world.close()


async def test_the_answer_is_the_same_whether_anybody_has_the_address(pool: Pool) -> None:
    stage = Stage(await open_world(pool))
    await add_member(stage.world)
    async with stage.client() as client:
        known = await ask(client, EMAIL)
        unknown = await ask(client, "eve@example.com")
        assert known.status_code == unknown.status_code == 200
        assert known.text.replace(EMAIL, "") == unknown.text.replace("eve@example.com", "")
        assert dict(known.headers).keys() == dict(unknown.headers).keys()
        assert [note.recipient for note in stage.letterbox.notes] == [EMAIL]
        for email in (EMAIL, "eve@example.com"):
            for _ in range(EMAIL_LINKS_MAX - 1):
                assert (await ask(client, email)).status_code == 200
            assert (await ask(client, email)).status_code == 401
    await stage.world.close()


async def test_a_link_that_is_too_old_or_made_up_signs_nobody_in(pool: Pool) -> None:
    stage = Stage(await open_world(pool))
    await add_member(stage.world)
    async with pool.connection() as connection:
        secret = await create_link(connection, EMAIL)
        assert secret is not None
        at = clock.now()
        assert await find_link(connection, secret, at=at) == EMAIL
        assert await find_link(connection, secret, at=at + LINK_LIFE + timedelta(seconds=1)) is None
    async with stage.client() as client:
        for token in ("", "x" * 43, "x" * 10_000, "%00"):
            page = await client.get(f"/console/sign-in/link?token={token}")
            assert page.status_code == 401
            assert "sign_in_link_invalid" in page.text
    await stage.world.close()


async def test_every_node_together_mails_few_links(pool: Pool) -> None:
    await (await open_world(pool)).close()
    async with pool.connection() as connection:
        made = [await create_link(connection, EMAIL) for _ in range(OPEN_LINKS_MAX + 1)]
    assert made[-1] is None
    assert all(made[:-1])


async def test_without_mail_nobody_is_offered_a_link(pool: Pool) -> None:
    stage = Stage(await open_world(pool), has_mail=False)
    async with stage.client() as client:
        assert "Mail me a link" not in (await client.get("/console/sign-in")).text
        assert (await ask(client, EMAIL)).headers["location"] == "/console/sign-in"
    await stage.world.close()


@pytest.mark.parametrize("method", ["link", "invite"])
async def test_forms_of_another_browser_do_nothing(pool: Pool, method: str) -> None:
    stage = Stage(await open_world(pool))
    path = "/console/sign-in/link" if method == "link" else "/console/invite"
    async with stage.client() as client:
        answer = await client.post(path, data={"form_token": "0" * 64, "token": "x" * 43})
    assert answer.status_code == 403
    await stage.world.close()
