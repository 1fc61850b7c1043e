"""Budgets: all that are in force for one organization, found by who calls."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from jeton.errors import JetonError, OverloadedError
from jeton.ledger.budgets.errors import BudgetExceededError
from jeton.ledger.budgets.tally import Alert, Budget, BudgetWindow, Tally

# Read with the books of the organization, so there must be an end to them.
BUDGETS_MAX = 500

_NEVER = datetime.max.replace(tzinfo=UTC)


class Payer(Protocol):
    """Who a hold is for, and when it was taken: what decides which budgets count it."""

    @property
    def workspace_id(self) -> str:
        """The workspace of its key."""
        ...

    @property
    def key_id(self) -> str:
        """Its key."""
        ...

    @property
    def taken_at(self) -> datetime:
        """The instant that decides its window."""
        ...


class Asker(NamedTuple):
    """A payer whose hold is not taken yet."""

    workspace_id: str
    key_id: str
    taken_at: datetime


class Budgets:
    """Tallies by budget; what changed since the last ``turn_page`` is what must be written."""

    __slots__ = ("_by_scope", "_changed", "_tallies", "changed_budgets")

    def __init__(self, tallies: Iterable[Tally] = ()) -> None:
        """Of the tallies that the database holds."""
        self._tallies = {tally.budget.budget_id: tally for tally in tallies}
        self._by_scope: dict[str, list[Tally]] = {}
        self._changed: dict[str, Tally] = {}
        self.changed_budgets: dict[str, Budget] = {}
        self._index()

    def __len__(self) -> int:
        return len(self._tallies)

    @property
    def has_hard(self) -> bool:
        """Whether any of them can refuse a hold."""
        return any(tally.budget.is_hard for tally in self._tallies.values())

    def find(self, budget_id: str) -> Tally | None:
        """The tally of a budget, if it is in force."""
        return self._tallies.get(budget_id)

    def changed_windows(self) -> Iterator[BudgetWindow]:
        """The windows in which something was counted."""
        for tally in self._changed.values():
            yield from tally.changed.values()

    def open(self, tally: Tally) -> None:
        """A budget comes into force, with what it has counted."""
        self._tallies[tally.budget.budget_id] = tally
        for window in tally.windows:
            tally.changed[window.starts_at] = window
        self._note(tally)

    def change(self, tally: Tally, budget: Budget) -> None:
        """A budget gets another limit or hardness; one that has ended is in force no more."""
        tally.replace(budget)
        if budget.ended_at is not None:
            del self._tallies[budget.budget_id]
        self._note(tally)

    def knows(self, payer: Payer) -> bool:
        """Whether every window is in memory in which this hold counts, or will be opened here."""
        return all(tally.find_window(payer.taken_at) is not None for tally in self._over(payer))

    def refuse(self, payer: Payer, amount_nano: int) -> JetonError | None:
        """Why a hold may not be taken; None if every hard budget allows it.

        Of several budgets that refuse, the one that frees last is named: until then nothing helps.
        """
        worst: tuple[datetime, int, Budget, BudgetWindow] | None = None
        for tally in self._over(payer):
            window = tally.find_window(payer.taken_at)
            if window is None:
                return OverloadedError(
                    f"This request was taken at {payer.taken_at.isoformat()}, long before others that its "
                    "budgets have counted: the clocks of two servers differ. Send the request again."
                )
            left_nano = tally.budget.limit_nano - window.settled_nano - window.held_nano
            if tally.budget.is_hard and amount_nano > left_nano:
                found = (window.ends_at or _NEVER, -left_nano)
                if worst is None or found > worst[:2]:
                    worst = (*found, tally.budget, window)
        return None if worst is None else _exceeded(worst[2], worst[3], amount_nano)

    def take(self, payer: Payer, amount_nano: int) -> None:
        """Count a hold that was not refused."""
        for tally in self._over(payer):
            tally.take(amount_nano, payer.taken_at)
            self._changed[tally.budget.budget_id] = tally

    def end(self, payer: Payer, held_nano: int, *, net_nano: int, at: datetime) -> list[Alert]:
        """Count the end of a hold with ``net_nano`` settled; return what is to be told."""
        alerts: list[Alert] = []
        for tally in self._over(payer):
            alerts += tally.end(held_nano, net_nano, taken_at=payer.taken_at, at=at)
            self._changed[tally.budget.budget_id] = tally
        return alerts

    def give_back(self, payer: Payer, reversed_nano: int) -> None:
        """Count a charge no longer, or so much of it; its windows were read with its book."""
        for tally in self._over(payer):
            tally.give_back(reversed_nano, taken_at=payer.taken_at)
            self._changed[tally.budget.budget_id] = tally

    def turn_page(self) -> None:
        """What was counted is committed."""
        for tally in self._changed.values():
            tally.turn_page()
        self._changed.clear()
        self.changed_budgets.clear()

    def _over(self, payer: Payer) -> Iterator[Tally]:
        for scope_id in ("", payer.workspace_id, payer.key_id):
            for tally in self._by_scope.get(scope_id, ()):
                if tally.counts(payer.taken_at):
                    yield tally

    def _note(self, tally: Tally) -> None:
        self._changed[tally.budget.budget_id] = tally
        self.changed_budgets[tally.budget.budget_id] = tally.budget
        self._index()

    def _index(self) -> None:
        self._by_scope = {}
        for tally in self._tallies.values():
            scope_id = "" if tally.budget.scope == "organization" else tally.budget.scope_id
            self._by_scope.setdefault(scope_id, []).append(tally)


def _exceeded(budget: Budget, window: BudgetWindow, needed_nano: int) -> BudgetExceededError:
    return BudgetExceededError(
        budget_id=budget.budget_id,
        scope=budget.scope,
        needed_nano=needed_nano,
        left_nano=max(0, budget.limit_nano - window.settled_nano - window.held_nano),
        held_nano=window.held_nano,
        resets_at=window.ends_at,
    )
