"""Every page there is, by menu, documents and links: sound, small, for everybody, and without script."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser
from tests.browser.auditing import NARROW, Auditor, Found, find_pages, name_kind
from tests.browser.conftest import Busy
from tests.browser.visiting import Visitor, visiting

from jeton.console.navigation import GROUPS
from jeton.site.documents import Documents

CONSOLE = tuple(entry.href for group in GROUPS for entry in group.entries)
DOCUMENTS = tuple(f"/docs/{document.slug}" for document in Documents().list())
# Of other kinds than what the menu opens: their links have no path of their own.
NARROWED = (
    "/console/usage?state=released",
    "/console/cost?token_class=output_tokens&compare=previous",
    "/console/organizations/new?name=Example+GmbH&email=ada@example.com",
)
PUBLIC = ("/", "/pricing", "/faq", "/docs", "/contact-sales", "/console/sign-in")
# So many documents are opened without a script.
DOCUMENTS_MAX = 5
SEEN = frozenset(name_kind(path) for path in (*CONSOLE, *DOCUMENTS, *PUBLIC))


@pytest.fixture(scope="module")
def member(browser: Browser, busy: Busy) -> Iterator[Visitor]:
    """The busy organization's member, who goes through all of the Console."""
    with visiting(browser, busy.server) as visitor:
        visitor.sign_in()
        yield visitor
        # The auditor heard them too, and told which page they are of.
        visitor.complaints.clear()


@pytest.fixture(scope="module")
def inside(member: Visitor) -> Auditor:
    """Audits what members see."""
    return Auditor(member.page)


@pytest.fixture(scope="module")
def outside(browser: Browser, busy: Busy) -> Iterator[Auditor]:
    """Audits what everybody sees."""
    with visiting(browser, busy.server) as visitor:
        yield Auditor(visitor.page)
        visitor.complaints.clear()


@pytest.fixture(scope="module")
def found(member: Visitor, busy: Busy) -> Found:
    """What links lead to for a member, who sees everything that everybody does."""
    cookies = {c["name"]: c["value"] for c in member.page.context.cookies()}
    with httpx2.Client(base_url=busy.server.base_url, cookies=cookies, follow_redirects=True) as client:
        return find_pages(client, (*CONSOLE, *PUBLIC))


@pytest.mark.parametrize("path", [*CONSOLE, *NARROWED])
def test_a_page_of_the_console_is_as_it_should_be(inside: Auditor, path: str) -> None:
    check(inside.audit(path))


@pytest.mark.parametrize("path", [*PUBLIC, *DOCUMENTS])
def test_a_public_page_is_as_it_should_be(outside: Auditor, path: str) -> None:
    check(outside.audit(path))


def test_no_link_is_dead(found: Found) -> None:
    assert found.dead == []


def test_what_links_lead_to_is_as_it_should_be_too(inside: Auditor, found: Found) -> None:
    """Receipts, batches, invoices: no menu names them."""
    others = [path for path in found.pages if name_kind(path) not in SEEN]
    assert any(name_kind(path) == "/console/requests/*" for path in others)
    check([problem for path in others for problem in inside.audit(path)])


def test_a_batch_that_waits_to_be_confirmed_is_as_it_should_be(inside: Auditor, member: Visitor) -> None:
    """A draft's page: no link leads there, only the form that makes it."""
    member.page.goto("/console/batches/quote")
    params = '{"model": "claude-haiku-4-5", "max_tokens": 20, "messages": [{"role": "user", "content": "?"}]}'
    member.page.get_by_label("or paste the lines").fill(f'{{"custom_id": "first", "params": {params}}}')
    member.page.locator("#key_id").select_option(index=1)
    member.page.get_by_role("button", name="Check and quote").click()
    member.page.wait_for_url("**/console/batches/drafts/*")
    check(inside.audit(urlsplit(member.page.url).path))


def test_every_page_works_without_script(browser: Browser, busy: Busy, found: Found) -> None:
    with visiting(browser, busy.server, java_script_enabled=False, viewport=NARROW) as visitor:
        for path in PUBLIC:
            check_heading(visitor, path)
        visitor.sign_in()
        # Pages of the docs are of one template; each was asked for without a browser, and has one heading.
        documents = [path for path in found.pages if path.startswith("/docs/")]
        for path in (*(path for path in found.pages if path not in documents), *documents[:DOCUMENTS_MAX]):
            check_heading(visitor, path)
        visitor.page.goto("/console")
        # The menu of a narrow screen opens without a script too.
        menu = visitor.page.get_by_role("navigation", name="Console")
        link = menu.get_by_role("link", name="Keys", exact=True)
        assert not link.is_visible()
        visitor.page.get_by_role("button", name="Menu").click()
        visitor.page.get_by_role("group").filter(has_text="Access").locator("summary").click()
        link.click()
        assert visitor.page.url.endswith("/console/keys")


def check(problems: list[str]) -> None:
    """There are none; all of them are told, whole."""
    assert not problems, "\n".join(problems)


def check_heading(visitor: Visitor, path: str) -> None:
    """The page is there, with one heading that says what it is."""
    answer = visitor.page.goto(path, wait_until="domcontentloaded")
    assert answer is not None
    assert answer.status == 200, path
    assert visitor.page.locator("h1:visible").count() == 1, path
