"""Saved charts over HTTP: saved for oneself or everybody, opened, renamed, pinned, deleted, and by whom."""

from tests.integration.console.test_routes import signed_in
from tests.integration.insight.explore.past import open_past

from jeton import clock
from jeton.db.pool import Pool
from jeton.identity.charts.errors import UnknownChartError
from jeton.identity.charts.saved import Owner, delete_chart, get_chart, list_charts, save_chart
from jeton.identity.members import Role, create_member
from jeton.identity.sessions import form_token, open_session
from jeton.usage import Usage

STATE = "range=12mo&group=model&measure=tokens&next=//evil.example&cumulative=yes"


async def test_a_chart_is_saved_opened_renamed_pinned_and_deleted(pool: Pool) -> None:
    past = await open_past(pool)
    await past.bill_at(clock.now(), Usage(1_000, output_tokens=3_000))
    async with signed_in(past.world) as client:
        token = {"form_token": form_token(client.cookies["jeton_session"])}

        async def post(path: str, **fields: str) -> int:
            answer = await client.post(f"/console/charts{path}", data={**token, **fields})
            return answer.status_code

        assert await post("", name="<b>Tokens</b>", page="cost", state=STATE) == 303
        (chart,) = (await client.get("/console/charts.json")).json()["data"]
        address = "/console/cost?range=12mo&group=model&measure=tokens&cumulative=yes"
        assert (chart["name"], chart["address"], chart["is_shared"]) == ("<b>Tokens</b>", address, False)
        page = (await client.get("/console/charts")).text
        assert "<b>Tokens" not in page
        assert address.replace("&", "&amp;") in page
        assert (await client.get(address)).status_code == 200
        place = f"/{chart['id']}"
        assert await post(f"{place}/pin") == 303
        assert await post(f"{place}/rename", name="Tokens") == 303
        (card,) = (await client.get("/console.json")).json()["pinned"]
        assert (card["name"], card["measure"], card["total"]) == ("Tokens", "Tokens", 4_000)
        assert "Tokens, last 365 days" in (await client.get("/console")).text
        assert await post(f"{place}/rename", name=" ") == 400
        assert await post("", name="x", page="billing", state="") == 400
        assert await post(f"{place}/delete") == 303
        assert await post(f"{place}/delete") == 404
        assert (await client.get("/console.json")).json()["pinned"] == []
    await past.world.close()


async def test_ones_own_is_nobody_elses_and_everybodys_stays(pool: Pool) -> None:
    past = await open_past(pool)
    organization_id = past.world.organization.organization_id

    async with pool.connection() as connection:

        async def join(role: Role) -> Owner:
            email = f"{role}@charts.example"
            member = await create_member(connection, organization_id, email=email, role=role)
            return Owner(organization_id, member.member_id, email)

        first, second = await join("developer"), await join("auditor")
        own = await save_chart(connection, first, name="own", page="usage", state="", is_shared=False)
        ours = await save_chart(connection, first, name="ours", page="usage", state="", is_shared=True)
        assert [chart.name for chart in await list_charts(connection, first)] == ["ours", "own"]
        assert [chart.name for chart in await list_charts(connection, second)] == ["ours"]
        for change in (get_chart, delete_chart):
            try:
                await change(connection, second, own.chart_id)
            except UnknownChartError:
                continue
            raise AssertionError(change)
        await connection.execute("DELETE FROM members WHERE member_id = %s", (first.member_id,))
        assert await list_charts(connection, second) == [ours]
        secret = await open_session(connection, second.member_id)
    async with signed_in(past.world) as client:
        client.cookies.set("jeton_session", secret)
        # An auditor sees what is everybody's and pins it, and neither makes nor changes it.
        fields = {"form_token": form_token(secret), "name": "x", "page": "usage", "for": "organization"}
        place = f"/console/charts/{ours.chart_id}"
        answers = [
            (await client.post(path, data=fields)).status_code
            for path in ("/console/charts", f"{place}/rename", f"{place}/delete", f"{place}/pin")
        ]
        assert answers == [403, 403, 403, 303]
    await past.world.close()
