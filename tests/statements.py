"""Statements: which test asks PostgreSQL what, so that a second version of it is asked each thing twice.

What differs between two versions is a statement, not a test: most tests of a folder ask the same things of
PostgreSQL, with other values. A run on the embedded one notes what each test asks; with ``--each-statement``
a run on another leaves out what would ask nothing new. A test that was not noted, or asks past psycopg's
asynchronous cursors, is run.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache, wraps
from pathlib import Path
from typing import Any

import msgspec
import pytest
from psycopg import AsyncCursor, AsyncServerCursor

# Here it matters who waits for whom, which no statement tells: these always run.
ALWAYS = ("tests/integration/charging/", "tests/integration/db/")

# Rows of parameters: how many there are makes no other statement.
_ROWS = re.compile(r"(?:\((?:%s(?:::\w+)?,? ?)+\)(?:, ?)?)+")
_SPACE = re.compile(r"\s+")


class Statements:
    """What the tests of this process ask, kept in a folder as one file for each file of tests."""

    def __init__(self, folder: Path) -> None:
        """Hear what is asked from now on."""
        self._folder = folder
        self._now: set[str] = set()
        self._asked: dict[str, dict[str, list[str]]] = {}
        for kind in (AsyncCursor, AsyncServerCursor):
            for name in ("execute", "executemany", "copy", "stream"):
                setattr(kind, name, self._hear(getattr(kind, name)))

    def begin(self) -> None:
        """A test begins; what is asked from now on is its own."""
        self._now = set()

    def end(self, item: pytest.Item) -> None:
        """A test has ended, with its fixtures."""
        name, _, _ = item.nodeid.partition("::")
        self._asked.setdefault(name, {})[item.nodeid] = sorted({_digest(text) for text in self._now})

    def write(self) -> None:
        """Keep what was heard beside what earlier runs heard of other tests."""
        for name, tests in self._asked.items():
            path = self._folder / f"{_digest(name)}.json"
            known = msgspec.json.decode(path.read_bytes()) if path.exists() else {}
            # Whole at any moment: another run may be reading.
            draft = path.with_suffix(f".{os.getpid()}")
            draft.write_bytes(msgspec.json.encode({**known, **tests}))
            draft.rename(path)

    def _hear(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def heard(cursor: AsyncCursor[Any], query: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever psycopg takes and gives
            self._now.add(query if isinstance(query, str) else _render(cursor, query))
            return method(cursor, query, *args, **options)

        return heard


def read_statements(folder: Path) -> dict[str, list[str]]:
    """What each test asked when it ran last."""
    noted: dict[str, list[str]] = {}
    for path in folder.glob("*.json"):
        noted.update(msgspec.json.decode(path.read_bytes()))
    return noted


def select_asking(names: Iterable[str], noted: Mapping[str, list[str]], *, times: int) -> set[str]:
    """The tests to run, so that each statement is asked by ``times`` of them, where so many ask it."""
    asked: Counter[str] = Counter()
    chosen = set()
    for name in names:
        statements = noted.get(name, [])
        if name.startswith(ALWAYS) or not statements or any(asked[text] < times for text in statements):
            chosen.add(name)
            asked.update(statements)
    return chosen


def _render(cursor: AsyncCursor[Any], query: Any) -> str:  # noqa: ANN401 - whatever psycopg takes
    return query.decode() if isinstance(query, bytes) else str(query.as_string(cursor))


@cache
def _digest(text: str) -> str:
    plain = _ROWS.sub("(rows)", _SPACE.sub(" ", text))
    return hashlib.sha256(plain.encode()).hexdigest()[:16]
