"""Fixtures for all tests: a real PostgreSQL, a fresh migrated database for each test, no network in units."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

from jeton.db.embedded import EmbeddedServer
from jeton.db.migrating import migrate
from jeton.db.pool import Pool, open_pool
from jeton.ids import new_id

TESTS_DIR = Path(__file__).parent
DEBIAN_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
TEMPLATE = "jeton_template"

# A test's database need not survive a power cut; and a vacuum in it would stand in the way of dropping it.
TEST_OPTIONS = {"autovacuum": "off", "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}

# Databases, data directories and everything else a test writes: in memory where there is room. A copy of the
# template takes 0.03 s there and half a second on a busy disk, which with a thousand of them is minutes.
MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own there, for this user alone
MEMORY_BYTES_MIN = 4 * 1024**3
TEMPORARY_ROOT = "PYTEST_DEBUG_TEMPROOT"


def pytest_configure() -> None:
    """Temporary folders are in memory, unless somebody said where; and no example has a deadline.

    A busy machine is slow, and a test that fails for that says nothing.
    """
    settings.register_profile("jeton", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("jeton")
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN:
        os.environ.setdefault(TEMPORARY_ROOT, str(MEMORY))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Choose the PostgreSQL that the tests run against."""
    parser.addoption(
        "--postgresql",
        choices=["18", "15"],
        default="18",
        help="18: the embedded one (default). 15: Debian's, the oldest that Jeton supports.",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On another PostgreSQL run what asks it something; everything else would only be run twice."""
    if config.getoption("--postgresql") == "18":
        return
    asking = [item for item in items if "server_url" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=[item for item in items if item not in asking])
    items[:] = asking


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unit tests reach nothing outside their process."""
    if not request.path.is_relative_to(TESTS_DIR / "unit"):
        return

    def refuse(*_: object) -> NoReturn:
        pytest.fail("A unit test opened a connection.")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)


@pytest.fixture(scope="session")
def debian_programs() -> Path:
    """The folder of Debian's PostgreSQL 15."""
    if not DEBIAN_PROGRAMS.is_dir():
        pytest.skip("Debian's PostgreSQL 15 is not installed: apt-get install postgresql-15")
    return DEBIAN_PROGRAMS


@pytest.fixture(scope="session")
def server_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL of our own, for the whole run."""
    programs = None
    if request.config.getoption("--postgresql") == "15":
        programs = request.getfixturevalue("debian_programs")
    server = EmbeddedServer(tmp_path_factory.mktemp("postgres"), programs=programs, options=TEST_OPTIONS)
    yield asyncio.run(server.start())
    asyncio.run(server.stop())


@pytest.fixture(scope="session")
def template_url(server_url: str) -> str:
    """A server with a migrated database to copy; nobody stays connected to it."""
    _execute(server_url, "CREATE DATABASE {}", TEMPLATE)
    asyncio.run(migrate(replace_database(server_url, TEMPLATE)))
    return server_url


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """A fresh database without any schema."""
    name = new_id("empty")
    _execute(server_url, "CREATE DATABASE {}", name)
    yield replace_database(server_url, name)
    _execute(server_url, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def database_url(template_url: str) -> Iterator[str]:
    """A fresh migrated database."""
    name = new_id("test")
    _execute(template_url, "CREATE DATABASE {} TEMPLATE jeton_template STRATEGY FILE_COPY", name)
    yield replace_database(template_url, name)
    _execute(template_url, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """An open pool on a fresh migrated database."""
    pool = await open_pool(database_url)
    yield pool
    await pool.close()


def replace_database(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _execute(url: str, statement: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
