"""Sources: what is named on the command line, as files to be counted and what is passed over."""

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from jeton.errors import InvalidInputError

STANDARD_INPUT = "-"
FILES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was not counted, and why; ``has_failed`` if it ought to have been."""

    name: str
    reason: str
    has_failed: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be counted; without a path it is standard input. ``size`` is 0 where nobody knows."""

    name: str
    path: Path | None
    size: int

    def open(self) -> AbstractContextManager[BinaryIO]:
        """Open it for reading; raises OSError."""
        return nullcontext(sys.stdin.buffer) if self.path is None else self.path.open("rb")


def list_sources(names: Iterable[str]) -> Iterator[Source | Skipped]:
    """Files as they are named, those of directories by name; what is hidden in a directory is left out.

    Raises InvalidInputError for more than FILES_MAX files.
    """
    for number, found in enumerate(_list(names), 1):
        if number > FILES_MAX:
            raise InvalidInputError(f"There are more than {FILES_MAX:,} files; name fewer at once.")
        yield found


def _list(names: Iterable[str]) -> Iterator[Source | Skipped]:
    for name in names:
        if name == STANDARD_INPUT:
            yield Source("standard input", None, 0)
            continue
        path = Path(name)
        if path.is_dir():
            yield from _walk(path)
        else:
            yield _look_at(path)


def _walk(directory: Path) -> Iterator[Source | Skipped]:
    failures: list[OSError] = []
    # Links to directories are not followed, so a walk always ends.
    for place, directories, files in os.walk(directory, onerror=failures.append):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield _look_at(Path(place, name))
    for failure in failures:
        yield _refuse(Path(failure.filename), failure)


def _look_at(path: Path) -> Source | Skipped:
    try:
        found = path.stat()
    except OSError as error:
        return _refuse(path, error)
    if not stat.S_ISREG(found.st_mode):
        # A pipe or a device may never end.
        return Skipped(str(path), "not a regular file")
    return Source(str(path), path, found.st_size)


def _refuse(path: Path, error: OSError) -> Skipped:
    return Skipped(str(path), f"cannot be read: {error.strerror}", has_failed=True)
