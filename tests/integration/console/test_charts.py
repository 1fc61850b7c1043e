"""Saved charts over HTTP: saved for oneself or everybody, opened, renamed, pinned, deleted, and by whom."""

from tests.integration.console.test_routes import signed_in
from tests.integration.insight.explore.past import open_past

from jeton import clock
from jeton.db.pool import Pool
from jeton.identity.audit import list_audit
from jeton.identity.charts.errors import UnknownChartError
from jeton.identity.charts.saved import (
    Owner,
    delete_chart,
    get_chart,
    list_charts,
    list_pinned,
    pin_chart,
    save_chart,
    share_chart,
    take_back_chart,
)
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


async def test_what_is_everybodys_goes_back_to_whoever_saved_it_and_all_of_it_is_in_the_audit_log(
    pool: Pool,
) -> None:
    past = await open_past(pool)
    organization_id = past.world.organization.organization_id
    async with pool.connection() as connection:
        makers = []
        for email in ("maker@charts.example", "taker@charts.example"):
            member = await create_member(connection, organization_id, email=email, role="developer")
            makers.append(Owner(organization_id, member.member_id, email))
        maker, taker = makers
        chart = await save_chart(connection, maker, name="ours", page="usage", state="", is_shared=False)
        for _ in range(2):
            await share_chart(connection, maker, chart.chart_id)
            for owner in makers:
                await pin_chart(connection, owner, chart.chart_id)
                await pin_chart(connection, owner, chart.chart_id)
            assert await take_back_chart(connection, taker, chart.chart_id) == maker.member_id
        assert await take_back_chart(connection, maker, chart.chart_id) == maker.member_id
        assert await list_charts(connection, taker) == await list_pinned(connection, taker) == []
        assert [one.is_shared for one in await list_pinned(connection, maker)] == [False]
        # Once they have left there is nobody to give it back to.
        await share_chart(connection, maker, chart.chart_id)
        await connection.execute("DELETE FROM members WHERE member_id = %s", (maker.member_id,))
        assert await take_back_chart(connection, taker, chart.chart_id) == taker.member_id
        await delete_chart(connection, taker, chart.chart_id)
        entries = await list_audit(connection, organization_id=organization_id)
    told = [
        (entry.actor.partition("@")[0], entry.action.removeprefix("chart."))
        for entry in reversed(entries)
        if entry.subject == chart.chart_id
    ]
    once = [("maker", "shared"), ("maker", "pinned"), ("taker", "pinned"), ("taker", "taken_back")]
    # The maker's own pin stays, so it is not pinned again.
    again = [("maker", "shared"), ("taker", "pinned"), ("taker", "taken_back")]
    end = [("maker", "shared"), ("taker", "taken_back"), ("taker", "deleted")]
    assert told == [("maker", "saved"), *once, *again, *end]
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
