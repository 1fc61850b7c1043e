"""A visitor with a real Chromium at a real server, who hears everything that the browser complains about."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tests.e2e.serving import ServerProcess

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
STEP_TIMEOUT_MS = 10_000


@dataclass
class Visitor:
    """A page, and everything that the browser complained about on it."""

    page: Page
    server: ServerProcess
    complaints: list[str] = field(default_factory=list)

    def sign_in(self, password: str = "", *, email: str = "") -> None:
        """Through the form; as the demo's member unless another is named."""
        demo = self.server.demo
        self.page.goto("/console")
        self.page.get_by_label("E-mail").fill(email or demo["JETON_CONSOLE_EMAIL"])
        self.page.get_by_label("Password").fill(password or demo["JETON_CONSOLE_PASSWORD"])
        self.page.get_by_role("button", name="Sign in").click()

    def create_key(self, name: str) -> str:
        """The secret of a new key, made on the keys page."""
        self.page.goto("/console/keys")
        self.page.get_by_text("Create a key").click()
        self.page.get_by_role("textbox", name="Name").fill(name)
        self.page.get_by_role("button", name="Create key").click()
        return self.page.locator("code.secret").inner_text()

    def figure(self, name: str) -> Decimal:
        """The exact amount under a heading of the figures, as its title has it."""
        amount = self.page.locator(".figures > div", has=self.page.get_by_text(name, exact=True))
        title = amount.locator(".money").first.get_attribute("title")
        assert title is not None
        return Decimal(title.replace("$", "").replace(",", ""))

    def cell(self, table: str, column: str) -> Decimal:
        """The exact amount of the first row under a column, as its title has it."""
        region = self.page.get_by_role("region", name=table)
        heads = [head.inner_text() for head in region.locator("thead th").all()]
        title = region.locator("tbody td").nth(heads.index(column)).locator(".money").get_attribute("title")
        assert title is not None
        return Decimal(title.replace("$", "").replace(",", ""))

    def twin(self, path: str) -> dict[str, Any]:
        """The JSON twin of a page of the Console."""
        answer = self.page.request.get(path)
        assert answer.ok, path
        data: dict[str, Any] = answer.json()
        return data


def follow_menu(page: Page, name: str) -> None:
    """An entry of the Console's menu, out of its group where that is folded."""
    menu = page.locator("nav[aria-label=Console]")
    exactly = re.compile(rf"^{re.escape(name)}$")
    entry = menu.locator("a").filter(has_text=exactly)
    if not entry.is_visible():
        menu.locator("details").filter(has=page.locator("a").filter(has_text=exactly)).locator(
            "summary"
        ).click()
    entry.click()


@contextlib.contextmanager
def launching() -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright."""
    if not CHROMIUM.exists():
        pytest.fail(f"There is no {CHROMIUM}; ./test installs it as root, or: apt-get install chromium.")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)


@contextlib.contextmanager
def visiting(browser: Browser, server: ServerProcess, **options: Any) -> Iterator[Visitor]:  # noqa: ANN401 - options of a browser's context
    """Somebody with a fresh browser, who at the end has had nothing to complain of."""
    context = browser.new_context(base_url=server.base_url, **options)
    context.set_default_timeout(STEP_TIMEOUT_MS)
    visitor = Visitor(context.new_page(), server)

    def note(entry: Any) -> None:  # noqa: ANN401 - a message of the console, or an error of a script
        if getattr(entry, "type", "error") == "error":
            visitor.complaints.append(str(getattr(entry, "text", entry)))

    # A page that breaks its content security policy says so in the console too.
    context.on("console", note)
    context.on("weberror", lambda error: note(error.error))
    yield visitor
    context.close()
    assert visitor.complaints == []
