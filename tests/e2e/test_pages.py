"""The pages as people see them: Chromium, a real server, and the API's numbers beside what is shown."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import anthropic
import httpx2
import pytest
from playwright.sync_api import Browser, Page
from tests.browser.visiting import Visitor, launching, visiting
from tests.e2e.books import balance, get
from tests.e2e.serving import ServerProcess, serving

MODELS = ("jeton-extract-1", "claude-sonnet-5-5", "claude-haiku-5-5")
QUESTION: Any = {"role": "user", "content": "A jeton is a counter. What is a jeton?"}
CONSOLE = ("/console", "/console/usage", "/console/requests", "/console/keys", "/console/accuracy")
SITE = ("/", "/faq", "/pricing", "/docs", "/docs/billing-contract", "/docs/settings", "/console/sign-in")
PAPER = {"light": "rgb(250, 246, 238)", "dark": "rgb(25, 24, 22)"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A fresh server with its demo organization and a trial of its own."""
    trial = {"JETON_TRIAL_AMOUNT_USD": "7.25", "JETON_TRIAL_DAYS": "45"}
    with serving(tmp_path_factory.mktemp("pages") / "data", environment=trial) as started:
        yield started


@pytest.fixture(scope="module")
def costs(server: ServerProcess) -> dict[str, Decimal]:
    """The ``jeton-cost`` of each request that was sent, by its id."""
    with anthropic.Anthropic(
        base_url=server.base_url, api_key=server.demo["ANTHROPIC_API_KEY"], max_retries=0
    ) as client:
        answers = [
            client.messages.with_raw_response.create(model=model, max_tokens=50, messages=[QUESTION])
            for model in MODELS
        ]
    return {answer.headers["request-id"]: Decimal(answer.headers["jeton-cost"]) for answer in answers}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with launching() as launched:
        yield launched


@pytest.fixture
def member(browser: Browser, server: ServerProcess) -> Iterator[Visitor]:
    """The demo's member, signed in."""
    with visiting(browser, server) as visitor:
        visitor.sign_in()
        yield visitor


def send(server: ServerProcess, secret: str) -> int:
    """The status of a request with a key."""
    body = {"model": "jeton-extract-1", "max_tokens": 10, "messages": [QUESTION]}
    headers = {"x-api-key": secret, "anthropic-version": "2023-06-01"}
    return httpx2.post(f"{server.base_url}/v1/messages", json=body, headers=headers).status_code


def test_the_balance_shown_is_the_balance_of_the_api(
    member: Visitor, server: ServerProcess, costs: dict[str, Decimal]
) -> None:
    amounts = balance(server)
    assert amounts["granted"] == Decimal("7.25")
    member.page.goto("/console")
    assert member.figure("Available credit") == amounts["available"]
    member.page.goto("/console/billing")
    table = "What became of all credit"
    assert member.cell(table, "Used") == amounts["used"] >= sum(costs.values())
    assert member.cell(table, "Granted") == amounts["granted"]
    member.page.goto("/console/usage")
    net = member.page.locator("tfoot td").last.get_attribute("title")
    assert net is not None
    assert Decimal(net.removeprefix("$")) == amounts["used"]


def test_every_request_is_listed_and_opens_the_receipt_of_its_cost(
    member: Visitor, server: ServerProcess, costs: dict[str, Decimal]
) -> None:
    for request_id, cost in costs.items():
        member.page.goto("/console")
        member.page.get_by_role("link", name="Requests", exact=True).click()
        member.page.get_by_title(request_id).click()
        assert member.page.get_by_role("heading", level=1).inner_text() == "Receipt"
        assert member.page.get_by_text(request_id).count() >= 1
        assert member.figure("Net amount") == cost > 0
        assert Decimal(get(server, f"/v1/receipts/{request_id}")["net_amount"]) == cost


def test_a_key_is_shown_once_works_and_is_revoked(member: Visitor, server: ServerProcess) -> None:
    page = member.page
    secret = member.create_key("the laptop")
    assert secret.startswith("sk-jtn-")
    assert send(server, secret) == 200
    page.goto("/console/keys")
    assert page.get_by_role("rowheader", name="the laptop").count() == 1
    assert secret not in page.content()
    page.get_by_role("link", name="the laptop").click()
    page.get_by_role("button", name="Revoke the laptop").click()
    page.goto("/console/keys")
    assert "revoked" in page.get_by_role("row", name="the laptop").inner_text()
    assert send(server, secret) == 401


def test_signing_out_ends_the_session_and_not_only_its_cookie(
    browser: Browser, server: ServerProcess
) -> None:
    with visiting(browser, server) as visitor:
        visitor.sign_in()
        # To the first run, where nothing was sent yet.
        assert visitor.page.url.removesuffix("/welcome") == f"{server.base_url}/console"
        kept: Any = visitor.page.context.storage_state()
        visitor.page.get_by_role("button", name="Sign out").click()
        visitor.page.goto("/console")
        assert "/console/sign-in" in visitor.page.url
    with visiting(browser, server, storage_state=kept) as thief:
        thief.page.goto("/console")
        assert "/console/sign-in" in thief.page.url


def test_a_wrong_password_is_refused_with_a_sentence(browser: Browser, server: ServerProcess) -> None:
    with visiting(browser, server) as visitor:
        visitor.sign_in("not the password")
        assert "do not belong together" in visitor.page.get_by_role("alert").inner_text()
        visitor.page.goto("/console")
        assert "/console/sign-in" in visitor.page.url
        # Chromium reports the status itself.
        assert visitor.complaints
        assert all(" 401 " in complaint for complaint in visitor.complaints)
        visitor.complaints.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_narrow_screen_in_both_schemes(
    browser: Browser, server: ServerProcess, costs: dict[str, Decimal], scheme: str
) -> None:
    screen = {"width": 320, "height": 640}
    receipts = [f"/console/requests/{request_id}" for request_id in costs]
    with visiting(browser, server, viewport=screen, color_scheme=scheme) as visitor:
        page = visitor.page
        for path in SITE:
            page.goto(path)
            check_narrow(page, path, scheme)
        visitor.sign_in()
        for path in (*CONSOLE, *receipts[:1]):
            page.goto(path)
            check_narrow(page, path, scheme)
        page.get_by_role("button", name="Menu").click()
        page.locator("summary", has_text="Access").click()
        page.get_by_role("link", name="Keys", exact=True).click()
        assert visitor.create_key(f"narrow {scheme}").startswith("sk-jtn-")
        check_narrow(page, "a new key", scheme)


def check_narrow(page: Page, path: str, scheme: str) -> None:
    """The page scrolls in one direction only, and is painted for its scheme."""
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == PAPER[scheme], path


def test_the_console_works_without_script(
    browser: Browser, server: ServerProcess, costs: dict[str, Decimal]
) -> None:
    request_id, cost = next(iter(costs.items()))
    with visiting(browser, server, java_script_enabled=False) as visitor:
        visitor.sign_in()
        visitor.page.get_by_role("link", name="Requests", exact=True).click()
        visitor.page.get_by_title(request_id).click()
        assert visitor.figure("Net amount") == cost
        visitor.page.get_by_role("button", name="Sign out").click()
        assert visitor.page.get_by_role("heading", name="Sign in").is_visible()


def test_every_page_of_the_console_has_a_twin_with_the_same_numbers(
    member: Visitor, server: ServerProcess, costs: dict[str, Decimal]
) -> None:
    request_id, cost = next(iter(costs.items()))
    for path in (*CONSOLE, f"/console/requests/{request_id}"):
        member.page.goto(path)
        link = member.page.get_by_role("link", name="JSON").first.get_attribute("href")
        assert link is not None
        assert link.partition("?")[0] == f"{path}.json"
        assert member.twin(link)["type"]
    amounts = balance(server)
    assert Decimal(member.twin("/console.json")["balance"]["available"]) == amounts["available"]
    listed = {entry["request_id"] for entry in member.twin("/console/requests.json")["data"]}
    assert set(costs) <= listed
    receipt = member.twin(f"/console/requests/{request_id}.json")
    assert Decimal(receipt["net_amount"]) == cost


def test_the_public_pages_show_the_settings_and_prices_of_this_installation(
    browser: Browser, server: ServerProcess
) -> None:
    models = get_models(server)
    with visiting(browser, server) as visitor:
        page = visitor.page
        page.goto("/faq")
        assert "$7.25, valid for 45 days" in page.locator("main").inner_text()
        page.goto("/pricing")
        shown = page.locator("main").inner_text()
        assert [name for name in models.values() if name not in shown] == []
        assert [model for model in models if f"{model}@" not in shown] == []


def get_models(server: ServerProcess) -> dict[str, str]:
    """Every model of ``/v1/models``: its display name by its id."""
    headers = {"x-api-key": server.demo["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"}
    answer = httpx2.get(f"{server.base_url}/v1/models?limit=1000", headers=headers)
    models = {model["id"]: model["display_name"] for model in answer.json()["data"]}
    assert "jeton-extract-1" in models
    return models


def test_an_unknown_page_is_a_page_that_leads_back(browser: Browser, server: ServerProcess) -> None:
    with visiting(browser, server) as visitor:
        for path in ("/nope", "/console/nope", "/docs/nope", "/static/nope.css"):
            answer = visitor.page.goto(path)
            assert answer is not None
            assert answer.status == 404
            assert visitor.page.get_by_role("heading", name="There is no such page").is_visible()
        visitor.page.get_by_role("link", name="first page").click()
        assert visitor.page.url == f"{server.base_url}/"
        # Chromium reports the status itself.
        assert visitor.complaints
        assert all(" 404 " in complaint for complaint in visitor.complaints)
        visitor.complaints.clear()
