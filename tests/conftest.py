"""Fixtures for all tests: a real PostgreSQL, a fresh migrated database for each test, no network in units."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Generator, Iterator
from functools import partialmethod
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit, urlunsplit

import jinja2
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from jinja2.bccache import Bucket
from psycopg import sql
from tests.statements import Statements, read_statements, select_asking

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


class CompiledTemplates(jinja2.BytecodeCache):
    """Templates compiled once a process, as in a server; each test has an environment of its own.

    Jinja's key is a template's name, file and text, which say all that its code depends on.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Bucket] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what was compiled before, if anything was."""
        kept = self._kept.get((bucket.key, bucket.checksum))
        if kept is not None:
            bucket.code = kept.code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was just compiled."""
        self._kept[bucket.key, bucket.checksum] = bucket


NOTED = pytest.StashKey[Statements]()


def pytest_configure(config: pytest.Config) -> None:
    """Temporary folders are in memory, unless somebody said where; and no example has a deadline.

    A busy machine is slow, and a test that fails for that says nothing. Templates are compiled once: a page
    of the Console is several of them, and compiling those takes longer than making the page.
    """
    make = partialmethod(jinja2.Environment.__init__, bytecode_cache=CompiledTemplates())
    jinja2.Environment.__init__ = make  # type: ignore[method-assign, assignment]  # the default of an argument
    if config.getoption("--postgresql") == "18":
        config.stash[NOTED] = Statements(_find_notes(config))
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
    parser.addoption(
        "--each-statement",
        type=int,
        metavar="TIMES",
        help="On another PostgreSQL: leave out tests whose every statement TIMES tests asked before them.",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Note what each test asks of PostgreSQL."""
    statements = item.config.stash.get(NOTED, None)
    if statements is None:
        return (yield)
    statements.begin()
    outcome = yield
    statements.end(item)
    return outcome


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep what was noted for a run on another PostgreSQL."""
    statements = session.config.stash.get(NOTED, None)
    if statements is not None:
        statements.write()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On another PostgreSQL run what asks it something; everything else would only be run twice."""
    if config.getoption("--postgresql") == "18":
        return
    asking = [item for item in items if "server_url" in getattr(item, "fixturenames", ())]
    times = config.getoption("--each-statement")
    if times:
        noted = read_statements(_find_notes(config))
        chosen = select_asking([item.nodeid for item in asking], noted, times=times)
        asking = [item for item in asking if item.nodeid in chosen]
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
def keeper(server_url: str) -> Iterator[psycopg.Connection]:
    """Who makes and drops the run's databases: a new connection for each would take as long as the copy."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def template_url(server_url: str, keeper: psycopg.Connection) -> str:
    """A server with a migrated database to copy; nobody stays connected to it."""
    _execute(keeper, "CREATE DATABASE {}", TEMPLATE)
    url = replace_database(server_url, TEMPLATE)
    asyncio.run(migrate(url))
    # Whoever comes first to a database writes down what every connection reads of its catalog: copied too.
    psycopg.connect(url).close()
    return server_url


@pytest.fixture
def empty_database_url(server_url: str, keeper: psycopg.Connection) -> Iterator[str]:
    """A fresh database without any schema."""
    name = new_id("empty")
    _execute(keeper, "CREATE DATABASE {}", name)
    yield replace_database(server_url, name)
    _execute(keeper, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def database_url(template_url: str, keeper: psycopg.Connection) -> Iterator[str]:
    """A fresh migrated database."""
    name = new_id("test")
    _execute(keeper, "CREATE DATABASE {} TEMPLATE jeton_template STRATEGY FILE_COPY", name)
    yield replace_database(template_url, name)
    _execute(keeper, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """An open pool on a fresh migrated database."""
    pool = await open_pool(database_url)
    yield pool
    await pool.close()


def _find_notes(config: pytest.Config) -> Path:
    folder = config.rootpath / ".pytest_cache" / "statements"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def replace_database(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _execute(keeper: psycopg.Connection, statement: str, name: str) -> None:
    keeper.execute(sql.SQL(statement).format(sql.Identifier(name)))
