"""Auditing: what is wrong with a page for a browser and for axe, in both themes, wide and narrow."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2
from playwright.sync_api import CDPSession, ConsoleMessage, Page, Response

WIDE: Any = {"width": 1440, "height": 900}
NARROW: Any = {"width": 320, "height": 640}
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
# The house's own warm white and ink: what a page is painted with.
PAPER = {"light": "rgb(250, 246, 238)", "dark": "rgb(25, 24, 22)"}
PAGE_BYTES_MAX = 100_000
# Tables of the Console that are wider than their box, by their names.
CUT = """() => [...document.querySelectorAll(".app .scroll")]
    .filter((box) => box.scrollWidth > box.clientWidth + 1)
    .map((box) => `${box.getAttribute("aria-label")}: ${box.scrollWidth} in ${box.clientWidth}`)"""
# Loaded by the pages that explore only, and counted by nobody else.
CHARTS = re.compile(r"/static/[\w.-]*(echarts|charts)[\w.-]*\.js")
LINK = re.compile(r'<a\b[^>]*?\bhref="(/[^"#?]*)')
# What tells pages of one kind apart is no kind of page: ids, names of models, dates, numbers.
NAME = re.compile(r"[a-z]+_[0-9A-Za-z]{8,}|[0-9a-f]{8}-[0-9a-f-]{27}|\d[\d.-]*")
PAGES_MAX = 400


@cache
def read_axe() -> str:
    """The source of axe-core, out of the package that brings it."""
    return resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


@cache
def read_question() -> str:
    """The function that asks axe on a page, and says how."""
    return Path(__file__).with_name("asking_axe.js").read_text("utf-8")


class Auditor:
    """A browser's page that goes from address to address and notes what is wrong with each."""

    def __init__(self, page: Page) -> None:
        """Watch everything that this page loads."""
        self.page = page
        self.problems: list[str] = []
        self._bytes = 0
        self._urls: dict[str, str] = {}
        self._readable: set[str] = set()
        page.on("console", self._note_entry)
        page.on("pageerror", lambda error: self._note(f"script: {error}"))
        page.on("requestfailed", lambda request: self._note_failure(request.url, request.failure or ""))
        page.on("response", self._note_refusal)
        session: CDPSession = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        session.on("Network.responseReceived", self._note_answer)
        session.on("Network.loadingFinished", self._count_bytes)

    def audit(self, path: str) -> list[str]:
        """Everything that is wrong with the page at an address; empty for a page as it should be."""
        self.problems, self._bytes = [], 0
        self.page.set_viewport_size(WIDE)
        self.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        self.page.goto(path)
        if self._bytes > PAGE_BYTES_MAX:
            self._note(f"{self._bytes} bytes were transferred, more than {PAGE_BYTES_MAX}")
        self.page.evaluate(read_axe())
        # Axe sees every screen and every theme; twice is enough, since colours do not depend on widths.
        self._look(WIDE, "light")
        for table in self.page.evaluate(CUT):
            self._note(f"a table is cut on a usual screen: {table} pixels")
        self._ask_axe("wide, light")
        self._look(WIDE, "dark")
        self._look(NARROW, "light")
        self._look(NARROW, "dark")
        self._ask_axe("narrow, dark")
        return [f"{path}: {problem}" for problem in dict.fromkeys(self.problems)]

    def _look(self, screen: Any, scheme: Any) -> None:  # noqa: ANN401 - a viewport and a scheme of Playwright
        """The page fits the screen and is painted for the scheme; both stay chosen."""
        self.page.set_viewport_size(screen)
        self.page.emulate_media(color_scheme=scheme)
        width, painted = self.page.evaluate(
            "() => [document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor]"
        )
        if width > screen["width"]:
            self._note(f"{width} pixels wide on a screen of {screen['width']}")
        if painted != PAPER[scheme]:
            self._note(f"painted {painted} in the {scheme} scheme")

    def _ask_axe(self, where: str) -> None:
        answer = self.page.evaluate(read_question(), [TAGS, sorted(self._readable)])
        self._readable.update(answer["readable"])
        for rule, told in answer["problems"]:
            self._note(f"{rule} ({where}): {told}")

    def _note(self, problem: str) -> None:
        self.problems.append(problem)

    def _note_entry(self, entry: ConsoleMessage) -> None:
        # A page that breaks its content security policy says so in the console too.
        if entry.type == "error":
            self._note(f"console: {entry.text}")

    def _note_refusal(self, answer: Response) -> None:
        if answer.status >= 400:
            self._note(f"{answer.status}: {answer.url}")

    def _note_failure(self, url: str, failure: str) -> None:
        # A stream of events is cut by going on to the next page.
        if "ERR_ABORTED" not in failure:
            self._note(f"{failure}: {url}")

    def _note_answer(self, event: dict[str, Any]) -> None:
        self._urls[event["requestId"]] = event["response"]["url"]

    def _count_bytes(self, event: dict[str, Any]) -> None:
        if not CHARTS.search(self._urls.get(event["requestId"], "")):
            self._bytes += int(event["encodedDataLength"])


@dataclass
class Found:
    """One page of every kind that links lead to, and the links that lead nowhere, with where they stand."""

    pages: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)


def find_pages(client: httpx2.Client, starts: Sequence[str]) -> Found:
    """Go from these to every kind of page that there is; files are asked for, and not followed."""
    found = Found()
    waiting, seen = [(start, "the menu") for start in starts], {name_kind(start) for start in starts}
    for path, source in waiting:
        assert len(waiting) <= PAGES_MAX, "The pages have no end."
        answer = client.get(path)
        if answer.status_code != 200:
            found.dead.append(f"{path}, from {source}: {answer.status_code}")
        if answer.status_code != 200 or not answer.headers["content-type"].startswith("text/html"):
            continue
        if "." not in path.rpartition("/")[2]:
            found.pages.append(path)
        if path.startswith("/docs/") and answer.text.count("<h1") != 1:
            found.dead.append(f"{path}: it has not one heading")
        for link in LINK.findall(answer.text):
            target = urlsplit(urljoin(path, unescape(link))).path
            kind = name_kind(target)
            if kind not in seen:
                seen.add(kind)
                waiting.append((target, path))
    return found


def name_kind(path: str) -> str:
    """The address with its names left out: receipts of two requests are of one kind."""
    return NAME.sub("*", path)
