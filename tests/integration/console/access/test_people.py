"""Members, invites and sessions in the Console: who gets in, who goes, and what a link is worth."""

import re
from datetime import timedelta

import httpx2
from tests.integration.console.access.stage import Stage, token_of
from tests.integration.world import EMAIL, PASSWORD, open_world

from jeton import clock
from jeton.db.pool import Pool
from jeton.identity.audit import list_audit
from jeton.identity.members import list_members, list_memberships

BOB = "bob@example.com"
NEW_PASSWORD = "another long enough one"


async def invite(stage: Stage, client: httpx2.AsyncClient, role: str = "developer") -> str:
    """Bob is invited; the path of his link."""
    token = await token_of(client, "/console/members")
    form = {"form_token": token, "email": " Bob@Example.com ", "role": role}
    page = await client.post("/console/invites", data=form)
    assert page.status_code == 200
    return stage.letterbox.last_path


async def test_somebody_is_invited_by_mail_and_joins_with_a_password(pool: Pool) -> None:
    stage = Stage(await open_world(pool))
    async with stage.signed_in() as ada, stage.client() as bob:
        path = await invite(stage, ada)
        offered = await bob.get(path)
        assert "Example GmbH" in offered.text
        assert BOB in offered.text
        form = {
            "form_token": await token_of(bob, path),
            "token": path.partition("token=")[2],
            "password": NEW_PASSWORD,
            "repeated": NEW_PASSWORD,
        }
        joined = await bob.post("/console/invite", data=form)
        assert (joined.status_code, joined.headers["location"]) == (303, "/console/welcome")
        assert (await bob.get("/console/members.json")).json()["data"][1]["role"] == "developer"
        # Once.
        assert (await bob.get(path)).status_code == 401
        assert (await bob.post("/console/invite", data=form)).status_code in {401, 403}
        assert (await ada.get("/console/members.json")).json()["invites"] == []
        async with pool.connection() as connection:
            actions = [entry.action for entry in await list_audit(connection)]
    assert actions[:2] == ["member.joined", "invite.created"]
    await stage.world.close()


async def test_an_invite_that_is_taken_back_sent_again_or_over_is_worth_nothing(pool: Pool) -> None:
    stage = Stage(await open_world(pool))
    async with stage.signed_in() as ada, stage.client() as bob:
        first = await invite(stage, ada)
        second = await invite(stage, ada, "auditor")
        assert (await bob.get(first)).status_code == 401
        assert (await bob.get(second)).status_code == 200
        [pending] = (await ada.get("/console/members.json")).json()["invites"]
        assert (pending["role"], pending["status"]) == ("auditor", "pending")
        token = await token_of(ada, "/console/members")
        path = f"/console/invites/{pending['id']}/delete"
        assert (await ada.post(path, data={"form_token": token})).status_code == 303
        assert (await bob.get(second)).status_code == 401
        assert (await ada.post(path, data={"form_token": token})).status_code == 404
        third = await invite(stage, ada)
        async with pool.connection() as connection:
            await connection.execute(
                "UPDATE invites SET invited_at = %(then)s, expires_at = %(at)s WHERE deleted_at IS NULL",
                {"then": clock.now() - timedelta(days=22), "at": clock.now() - timedelta(days=1)},
            )
        assert (await bob.get(third)).status_code == 401
        assert (await ada.get("/console/members.json")).json()["invites"][0]["status"] == "expired"
    await stage.world.close()


async def test_without_mail_only_the_operator_is_shown_a_link(pool: Pool) -> None:
    world = await open_world(pool)
    plain = Stage(world, has_mail=False)
    async with plain.signed_in() as ada:
        token = await token_of(ada, "/console/members")
        form = {"form_token": token, "email": BOB, "role": "admin"}
        assert (await ada.post("/console/invites", data=form)).status_code == 400
        secret = ada.cookies["jeton_session"]
    operators = Stage(world, has_mail=False, operator_emails=frozenset({EMAIL}))
    async with operators.client() as ada:
        ada.cookies.set("jeton_session", secret)
        page = await ada.post("/console/invites", data=form)
    assert re.search(r"http://jeton\.test/console/invite\?token=[\w-]{43}", page.text)
    await world.close()


async def test_the_last_admin_neither_goes_nor_steps_down(pool: Pool) -> None:
    stage = Stage(await open_world(pool))
    async with stage.signed_in() as ada, stage.signed_in("auditor", BOB) as bob:
        async with pool.connection() as connection:
            members = await list_members(connection, stage.world.organization.organization_id)
        ids = {member.email: member.member_id for member in members}
        token = await token_of(ada, "/console/members")

        async def post(email: str, what: str, **form: str) -> int:
            path = f"/console/members/{ids[email]}/{what}"
            return (await ada.post(path, data={"form_token": token, **form})).status_code

        assert await post(EMAIL, "remove") == 409
        assert await post(EMAIL, "role", role="billing") == 409
        assert await post(BOB, "role", role="root") == 400
        assert await post(BOB, "role", role="admin") == 303
        assert (await bob.get("/console/members.json")).json()["data"][1]["role"] == "admin"
        assert await post(BOB, "remove") == 303
        # His session has ended with him.
        assert (await bob.get("/console")).status_code == 303
        async with pool.connection() as connection:
            actions = [entry.action for entry in await list_audit(connection)]
    assert actions[:2] == ["member.removed", "member.role_changed"]
    await stage.world.close()


async def test_sessions_are_listed_with_their_device_and_ended_one_by_one_or_all(pool: Pool) -> None:
    stage = Stage(await open_world(pool))
    async with stage.signed_in() as here, stage.client() as there:
        form = {"email": EMAIL, "password": PASSWORD, "form_token": await token_of(there, "/console/sign-in")}
        await there.post("/console/sign-in", data=form, headers={"user-agent": "curl/8.5"})
        shown = (await here.get("/console/sessions.json")).json()["data"]
        assert {one["device"] for one in shown} == {"Firefox on Linux", "curl"}
        [other] = [one["id"] for one in shown if not one["is_this"]]
        token = await token_of(here, "/console/sessions")
        ended = await here.post(f"/console/sessions/{other}/end", data={"form_token": token})
        assert ended.status_code == 303
        assert (await there.get("/console")).headers["location"].startswith("/console/sign-in")
        again = await here.post(f"/console/sessions/{other}/end", data={"form_token": token})
        assert again.status_code == 404
        everywhere = await here.post("/console/sessions/end", data={"form_token": token})
        assert everywhere.headers["location"] == "/console/sign-in"
        assert (await here.get("/console")).status_code == 303
    await stage.world.close()


async def test_nobody_ends_the_session_of_another(pool: Pool) -> None:
    stage = Stage(await open_world(pool))
    async with stage.signed_in() as ada, stage.signed_in("admin", BOB) as bob:
        [hers] = (await ada.get("/console/sessions.json")).json()["data"]
        token = await token_of(bob, "/console/sessions")
        answer = await bob.post(f"/console/sessions/{hers['id']}/end", data={"form_token": token})
        assert answer.status_code == 404
        assert (await ada.get("/console")).status_code == 200
    await stage.world.close()


async def test_a_person_of_two_organizations_switches_between_them(pool: Pool) -> None:
    ours, theirs = Stage(await open_world(pool)), Stage(await open_world(pool, name="Other AG"))
    async with ours.signed_in() as ada, theirs.signed_in("auditor"):
        token = await token_of(ada, "/console/sessions")
        async with pool.connection() as connection:
            known = await list_memberships(connection, EMAIL)
        assert [one.organization_name for one in known] == ["Example GmbH", "Other AG"]
        form = {"form_token": token, "organization_id": str(known[1].organization_id)}
        assert (await ada.post("/console/sessions/switch", data=form)).headers["location"] == "/console"
        shown = (await ada.get("/console/members.json")).json()["data"]
        assert [(one["email"], one["role"]) for one in shown] == [(EMAIL, "auditor")]
        # An auditor there, whatever she is here.
        page = await ada.post("/console/keys", data={"form_token": token, "name": "x"})
        assert page.status_code == 403
        strange = {"form_token": token, "organization_id": "01934b2e-0000-7000-8000-000000000000"}
        assert (await ada.post("/console/sessions/switch", data=strange)).status_code == 404
    await ours.world.close()
    await theirs.world.close()


async def test_a_new_password_needs_the_one_before_and_ends_every_other_session(pool: Pool) -> None:
    stage = Stage(await open_world(pool))
    async with stage.signed_in() as here, stage.client() as there:
        form = {"email": EMAIL, "password": PASSWORD, "form_token": await token_of(there, "/console/sign-in")}
        await there.post("/console/sign-in", data=form)
        token = await token_of(here, "/console/sessions")
        wanted = {"form_token": token, "new_password": NEW_PASSWORD, "repeated": NEW_PASSWORD}
        wrong = await here.post("/console/sessions/password", data={**wanted, "password": "not it, surely"})
        assert wrong.status_code == 401
        differing = {**wanted, "password": PASSWORD, "repeated": "something else again"}
        assert (await here.post("/console/sessions/password", data=differing)).status_code == 400
        right = await here.post("/console/sessions/password", data={**wanted, "password": PASSWORD})
        assert right.status_code == 303
        assert (await here.get("/console")).status_code == 200
        assert (await there.get("/console")).status_code == 303
        form = {"email": EMAIL, "password": NEW_PASSWORD}
        form["form_token"] = await token_of(there, "/console/sign-in")
        assert (await there.post("/console/sign-in", data=form)).status_code == 303
    await stage.world.close()
