"""Readers' journeys: ask a question of the docs, and say whether a page helped; with a script and without."""

import re

from playwright.sync_api import Browser, Page, expect
from tests.browser.visiting import Visitor, visiting
from tests.e2e.serving import ServerProcess

QUESTION = "How do discounts stack?"
ANSWER = "Batch API and prompt caching discounts can be combined."
UNANSWERABLE = "What is quantum entanglement?"


def ask_in_dialog(page: Page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()


def test_a_question_is_answered_in_the_bubble_with_a_link_to_where_it_stands(visitor: Visitor) -> None:
    page = visitor.page
    page.goto("/docs/tokens")
    page.get_by_role("link", name="Ask Docs").click()
    dialog = page.get_by_role("dialog", name="Ask Docs")
    ask_in_dialog(page, QUESTION)
    expect(dialog).to_contain_text(ANSWER)
    ask_in_dialog(page, UNANSWERABLE)
    expect(dialog).to_contain_text("I don’t know.")
    ask_in_dialog(page, f"{UNANSWERABLE} <img src=x onerror=alert(1)>")
    expect(dialog).to_contain_text("<img src=x onerror=alert(1)>")
    assert dialog.locator("img").count() == 0
    dialog.get_by_role("link", name=re.compile("How do discounts stack")).first.click()
    page.wait_for_url("**/faq#stacking")
    assert page.locator("#stacking").is_visible()


def test_the_bubble_is_used_with_the_keyboard(visitor: Visitor) -> None:
    page = visitor.page
    page.goto("/docs")
    page.get_by_role("link", name="Ask Docs").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_contain_text(ANSWER)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Ask Docs")).to_be_hidden()


def test_a_question_is_answered_without_a_script(browser: Browser, server: ServerProcess) -> None:
    with visiting(browser, server, java_script_enabled=False) as reader:
        page = reader.page
        page.goto("/docs/tokens")
        page.get_by_role("link", name="Ask Docs").click()
        page.get_by_label("Your question").fill(QUESTION)
        page.get_by_role("button", name="Ask", exact=True).click()
        assert ANSWER in page.locator("main").inner_text()
        assert page.locator("main a[href='/faq#stacking']").count() == 1
        page.get_by_label("Another question").fill(UNANSWERABLE)
        page.get_by_role("button", name="Ask", exact=True).click()
        assert "I don’t know." in page.locator("main").inner_text()


def test_the_search_opens_over_any_page_and_leads_to_the_section(visitor: Visitor) -> None:
    """With a mistake in it, and with nothing but the keyboard; Escape goes back to the page."""
    page = visitor.page
    page.goto("/faq")
    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog", name="Search the documentation")
    expect(dialog.get_by_label("Search for")).to_be_focused()
    page.keyboard.type("chache breaks")
    expect(dialog.get_by_role("link").first).to_contain_text("Prompt caching")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name="Search").click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/docs/prompt-caching#*")


def test_a_vote_is_given_changed_and_explained_and_the_operator_sees_it(visitor: Visitor) -> None:
    page = visitor.page
    page.goto("/docs/budgets")
    page.get_by_role("button", name="Yes, this page was helpful").click()
    expect(page.get_by_role("heading", name="Thank you: it was helpful.")).to_be_focused()
    page.get_by_role("button", name="No, it was not helpful").click()
    expect(page.get_by_role("heading", name="Thank you: it was not helpful.")).to_be_visible()
    page.get_by_text("A number is wrong").click()
    page.get_by_label("In your words").fill("The month has 31 days.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_label("A number is wrong")).to_be_checked()
    assert page.url.endswith("/docs/budgets")
    visitor.sign_in()
    page.goto("/console/docs-feedback")
    row = page.get_by_role("region", name="Votes by page").get_by_role("row", name="budgets")
    assert "0.00\u00a0%" in row.inner_text()
    said = page.get_by_role("region", name="Comments").inner_text()
    assert "The month has 31 days." in said
    assert "a number is wrong" in said
    page.goto("/console/inbox?kind=docs_feedback")
    assert "The month has 31 days." in page.locator("main").inner_text()


def test_a_vote_needs_no_script(browser: Browser, server: ServerProcess) -> None:
    with visiting(browser, server, java_script_enabled=False) as reader:
        page = reader.page
        page.goto("/docs/credits")
        page.get_by_role("button", name="No, this page was not helpful").click()
        page.get_by_text("It is outdated").click()
        page.get_by_role("button", name="Send").click()
        assert page.get_by_label("It is outdated").is_checked()
        page.get_by_role("link", name="Back to the page").click()
        assert page.url == f"{server.base_url}/docs/credits"


def test_questions_and_votes_fit_a_narrow_screen(browser: Browser, server: ServerProcess) -> None:
    screen = {"width": 320, "height": 640}
    with visiting(browser, server, viewport=screen) as reader:
        page = reader.page
        page.goto("/docs/ask")
        page.get_by_label("Your question").fill(QUESTION)
        page.get_by_role("button", name="Ask", exact=True).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.goto("/docs/receipts")
        page.get_by_role("button", name="No, this page was not helpful").click()
        page.get_by_text("It is unclear").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.get_by_role("link", name="Ask Docs").click()
        box = page.get_by_role("dialog", name="Ask Docs").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
