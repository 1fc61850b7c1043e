"""Rendering: a statement as CSV and as JSON; amounts are dollars with nine decimals, as in the journal."""

import csv
from collections.abc import Callable
from datetime import datetime
from typing import Any

from jeton.insight.accounts.words import Statement
from jeton.insight.exports.beancount import render_nano
from jeton.insight.exports.tables import tame_formula

_NANO = "_nano"


class _Sink:
    """Where the csv module writes to."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self.write = write


def write_statement(statement: Statement, write: Callable[[str], object]) -> None:
    """A head and its rows as CSV; ``opening_nano`` is called ``opening`` there, since it is in dollars.

    A name that a spreadsheet would run as a formula begins with an apostrophe.
    """
    rows = csv.writer(_Sink(write), lineterminator="\n")
    rows.writerow(column.removesuffix(_NANO) for column in statement.columns)
    for row in statement.rows:
        cells = zip(row, render_row(statement, row), strict=True)
        rows.writerow(tame_formula(cell) if isinstance(value, str) else cell for value, cell in cells)


def render_row(statement: Statement, row: tuple[Any, ...]) -> list[str]:
    """A row's cells as text; nothing is an empty one."""
    return [_cell(column, value) for column, value in zip(statement.columns, row, strict=True)]


def render_statement(statement: Statement) -> dict[str, object]:
    """The statement as one object; ``is_tied`` says whether every check is zero."""
    columns = [column.removesuffix(_NANO) for column in statement.columns]
    return {
        "statement": statement.name,
        "rows": [dict(zip(columns, render_row(statement, row), strict=True)) for row in statement.rows],
        "totals": _amounts(statement.totals),
        "checks": _amounts(statement.checks),
        "is_tied": statement.is_tied,
    }


def _amounts(amounts: dict[str, int]) -> dict[str, str]:
    return {name.removesuffix(_NANO): render_nano(nano) for name, nano in amounts.items()}


def _cell(column: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and column.endswith(_NANO):
        return render_nano(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)
