"""Storage: budgets and their windows as the functions of migration 0008 give and take them, in JSON."""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from jeton.ledger.budgets.budgets import Budgets
from jeton.ledger.budgets.tally import Budget, BudgetWindow, Tally

_budgets_decoder = msgspec.json.Decoder(list[Budget])
_windows_decoder = msgspec.json.Decoder(list[BudgetWindow])


def parse_budgets(budgets: bytes | None, windows: bytes | None) -> dict[UUID, Budgets]:
    """What ``read_budgets`` returned, by organization; those without a budget are left out."""
    windows_of: dict[str, list[BudgetWindow]] = {}
    for window in _windows_decoder.decode(windows) if windows else ():
        windows_of.setdefault(window.budget_id, []).append(window)
    tallies: dict[UUID, list[Tally]] = {}
    for budget in _budgets_decoder.decode(budgets) if budgets else ():
        tally = Tally(budget, windows_of.get(budget.budget_id, ()))
        tallies.setdefault(budget.organization_id, []).append(tally)
    return {organization_id: Budgets(some) for organization_id, some in tallies.items()}


def render_budgets(books: Iterable[Budgets]) -> tuple[str | None, str | None]:
    """The parameters of ``write_budgets``: changed budgets, changed windows; None where there are none."""
    budgets: list[Budget] = []
    windows: list[BudgetWindow] = []
    for book in books:
        budgets += book.changed_budgets.values()
        windows += book.changed_windows()
    return _encode(budgets), _encode(windows)


def _encode(rows: list[Budget] | list[BudgetWindow]) -> str | None:
    return msgspec.json.encode(rows).decode() if rows else None
