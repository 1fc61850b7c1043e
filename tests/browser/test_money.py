"""Journeys about money: buy credit on the provider's page, a decline, an invoice as PDF, and the switch.

The payment provider is a process of its own; where it has a person's card, no page of ours does.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from pypdf import PdfReader
from tests.browser.auditing import Auditor
from tests.browser.test_journeys import read_strip
from tests.browser.visiting import Visitor, follow_menu, visiting
from tests.e2e.books import query
from tests.e2e.serving import ServerProcess, make_sdk, run_jeton, serving
from tests.stripe_server.running import SECRET_KEY, WEBHOOK_SECRET, stripe_server

QUESTION: Any = {"role": "user", "content": "A jeton is a counter. What is a jeton?"}
ADDRESS = {
    "Legal name": "Example GmbH",
    "Street and number": "Allee 3",
    "Postal code": "20095",
    "City": "Hamburg",
    "Country, two letters": "DE",
    "VAT number": "DE136695976",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that takes cards, taxes them as Germany does, and has an address for transfers."""
    with stripe_server() as provider:
        environment = {
            "JETON_STRIPE_SECRET_KEY": SECRET_KEY,
            "JETON_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "JETON_STRIPE_URL": provider.url,
            "JETON_SELLER_NAME": "Jeton GmbH",
            "JETON_SELLER_STREET": "Weg 1",
            "JETON_SELLER_CITY": "Berlin",
            "JETON_SELLER_POSTAL_CODE": "10115",
            "JETON_SELLER_COUNTRY": "DE",
            # Without it there is no EN 16931 invoice with tax.
            "JETON_SELLER_VAT_NUMBER": "DE136695976",
            "JETON_TAX_RATES": "DE=19",
            "JETON_BANK_IBAN": "DE02120300000000202051",
        }
        with serving(tmp_path_factory.mktemp("money") / "data", environment=environment) as started:
            yield started


@pytest.fixture
def buyer(browser: Browser, shop: ServerProcess) -> Iterator[Visitor]:
    """The demo's member, who is also the operator, signed in."""
    with visiting(browser, shop) as visitor:
        visitor.sign_in()
        yield visitor
        # The provider's page has no icon, which a browser complains of; ours are audited below.
        visitor.complaints.clear()


def give_card(page: Page, number: str) -> None:
    """On the provider's page."""
    page.get_by_label("Card number").fill(number)
    page.locator("form button").click()


def save_card(page: Page, number: str) -> None:
    page.goto("/console/billing/cards")
    page.get_by_role("button", name="Add a card").click()
    page.get_by_role("link", name="Go on to the card").click()
    give_card(page, number)
    page.get_by_text("You are back from the payment provider.").wait_for()


def enter_address(page: Page) -> None:
    page.goto("/console/invoices/profile")
    for label, text in ADDRESS.items():
        page.get_by_label(label).fill(text)
    page.get_by_label("Documents are mailed to").fill("ap@example.com")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.").wait_for()


def buy(page: Page, dollars: str) -> None:
    """From the menu to the price."""
    follow_menu(page, "Payments")
    page.get_by_role("link", name="Buy credit", exact=True).first.click()
    page.get_by_label("Credit, dollars").fill(dollars)
    page.get_by_role("button", name="Show what it costs").click()


def buy_with_new_card(page: Page) -> None:
    """$100 of credit, on the provider's page."""
    enter_address(page)
    buy(page, "100")
    page.get_by_label("with another card").check()
    page.get_by_role("button", name="Pay $119.00").click()
    page.get_by_role("link", name="Go on to pay $119.00").click()
    give_card(page, "4242424242424242")
    page.get_by_text("Paid.", exact=True).wait_for()


def test_credit_is_bought_on_the_providers_page_after_a_decline_there(buyer: Visitor) -> None:
    page = buyer.page
    enter_address(page)
    before = read_strip(page, "Available")
    buy(page, "100")
    page.get_by_label("with another card").check()
    page.get_by_role("button", name="Pay $119.00").click()
    page.get_by_role("link", name="Go on to pay $119.00").click()
    give_card(page, "4000000000009995")
    assert "insufficient funds" in page.get_by_role("alert").inner_text()
    give_card(page, "4242424242424242")
    page.get_by_text("Paid.", exact=True).wait_for()
    assert "/console/billing/payments/pay_" in page.url
    assert read_strip(page, "Available") == before + 100
    page.goto("/console/billing/cards")
    assert "4242" in page.get_by_role("region", name="Cards").inner_text()


def test_a_declined_card_says_why_and_another_one_pays(buyer: Visitor) -> None:
    page = buyer.page
    enter_address(page)
    save_card(page, "4000000000000341")
    save_card(page, "5555555555554444")
    before = read_strip(page, "Available")
    buy(page, "25")
    page.get_by_label("0341").first.check()
    page.get_by_role("button", name="Pay $29.75").click()
    assert "Your card was declined." in page.get_by_role("alert").inner_text()
    assert read_strip(page, "Available") == before
    page.get_by_label("4444").first.check()
    page.get_by_role("button", name="Pay $29.75").click()
    page.get_by_text("Paid.", exact=True).wait_for()
    assert read_strip(page, "Available") == before + 25
    page.get_by_label("Credit, dollars (empty: all of it)").fill("5")
    page.get_by_label("Reason").fill("too much")
    page.get_by_role("button", name="Refund").click()
    assert "$5.95" in page.get_by_role("region", name="Refunds").inner_text()
    assert read_strip(page, "Available") == before + 20


def test_a_bank_that_asks_is_answered_and_one_comes_back_paid(buyer: Visitor) -> None:
    page = buyer.page
    enter_address(page)
    buy(page, "10")
    page.get_by_label("with another card").check()
    page.get_by_role("button", name="Pay $11.90").click()
    page.get_by_role("link", name="Go on to pay $11.90").click()
    give_card(page, "4000002760003184")
    page.get_by_role("button", name="Complete").click()
    page.get_by_text("Paid.", exact=True).wait_for()


def test_auto_reload_is_switched_on_and_off(buyer: Visitor) -> None:
    page = buyer.page
    page.goto("/console/billing/auto-reload")
    page.get_by_label("Below, dollars").fill("1")
    page.get_by_label("buy up to").fill("50")
    page.get_by_label("at most a month").fill("200")
    page.get_by_role("button", name="Switch on").click()
    assert "There is enough credit." in page.locator("main").inner_text()
    page.get_by_role("button", name="Switch off").click()
    assert "A member switched it off." in page.locator("main").inner_text()


def test_the_receipt_of_a_purchase_is_a_pdf_and_the_draft_has_what_was_used(
    buyer: Visitor, shop: ServerProcess
) -> None:
    page = buyer.page
    buy_with_new_card(page)
    with make_sdk(shop) as client:
        client.messages.create(model="claude-sonnet-5-5", max_tokens=30, messages=[QUESTION])
    follow_menu(page, "Invoices")
    row = page.get_by_role("region", name="Documents").get_by_role("row", name="$119.00").first
    row.get_by_role("link").first.click()
    assert page.get_by_role("heading", level=1).inner_text().startswith("Receipt RCT-")
    assert "Example GmbH" in page.locator("main").inner_text()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="PDF", exact=True).click()
    assert waiting.value.path().read_bytes()[:5] == b"%PDF-"
    page.goto("/console/invoices/draft")
    assert "claude-sonnet-5-5" in page.get_by_role("region", name="Lines").inner_text()


def switch_to_invoices(buyer: Visitor) -> None:
    """As the operator, on the page of the organization."""
    page = buyer.page
    enter_address(page)
    follow_menu(page, "Organizations")
    page.get_by_role("link", name="Demo", exact=True).first.click()
    page.get_by_role("link", name="Agreements: discounts").click()
    form = page.get_by_role("form", name="Invoice it")
    form.get_by_label("limit").fill("500")
    form.get_by_label("Why").fill("signed on Monday")
    form.get_by_role("button").click()
    assert "signed on Monday" in page.locator("main").inner_text()
    page.goto("/console/invoices")
    assert "Invoiced, for Example GmbH" in page.locator("main").inner_text()


def test_every_page_about_money_is_as_it_should_be_with_data(buyer: Visitor) -> None:
    page = buyer.page
    buy_with_new_card(page)
    auditor = Auditor(page)
    payment = buyer.twin("/console/billing/payments.json")["data"][0]["id"]
    document = buyer.twin("/console/invoices.json")["data"][0]["id"]
    paths = (
        "/console/billing",
        "/console/billing/buy?amount=100",
        "/console/billing/payments",
        f"/console/billing/payments/{payment}",
        "/console/billing/cards",
        "/console/billing/auto-reload",
        "/console/invoices",
        f"/console/invoices/{document}",
        "/console/invoices/draft",
        "/console/invoices/statement",
        "/console/invoices/profile",
        "/console/receivables",
        f"/console/receivables/documents/{document}",
        "/console/receivables/payments",
        "/console/receivables/bank",
        "/console/receivables/overdue",
        "/console/receivables/owed",
        "/console/receivables/rates",
        f"/console/organizations/{buyer.twin('/console/organizations.json')['data'][0]['id']}/billing-profile",
        "/console/close",
    )
    problems = [problem for path in paths for problem in auditor.audit(path)]
    assert not problems, "\n".join(problems)
    buyer.complaints.clear()


def end_credit(shop: ServerProcess) -> None:
    """Take all credit back, as an operator does at the command line: what is used next is on an invoice."""
    environment = {"JETON_DATA_DIR": str(shop.data_dir)}
    for (lot_id,) in query(shop, "SELECT lot_id FROM lots WHERE is_open"):
        done = run_jeton("credits", "revoke", lot_id, "--reason", "paid by invoice", environment=environment)
        assert done.returncode == 0, done.stderr


def let_a_month_pass(shop: ServerProcess) -> None:
    """What was used is five weeks ago: nobody waits for a month, and a period is billed when it is over."""
    for statement in (
        "UPDATE usage_quarters SET quarter_at = quarter_at - interval '35 days' RETURNING 1",
        "UPDATE usage_rollups SET day_on = day_on - 35 RETURNING 1",
        "UPDATE organizations SET created_at = created_at - interval '35 days' RETURNING 1",
    ):
        assert query(shop, statement)


def find_amounts(document: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - a document as JSON
    return [(line["description"], line["net_amount"]) for line in document["lines"]]


def download_pdf(page: Page) -> PdfReader:
    with page.expect_download() as waiting:
        page.get_by_role("link", name="PDF", exact=True).click()
    content = waiting.value.path().read_bytes()
    assert content[:5] == b"%PDF-"
    return PdfReader(BytesIO(content))


def test_an_organization_is_switched_to_invoices_and_the_first_is_a_pdf_that_a_card_pays(
    buyer: Visitor, shop: ServerProcess
) -> None:
    """Five requests of about 100,000 tokens at $2 a million are about a dollar, on the credit limit."""
    page = buyer.page
    switch_to_invoices(buyer)
    end_credit(shop)
    with make_sdk(shop) as client:
        for number in range(5):
            text = f"{number}: What is a jeton? " + "A jeton is a counter of the old reckoners. " * 11_000
            client.messages.create(
                model="claude-sonnet-5-5", max_tokens=30, messages=[{"role": "user", "content": text}]
            )
    follow_menu(page, "Invoices")
    page.goto("/console/invoices/draft")
    assert page.get_by_role("heading", level=1).inner_text().startswith("Invoice")
    draft: Any = buyer.twin("/console/invoices/draft.json")["drafts"][0]
    assert (draft["state"], Decimal(draft["due_amount"]) > Decimal("0.50")) == ("draft", True)
    let_a_month_pass(shop)
    ((organization_id,),) = query(shop, "SELECT organization_id FROM organizations")
    follow_menu(page, "Receivables")
    page.get_by_label("The oldest period that is over").fill(str(organization_id))
    page.get_by_role("button", name="Issue").click()
    page.get_by_role("region", name="Documents").get_by_role("link", name="INV-").first.wait_for()
    follow_menu(page, "Invoices")
    page.get_by_role("region", name="Documents").get_by_role("link", name="INV-").first.click()
    assert page.get_by_role("heading", level=1).inner_text().startswith("Invoice INV-")
    assert "reminder 1 on" in page.locator("main").inner_text()
    issued = buyer.twin(f"{page.url.removeprefix(shop.base_url)}.json")
    assert (issued["state"], issued["due_amount"]) == ("issued", draft["due_amount"])
    assert find_amounts(issued) == find_amounts(draft)
    reader = download_pdf(page)
    assert issued["number"] in reader.pages[0].extract_text()
    assert b"CrossIndustryInvoice" in reader.attachments["factur-x.xml"][0]
    page.get_by_label("with another card").check()
    page.get_by_role("button", name=re.compile("^Pay ")).click()
    page.get_by_role("link", name=re.compile("^Go on to pay ")).click()
    give_card(page, "4242424242424242")
    page.get_by_text("Paid.", exact=True).wait_for()
    paid = buyer.twin(f"/console/invoices/{issued['id']}.json")
    assert (paid["state"], paid["due_amount"], len(paid["payments"])) == ("paid", "0.00", 1)
