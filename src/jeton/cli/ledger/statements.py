"""Statements of the ledger as the command line shows them: a table, CSV or JSON."""

import json
from collections.abc import Callable
from enum import StrEnum

from rich.console import Console
from rich.table import Table

from jeton.db.pool import Connection
from jeton.insight.accounts.ageing import last_day, read_ageing, state_ageing
from jeton.insight.accounts.deferred import read_deferred, state_deferred
from jeton.insight.accounts.income import read_income, state_income
from jeton.insight.accounts.rendering import render_row, render_statement, write_statement
from jeton.insight.accounts.tax import read_tax, state_tax
from jeton.insight.accounts.trial_balance import read_trial_balance, state_trial_balance
from jeton.insight.accounts.words import Statement, Stretch
from jeton.ledger.budgets.zones import parse_zone
from jeton.money import display_usd

_NANO = "_nano"


class Kind(StrEnum):
    """What is exported."""

    TRIAL_BALANCE = "trial-balance"
    DEFERRED_REVENUE = "deferred-revenue"
    INCOME = "income"
    TAX = "tax"
    AGEING = "ageing"
    JOURNAL = "journal"
    BEANCOUNT = "beancount"


class Shape(StrEnum):
    """How a statement is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


async def read_statement(connection: Connection, kind: Kind, stretch: Stretch, zone: str) -> Statement:
    """The statement; the journal, and what reads it, are none."""
    match kind:
        case Kind.TRIAL_BALANCE:
            return state_trial_balance(await read_trial_balance(connection, stretch))
        case Kind.DEFERRED_REVENUE:
            return state_deferred(await read_deferred(connection, stretch))
        case Kind.INCOME:
            return state_income(await read_income(connection, stretch))
        case Kind.TAX:
            return state_tax(*await read_tax(connection, stretch))
        case Kind.AGEING:
            today = last_day(stretch.until_at).astimezone(parse_zone(zone)).date()
            return state_ageing(await read_ageing(connection, stretch, today))
        case Kind.JOURNAL | Kind.BEANCOUNT:
            raise ValueError(f"{kind} is no statement")


def write(statement: Statement, shape: Shape, *, out: Callable[[str], object], console: Console) -> None:
    """Write it; a table goes to the console, with what it ties to below."""
    match shape:
        case Shape.CSV:
            write_statement(statement, out)
        case Shape.JSON:
            out(json.dumps(render_statement(statement), indent=2) + "\n")
        case Shape.TABLE:
            _print(statement, console)


def _print(statement: Statement, console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for column in statement.columns:
        is_amount = column.endswith(_NANO)
        table.add_column(
            column.removesuffix(_NANO).replace("_", " "), justify="right" if is_amount else "left"
        )
    for row in statement.rows:
        table.add_row(*render_row(statement, row))
    console.print(table)
    for name, nano in statement.totals.items():
        console.print(f"{name.removesuffix(_NANO).replace('_', ' ')}: {display_usd(nano)}")
    for name, nano in statement.checks.items():
        verdict = "ties" if not nano else f"[red]differs by {display_usd(nano)}[/red]"
        console.print(f"{name.removesuffix(_NANO).replace('_', ' ')}: {verdict}")
