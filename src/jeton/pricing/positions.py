"""Positions: on which line of a TOML file a table or key stands; ``tomllib`` does not tell.

The text was parsed by ``tomllib`` before, so it is valid: a header or a key that begins a line is
found by its shape alone. What an inline table or array holds is on the line of its key, which is
how price files are written.
"""

import re
from collections.abc import Mapping

Path = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def index_lines(source: str) -> dict[Path, int]:
    """The line (from 1) of every table header and key, by its path: ``("models", "m", "versions", 0)``."""
    lines: dict[Path, int] = {(): 1}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, text in enumerate(source.splitlines(), start=1):
        if header := _HEADER.match(text):
            table = _resolve(_parts(header[2]), counts)
            if header[1] == "[[":
                place = counts.get(table, -1) + 1
                counts[table] = place
                lines.setdefault(table, number)
                table = (*table, place)
            lines.setdefault(table, number)
        elif key := _KEY.match(text):
            lines.setdefault((*table, *_parts(key[1])), number)
    return lines


def find_line(lines: Mapping[Path, int], path: Path) -> int:
    """The line of a path, or of the nearest thing around it that has one."""
    while path not in lines:
        path = path[:-1]
    return lines[path]


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _resolve(names: Path, counts: Mapping[Path, int]) -> Path:
    """A header's path with the place in each array of tables that it goes through."""
    path: Path = ()
    for position, name in enumerate(names, start=1):
        path = (*path, name)
        if position < len(names) and path in counts:
            path = (*path, counts[path])
    return path
