"""Journeys: what people come for, from the first page to the last, clicked through in a real browser."""

import re
from decimal import Decimal
from typing import Any

import httpx2
from playwright.sync_api import Page
from tests.browser.auditing import WIDE, Auditor
from tests.browser.traffic import QUESTION
from tests.browser.visiting import Visitor, follow_menu
from tests.e2e.serving import ServerProcess

MODEL = "claude-sonnet-5-5"


def post_message(server: ServerProcess, secret: str, **options: Any) -> httpx2.Response:  # noqa: ANN401 - a body of the Messages API
    """The answer to a request with a key."""
    body = {"model": MODEL, "max_tokens": 30, "messages": [QUESTION], **options}
    headers = {"x-api-key": secret, "anthropic-version": "2023-06-01"}
    return httpx2.post(f"{server.base_url}/v1/messages", json=body, headers=headers)


def read_strip(page: Page, name: str) -> Decimal:
    """An amount of the strip above every page, exact."""
    entry = page.locator(".strip dl > div", has=page.get_by_text(name)).locator(".money")
    title = entry.get_attribute("title")
    assert title is not None
    return Decimal(title.replace("$", "").replace(",", ""))


def test_from_the_first_visit_to_the_receipt_of_the_first_request(
    visitor: Visitor, server: ServerProcess
) -> None:
    page = visitor.page
    page.goto("/")
    page.get_by_role("banner").get_by_role("link", name="Console").click()
    page.get_by_label("E-mail").fill(server.demo["JETON_CONSOLE_EMAIL"])
    page.get_by_label("Password").fill(server.demo["JETON_CONSOLE_PASSWORD"])
    page.get_by_role("button", name="Sign in").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Welcome"
    granted = read_strip(page, "Available")
    assert granted > 0
    page.get_by_role("button", name="Create key").click()
    secret = page.locator("code.secret").inner_text()
    page.get_by_role("button", name="Send the test request").click()
    page.get_by_role("link", name="Open the whole receipt").click()
    tested = visitor.figure("Net amount")
    assert read_strip(page, "Available") == granted - tested < granted
    answer = post_message(server, secret)
    assert answer.status_code == 200
    cost, request_id = Decimal(answer.headers["jeton-cost"]), answer.headers["request-id"]
    follow_menu(page, "Requests")
    page.get_by_title(request_id).first.click()
    assert page.get_by_role("heading", level=1).inner_text() == "Receipt"
    assert visitor.figure("Net amount") == cost > 0
    assert read_strip(page, "Available") == granted - tested - cost
    assert read_strip(page, "Settled in") == tested + cost


def test_a_budget_refuses_by_name_and_the_console_shows_it(member: Visitor, server: ServerProcess) -> None:
    page = member.page
    secret = member.create_key("on a budget")
    follow_menu(page, "Budgets")
    page.get_by_label("Dollars").fill("0.0001")
    page.get_by_role("button", name="Make budget").click()
    row = page.get_by_role("row", name="the whole organization")
    budget_id = row.locator(".mono").inner_text()
    refusal = post_message(server, secret, max_tokens=1_000)
    details = refusal.json()["error"]["details"]
    assert (refusal.status_code, details["error_code"]) == (400, "budget_exceeded")
    assert details["budget"] == budget_id
    assert Decimal(details["needed"]) > Decimal(details["left"])
    page.reload()
    assert "$0.0001" in row.inner_text()
    page.get_by_role("button", name=f"End {budget_id}").click()
    assert row.count() == 0
    assert post_message(server, secret, max_tokens=1_000).status_code == 200


def test_who_asks_sales_is_granted_a_trial_and_sees_it(visitor: Visitor, server: ServerProcess) -> None:
    page = visitor.page
    page.goto("/pricing")
    page.get_by_role("contentinfo").get_by_role("link", name="Contact sales").click()
    page.get_by_label("E-mail").fill(server.demo["JETON_CONSOLE_EMAIL"])
    page.get_by_label("Name", exact=True).fill("Ada Byron")
    page.get_by_label("What you need").fill("An evaluation over two months.")
    page.get_by_role("button", name="Send").click()
    item_id = page.get_by_role("status").locator("code").inner_text()
    visitor.sign_in()
    before = read_strip(page, "Available")
    follow_menu(page, "Inbox")
    item = page.locator("section", has=page.get_by_text(item_id)).filter(has=page.get_by_label("Dollars"))
    assert "Ada Byron" in item.inner_text()
    item.get_by_label("Dollars").fill("500")
    item.get_by_label("Reason").fill("evaluation, two months")
    item.get_by_role("button", name="Approve").click()
    follow_menu(page, "Credit")
    assert read_strip(page, "Available") == before + 500
    assert "evaluation, two months" in page.locator("main").inner_text()


def test_a_stranger_who_asks_sales_gets_an_organization_and_comes_in(visitor: Visitor) -> None:
    page = visitor.page
    page.goto("/contact-sales")
    page.get_by_label("E-mail").fill("grace@stranger.example")
    page.get_by_label("Name", exact=True).fill("Grace Hopper")
    page.get_by_label("Company").fill("Stranger & Co")
    page.get_by_label("What you need").fill("An evaluation for all of us.")
    page.get_by_role("button", name="Send").click()
    item_id = page.get_by_role("status").locator("code").inner_text()
    visitor.sign_in()
    follow_menu(page, "Inbox")
    item = page.locator("section", has=page.get_by_text(item_id)).filter(has=page.get_by_label("Dollars"))
    item.get_by_role("link", name="Open an organization for them").click()
    assert page.get_by_label("Name").input_value() == "Stranger & Co"
    page.get_by_role("button", name="Open it").click()
    link = page.locator("code.wrap").inner_text()
    place = page.get_by_role("status").get_by_role("link", name="Stranger & Co").get_attribute("href") or ""
    follow_menu(page, "Inbox")
    item.get_by_label("Organization").fill(place.rpartition("/")[2])
    item.get_by_label("Dollars").fill("500")
    item.get_by_label("Reason").fill("evaluation")
    item.get_by_role("button", name="Approve").click()
    page.context.clear_cookies()
    page.goto(link)
    page.get_by_label("Password").fill("a long password")
    page.get_by_label("The same again").fill("a long password")
    page.get_by_role("button", name="Join").click()
    page.goto("/console")
    # The trial of the grant policy, and what sales granted.
    assert read_strip(page, "Available") == 505


def test_a_theme_and_a_zone_are_chosen_and_stay_without_script(visitor: Visitor) -> None:
    visitor.sign_in()
    page = visitor.page
    page.get_by_role("button", name="Time zone UTC, currency and theme").click()
    page.get_by_role("button", name="Ink").click()
    page.get_by_role("button", name="Time zone UTC, currency and theme").click()
    page.get_by_label("Another zone").fill("Asia/Tokyo")
    page.get_by_role("button", name="Use zone").click()
    assert page.get_by_role("button", name="Time zone Asia/Tokyo, currency and theme").is_visible()
    assert "JST" in page.locator(".asof time").first.inner_text()
    page.goto("/docs")
    painted = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert painted == "rgb(25, 24, 22)"


def test_filters_are_swapped_in_place_and_back_is_back(member: Visitor) -> None:
    """The address and the heading of the table follow; nothing of the frame is loaded again."""
    page = member.page
    page.goto("/console/usage")
    page.evaluate("window.isTheSame = true")
    form = page.locator("form.filters").first
    form.get_by_role("button", name="Show").click()
    page.wait_for_url("**/console/usage?*")
    assert page.evaluate("window.isTheSame") is True
    page.go_back()
    page.wait_for_url("**/console/usage")
    assert page.get_by_role("heading", level=1).inner_text() == "Usage"


def test_a_chart_is_saved_under_it_opened_again_and_pinned_to_the_overview(
    member: Visitor, server: ServerProcess
) -> None:
    page = member.page
    assert post_message(server, member.create_key("for a chart")).status_code == 200
    page.goto("/console/cost?range=7d&measure=requests&cumulative=yes")
    page.get_by_text("This chart").click()
    page.get_by_label("Save as").fill("Requests of the week")
    page.get_by_role("button", name="Save chart").click()
    page.get_by_role("button", name="Pin Requests of the week to the overview").click()
    page.get_by_role("link", name="Requests of the week").click()
    assert page.get_by_label("Each bar", exact=True).input_value() == "yes"
    follow_menu(page, "Overview")
    card = page.locator(".figures > div", has=page.get_by_text("Requests of the week", exact=True))
    assert "Requests, last 7 days" in card.inner_text()
    follow_menu(page, "Saved charts")
    page.get_by_text("Change Requests of the week").click()
    page.get_by_role("button", name="Delete Requests of the week").click()
    assert page.get_by_text("Requests of the week").count() == 0


def test_a_passkey_is_added_and_signs_in_without_anything_typed(
    visitor: Visitor, server: ServerProcess
) -> None:
    """With Chromium's virtual authenticator; at localhost, which browsers take for safe without https."""
    page, here = visitor.page, f"http://localhost:{server.port}"
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    device = {"protocol": "ctap2", "transport": "internal", "isUserVerified": True}
    abilities = {"hasResidentKey": True, "hasUserVerification": True, "automaticPresenceSimulation": True}
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": {**device, **abilities}})
    page.goto(f"{here}/console/sign-in")
    page.get_by_label("E-mail").fill(server.demo["JETON_CONSOLE_EMAIL"])
    page.get_by_label("Password").fill(server.demo["JETON_CONSOLE_PASSWORD"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.goto(f"{here}/console/passkeys")
    page.get_by_label("Name").fill("this laptop")
    page.get_by_role("button", name="Add a passkey").click()
    row = page.get_by_role("row", name="this laptop")
    assert "never" in row.inner_text()
    assert Auditor(page).audit(f"{here}/console/passkeys") == []
    page.set_viewport_size(WIDE)
    page.get_by_role("button", name="Sign out", exact=True).click()
    assert Auditor(page).audit(f"{here}/console/sign-in") == []
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(re.compile(r"/console(/welcome)?$"))
    page.goto(f"{here}/console/passkeys")
    assert "never" not in row.inner_text()
    assert {one["method"] for one in visitor.twin(f"{here}/console/sessions.json")["data"]} >= {"passkey"}
    row.get_by_role("button", name="Remove").click()
    assert row.count() == 0
