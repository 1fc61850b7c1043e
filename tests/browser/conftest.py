"""Fixtures of the browser tests: one server with a busy organization, and a browser for each file.

The browser is not shared by files: while Playwright runs, its loop is the thread's running one, and
tests of other folders have loops of their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser
from tests.browser.traffic import send_traffic
from tests.browser.visiting import Visitor, launching, visiting
from tests.e2e.serving import ServerProcess, serving


@dataclass(frozen=True)
class Busy:
    """A server whose demo organization was busy, and some of the requests it sent."""

    server: ServerProcess
    request_ids: list[str]


@pytest.fixture(scope="session")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    """A server with traffic of every kind, for whoever only reads pages."""
    trial = {"JETON_TRIAL_AMOUNT_USD": "25", "JETON_SUPPORT_EMAIL": "help@example.com"}
    with serving(tmp_path_factory.mktemp("browser") / "data", environment=trial) as started:
        yield Busy(started, send_traffic(started))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A fresh server of this file's own, for journeys that change what others would see."""
    with serving(tmp_path_factory.mktemp("journey") / "data") as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with launching() as launched:
        yield launched


@pytest.fixture
def visitor(browser: Browser, server: ServerProcess) -> Iterator[Visitor]:
    """Somebody with a fresh browser at this file's server, not signed in."""
    with visiting(browser, server) as made:
        yield made


@pytest.fixture
def member(visitor: Visitor) -> Visitor:
    """The demo's member at this file's server, signed in."""
    visitor.sign_in()
    return visitor
