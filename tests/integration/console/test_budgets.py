"""The page of budgets: what it shows, who may make one, and what a bad form gets."""

import pytest
from tests.integration.console.test_routes import signed_in, token_of
from tests.integration.world import USD, open_world

from jeton.charging.words import Metered, Rule
from jeton.db.pool import Pool
from jeton.identity.members import Role
from jeton.metering.labels import Labels
from jeton.pricing.rating import STANDARD
from jeton.usage import Usage

MODEL = "claude-sonnet-5-5"
PATH = "/console/budgets"
FORM = {
    "limit": "$0.10",
    "period": "month",
    "scope": "organization",
    "kind": "hard",
    "anchor_day": "31",
    "zone": "",
}


async def test_a_budget_is_made_shown_and_ended(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill()
    async with signed_in(world, role="billing") as client:
        token = await token_of(client, PATH)
        form = {**FORM, "form_token": token, "scope": f"key:{world.key.key_id}"}
        made = await client.post(PATH, data=form)
        assert (made.status_code, made.headers["location"]) == (303, PATH)
        page = (await client.get(PATH)).text
        (budget,) = (await client.get(f"{PATH}.json")).json()["data"]
        assert "key first key" in page
        assert "29&nbsp;%" in page
        assert (budget["anchor_day"], budget["window"]["left"]) == (31, "0.071")
        ended = await client.post(f"{PATH}/{budget['id']}/end", data={"form_token": token})
        assert ended.headers["location"] == PATH
        assert "No budget is in force" in (await client.get(PATH)).text
        assert (
            await client.post(f"{PATH}/{budget['id']}/end", data={"form_token": token})
        ).status_code == 404
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT actor_kind, actor, action FROM audit_entries ORDER BY audit_id"
        )
        entries = [row for row in await cursor.fetchall() if row[2].startswith("budgets.")]
    assert entries == [
        ("member", "ada@example.com", "budgets.created"),
        ("member", "ada@example.com", "budgets.ended"),
    ]
    await world.close()


async def test_a_form_makes_budgets_of_a_model_a_member_and_an_end_user(pool: Pool) -> None:
    world = await open_world(pool)
    async with signed_in(world) as client:
        form = {**FORM, "form_token": await token_of(client, PATH), "label": "customer 7"}
        page = (await client.get(PATH)).text
        member = page.partition('value="member:')[2].partition('"')[0]
        for scope in (f"model:{MODEL}", f"member:{member}", "end_user", "tag:nightly"):
            assert (await client.post(PATH, data={**form, "scope": scope})).status_code == 303
        page = (await client.get(PATH)).text
        for named in (f"model {MODEL}", "member ada@example.com", "end user customer 7", "tag nightly"):
            assert f"for {named}</summary>" in page
        assert 'value="customer 7"' in (await client.get(f"{PATH}/dry-run?scope=end_user:customer%207")).text
        key = f"/console/keys/{world.key.key_id}"
        given = {"form_token": form["form_token"], "name": "first key", "member_id": member}
        assert (await client.post(f"{key}/change", data=given)).status_code == 303
        assert (await client.get(f"{key}.json")).json()["owner"] == "ada@example.com"
    await world.close()


async def test_a_budget_of_each_end_user_shows_whose_use_is_highest(pool: Pool) -> None:
    """Two end users cost $0.029 each, one of them twice: 96 % of $0.06. A name is never markup."""
    world = await open_world(pool)
    async with signed_in(world) as client:
        form = {**FORM, "form_token": await token_of(client, PATH), "limit": "0.06", "kind": "soft"}
        made = await client.post(PATH, data={**form, "scope": "end_user:*"})
        assert made.status_code == 303
        assert "No request has named an end user since" in (await client.get(PATH)).text
        for end_user in ("<b>bob", "ada", "ada"):
            await world.bill(labels=Labels(end_user, ""))
        page = (await client.get(PATH)).text
        (budget,) = (await client.get(f"{PATH}.json")).json()["data"]
        assert [(one["end_user"], one["settled"], one["percent"]) for one in budget["highest"]] == [
            ("ada", "0.058", 96),
            ("<b>bob", "0.029", 48),
        ]
        assert (budget["window"]["settled"], budget["window"]["left"]) == ("0.087", None)
        assert "near the limit" in page
        assert "<b>bob" not in page
        run = (
            await client.get(f"{PATH}/dry-run.json?limit=1.01&period=total&kind=hard&scope=end_user:*")
        ).json()
        assert (run["requests"], run["refused"], run["first_refused"][0]["end_user"]) == (3, 1, "ada")
        assert 'value="end_user:*" selected' in (await client.get(f"{PATH}/dry-run?scope=end_user:*")).text
    await world.close()


@pytest.mark.parametrize(
    "change",
    [
        {"limit": "0"},
        {"limit": "much"},
        {"period": "year"},
        {"kind": "firm"},
        {"scope": "moon"},
        {"zone": "Mars/Olympus"},
        {"anchor_day": "0"},
        {"anchor_day": "first"},
    ],
    ids=str,
)
async def test_a_bad_form_makes_nothing(pool: Pool, change: dict[str, str]) -> None:
    world = await open_world(pool)
    async with signed_in(world) as client:
        form = {**FORM, "form_token": await token_of(client, PATH), **change}
        assert (await client.post(PATH, data=form)).status_code == 400
        assert (await client.get(f"{PATH}.json")).json()["data"] == []
    await world.close()


async def test_a_budget_gets_another_limit_and_hardness(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill()
    async with signed_in(world) as client:
        token = await token_of(client, PATH)
        await client.post(PATH, data={**FORM, "form_token": token})
        (budget,) = (await client.get(f"{PATH}.json")).json()["data"]
        form = {"form_token": token, "limit": "0.05", "kind": "soft"}
        changed = await client.post(f"{PATH}/{budget['id']}/change", data=form)
        assert changed.headers["location"] == PATH
        (budget,) = (await client.get(f"{PATH}.json")).json()["data"]
        assert (budget["limit"], budget["is_hard"], budget["window"]["left"]) == ("0.05", False, "0.021")
        bad = {**form, "kind": "firm"}
        assert (await client.post(f"{PATH}/{budget['id']}/change", data=bad)).status_code == 400
    await world.close()


async def test_alerts_are_chosen_and_snoozed_and_bad_choices_refused(pool: Pool) -> None:
    world = await open_world(pool)
    async with signed_in(world, role="billing") as client:
        token = {"form_token": await token_of(client, PATH)}
        data = (await client.get(f"{PATH}.json")).json()
        assert data["alert_choices"] == {
            "tells_anomalies": True,
            "tells_price_changes": True,
            "silence_hours": None,
        }
        form = {**token, "anomalies": "yes", "silence_hours": "12"}
        assert (await client.post("/console/alerts/choices", data=form)).status_code == 303
        for hours in ("721", "soon", "0"):
            refused = await client.post("/console/alerts/choices", data={**form, "silence_hours": hours})
            assert refused.status_code == 400
        assert (await client.post("/console/alerts/snooze", data={**token, "hours": "24"})).status_code == 303
        unknown = {**token, "hours": "24", "about": "bdgt_x"}
        assert (await client.post("/console/alerts/snooze", data=unknown)).status_code == 404
        assert (await client.post("/console/alerts/snooze", data={**token, "hours": "9"})).status_code == 400
        data = (await client.get(f"{PATH}.json")).json()
        assert data["alert_choices"]["silence_hours"] == 12
        assert data["alert_choices"]["tells_price_changes"] is False
        assert [(one["budget_id"], one["by"]) for one in data["snoozed"]] == [(None, "ada@example.com")]
        assert "when no key was used for 12 hours" in (await client.get(PATH)).text
        await client.post("/console/alerts/snooze", data={**token, "hours": "0"})
        assert (await client.get(f"{PATH}.json")).json()["snoozed"] == []
    await world.close()


async def test_a_dry_run_tells_what_a_budget_would_have_refused(pool: Pool) -> None:
    """Each of three requests held $1.00 and cost $0.029, one after the other.

    Of $1.03 the first leaves $1.001, which is enough for the second; that leaves $0.972, which is not
    enough for the third. Nothing comes into force.
    """
    world = await open_world(pool)
    for _ in range(3):
        await world.bill()
    async with signed_in(world, role="auditor") as client:
        query = f"limit=1.03&period=total&kind=hard&scope=key:{world.key.key_id}"
        page = (await client.get(f"{PATH}/dry-run?{query}")).text
        run = (await client.get(f"{PATH}/dry-run.json?{query}")).json()
        assert "1 of 3 requests" in page
        assert (run["requests"], run["refused"], run["refused_net_amount"]) == (3, 1, "0.029")
        (refused,) = run["first_refused"]
        assert (refused["request_id"], refused["needed"], refused["left"]) == (
            world.requests[2],
            "1.00",
            "0.972",
        )
        (window,) = run["windows"]
        assert (window["settled"], window["ends_at"], window["told_percent"]) == ("0.058", None, None)
        soft = (await client.get(f"{PATH}/dry-run.json?limit=0.03&period=total&kind=soft")).json()
        assert (soft["refused"], soft["windows"][0]["told_percent"]) == (0, 100)
        assert (await client.get(f"{PATH}.json")).json()["data"] == []
        assert "Try it" in (await client.get(f"{PATH}/dry-run")).text
        for bad in (
            "limit=much",
            "limit=1&zone=Mars/Olympus",
            "limit=1&scope=key:apikey_x",
            "limit=1&kind=x",
        ):
            assert (await client.get(f"{PATH}/dry-run?{bad}")).status_code in {400, 404}
    await world.close()


@pytest.mark.parametrize("role", ["developer", "auditor"])
async def test_only_who_answers_for_money_may_change_budgets(pool: Pool, role: Role) -> None:
    world = await open_world(pool)
    async with signed_in(world, role=role) as client:
        assert "Make budget" not in (await client.get(PATH)).text
        form = {**FORM, "form_token": await token_of(client, "/console")}
        assert (await client.post(PATH, data=form)).status_code == 403
    await world.close()


async def test_an_alert_that_was_given_is_listed_with_what_it_said(pool: Pool) -> None:
    """950,000 tokens at $2 a million are $1.90, 95 % of a budget of $2.00."""
    world = await open_world(pool)
    async with signed_in(world) as client:
        token = await token_of(client, PATH)
        await client.post(PATH, data={**FORM, "limit": "2.00", "form_token": token})
        hold = await world.hold(USD * 2)
        usage = Usage(input_tokens=950_000)
        metered = Metered(
            rule=Rule.COMPLETED, usage=usage, source="upstream", conditions=STANDARD, reported="{}"
        )
        await world.charging.settle(hold, metered)
        alerts = (await client.get(f"{PATH}.json")).json()["alerts"]
        page = (await client.get(PATH)).text
    # Early in a month the pace would pass the limit as well.
    assert "budget.threshold_reached" in {alert["type"] for alert in alerts}
    assert "90 % of the monthly budget of $2.00 is used" in page
    assert all(alert["subject"] in page for alert in alerts)
    await world.close()


async def test_a_test_alert_is_written_once_a_minute_and_needs_the_role(pool: Pool) -> None:
    world = await open_world(pool)
    async with signed_in(world, role="developer", email="dev@example.com") as client:
        token = await token_of(client, PATH)
        assert (await client.post("/console/alerts/test", data={"form_token": token})).status_code == 403
    async with signed_in(world, role="billing") as client:
        token = await token_of(client, PATH)
        for _ in range(2):
            answer = await client.post("/console/alerts/test", data={"form_token": token})
            assert answer.headers["location"] == f"{PATH}?tested=yes"
        alerts = (await client.get(f"{PATH}.json")).json()["alerts"]
    assert 1 <= len(alerts) <= 2
    assert alerts[0]["subject"] == "A test of your alerts"
    assert "ada@example.com" in alerts[0]["sentence"]
    await world.close()
