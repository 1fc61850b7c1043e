"""Reading: typed values out of a parsed price file, collecting every mistake with file and line.

A getter that finds a mistake notes it and returns a harmless value of the right type, so that
reading goes on to the next mistake; what was read is used only when there are none.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from jeton.errors import MoneyError
from jeton.money import parse_exact, parse_usd
from jeton.pricing.positions import Path, find_line

_DECIMAL = re.compile(r"-?\d+(\.\d+)?")
# Stands for a date that is missing or mistaken; no contradiction is looked for there.
UNREAD_DAY = date.min


@dataclass(frozen=True, slots=True)
class Source:
    """One price file: its name as shown, its lines, and the mistakes found so far (shared)."""

    name: str
    lines: Mapping[Path, int]
    mistakes: list[tuple[str, int, str]]

    def blame(self, path: Path, sentence: str) -> None:
        """Note a mistake at the line of ``path``."""
        self.mistakes.append((self.name, find_line(self.lines, path), sentence))


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a price file, and where it stands in it."""

    source: Source
    path: Path
    values: Mapping[str, object] = field(default_factory=dict)

    def blame(self, sentence: str, *, key: str | None = None) -> None:
        """Note a mistake at a key's line, or at the table's."""
        self.source.blame(self.path if key is None else (*self.path, key), sentence)

    def refuse_unknown(self, known: frozenset[str]) -> None:
        """Note every key that has no meaning here."""
        for key in self.values:
            if key not in known:
                known_keys = ", ".join(sorted(known))
                self.blame(f"unknown key {key}; known here are {known_keys}.", key=key)

    def text(self, key: str, *, is_required: bool = True) -> str | None:
        """A text that is not empty."""
        value = self._value(key, is_required=is_required)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            self.blame(f"{key} must be a text in quotes that is not empty.", key=key)
            return None
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; absent is none."""
        value = self._value(key, is_required=False)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.blame(f"{key} must be a list of texts.", key=key)
            return ()
        return tuple(value)

    def day(self, key: str, *, is_required: bool = True) -> date | None:
        """A date without a time."""
        value = self._value(key, is_required=is_required)
        if value is None:
            return UNREAD_DAY if is_required else None
        if type(value) is not date:
            self.blame(f"{key} must be a date such as 2026-10-07, without quotes or a time.", key=key)
            return UNREAD_DAY if is_required else None
        return value

    def count(self, key: str, *, is_required: bool = True) -> int | None:
        """A whole number from 1 on."""
        value = self._value(key, is_required=is_required)
        if value is None:
            return None
        if type(value) is not int or value < 1:
            self.blame(f"{key} must be a whole number from 1 on.", key=key)
            return None
        return value

    def price(self, key: str, *, is_required: bool = True) -> int | None:
        """Dollars as nano, from a decimal in quotes; None when absent or mistaken."""
        text = self._decimal(key, is_required=is_required)
        if text is None:
            return None
        try:
            return parse_usd(text)
        except MoneyError as error:
            self.blame(f"{key}: {error}", key=key)
            return None

    def factor(self, key: str) -> Fraction | None:
        """An exact decimal factor in quotes; absent is None."""
        text = self._decimal(key, is_required=False)
        return None if text is None else parse_exact(text)

    def table(self, key: str, *, is_required: bool = False) -> "Table | None":
        """A table inside this one."""
        value = self._value(key, is_required=is_required)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.blame(f"{key} must be a table.", key=key)
            return None
        return Table(self.source, (*self.path, key), value)

    def tables(self, key: str) -> "tuple[Table, ...]":
        """A list of one or more tables inside this one."""
        value = self._value(key, is_required=True)
        if value is None:
            return ()
        if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
            self.blame(f"{key} must be one or more tables, each under its [[...{key}]].", key=key)
            return ()
        return tuple(Table(self.source, (*self.path, key, place), item) for place, item in enumerate(value))

    def _value(self, key: str, *, is_required: bool) -> object | None:
        value = self.values.get(key)
        if value is None and is_required:
            self.blame(f"the key {key} is missing.")
        return value

    def _decimal(self, key: str, *, is_required: bool) -> str | None:
        value = self._value(key, is_required=is_required)
        if value is None:
            return None
        if not isinstance(value, str):
            self.blame(f'{key} must be a decimal in quotes such as "2.50", never a bare number.', key=key)
            return None
        if not _DECIMAL.fullmatch(value):
            self.blame(f'{key} is {value!r}, not a plain decimal such as "2.50".', key=key)
            return None
        if value.startswith("-"):
            self.blame(f"{key} is {value}: it must not be negative.", key=key)
            return None
        return value
