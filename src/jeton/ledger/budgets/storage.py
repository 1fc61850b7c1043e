"""Storage: budgets and their windows as functions of migrations 0008 and 0050 give and take them, in JSON."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from jeton.ledger.budgets.budgets import Budgets
from jeton.ledger.budgets.tally import Budget, BudgetWindow, Tally

_budgets_decoder = msgspec.json.Decoder(list[Budget])
_windows_decoder = msgspec.json.Decoder(list[BudgetWindow])


class EachWindow(msgspec.Struct, frozen=True):
    """What a budget of every end user has counted of one of them in one window, as it is stored."""

    budget_id: str
    end_user: str
    starts_at: datetime
    ends_at: datetime | None
    held_nano: int
    settled_nano: int
    alerted_percent: int = 0

    def open(self) -> BudgetWindow:
        """The window, to count in."""
        return BudgetWindow(
            self.budget_id,
            self.starts_at,
            self.ends_at,
            self.held_nano,
            self.settled_nano,
            self.alerted_percent,
        )


class WantedWindow(msgspec.Struct, frozen=True):
    """An end user whose windows are to be read, and an instant whose window must be among them."""

    budget_id: str
    end_user: str
    taken_at: datetime


_each_decoder = msgspec.json.Decoder(list[EachWindow])


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


def parse_each(windows: bytes | None) -> dict[tuple[str, str], list[BudgetWindow]]:
    """What ``read_each_windows`` returned, by budget and end user."""
    found: dict[tuple[str, str], list[BudgetWindow]] = {}
    for stored in _each_decoder.decode(windows) if windows else ():
        found.setdefault((stored.budget_id, stored.end_user), []).append(stored.open())
    return found


def render_budgets(books: Iterable[Budgets]) -> tuple[str | None, str | None, str | None]:
    """Changed budgets, changed windows, and changed windows of single end users; None where there are none.

    The parameters of ``write_budgets`` and ``write_each_windows``.
    """
    budgets: list[Budget] = []
    windows: list[BudgetWindow] = []
    each: list[EachWindow] = []
    for book in books:
        budgets += book.changed_budgets.values()
        windows += book.changed_windows()
        each += (_render_each(*one) for one in book.changed_each())
    return _encode(budgets), _encode(windows), _encode(each)


def _render_each(end_user: str, window: BudgetWindow) -> EachWindow:
    return EachWindow(
        window.budget_id,
        end_user,
        window.starts_at,
        window.ends_at,
        window.held_nano,
        window.settled_nano,
        window.alerted_percent,
    )


def _encode(rows: list[Budget] | list[BudgetWindow] | list[EachWindow]) -> str | None:
    return msgspec.json.encode(rows).decode() if rows else None
