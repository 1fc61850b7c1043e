"""Budgets: all that are in force for one organization, found by who calls."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple, Protocol

from jeton.errors import JetonError, OverloadedError
from jeton.ledger.budgets.errors import BudgetExceededError, Scope
from jeton.ledger.budgets.tally import Alert, Budget, BudgetWindow, OwnedKey, Tally

# Read with the books of the organization, so there must be an end to them.
BUDGETS_MAX = 500
# Of these budgets of every end user: each counts once more for every request of an end user.
EACH_BUDGETS_MAX = 10
# Of a budget of every end user so many end users are remembered between two commits; others are read again.
END_USERS_KEPT = 1_000

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
    def model(self) -> str:
        """The model that is asked, by its id in the price book."""
        ...

    @property
    def end_user(self) -> str:
        """For which end user, "" for none."""
        ...

    @property
    def tag(self) -> str:
        """For what, "" for nothing in particular."""
        ...

    @property
    def taken_at(self) -> datetime:
        """The instant that decides its window, and whose its key is."""
        ...


class Asker(NamedTuple):
    """A payer whose hold is not taken yet."""

    workspace_id: str
    key_id: str
    taken_at: datetime
    model: str = ""
    end_user: str = ""
    tag: str = ""


def _everybody(_: Payer) -> str:
    return ""


# By what of a payer budgets of a scope are found; a member's are found by its keys.
_IDS: Mapping[Scope, Callable[[Payer], str]] = MappingProxyType(
    {
        "organization": _everybody,
        "workspace": attrgetter("workspace_id"),
        "key": attrgetter("key_id"),
        "model": attrgetter("model"),
        "end_user": attrgetter("end_user"),
        "tag": attrgetter("tag"),
    }
)


class Budgets:
    """Tallies by budget; what changed since the last ``turn_page`` is what must be written."""

    __slots__ = ("_by_owned_key", "_by_scope", "_changed", "_each", "_read_at", "_tallies", "changed_budgets")

    def __init__(self, tallies: Iterable[Tally] = ()) -> None:
        """Of the tallies that the database holds."""
        self._tallies = {tally.budget.budget_id: tally for tally in tallies}
        # Only of the scopes that there are: every request asks each of them.
        self._by_scope: dict[Scope, dict[str, list[Tally]]] = {}
        self._by_owned_key: dict[str, list[tuple[OwnedKey, Tally]]] = {}
        # By budget of every end user and end user, as far as they were asked for.
        self._each: dict[str, dict[str, Tally]] = {}
        self._changed: dict[int, Tally] = {}
        self._read_at: set[datetime] = set()
        self.changed_budgets: dict[str, Budget] = {}
        self._index()

    def __len__(self) -> int:
        return len(self._tallies)

    @property
    def has_hard(self) -> bool:
        """Whether any of them can refuse a hold."""
        return any(tally.budget.is_hard for tally in self._tallies.values())

    @property
    def each_count(self) -> int:
        """How many are of every end user."""
        return len(self._each)

    def list_end_users(self) -> frozenset[str]:
        """The end users that have a hard budget; EVERY for all of them."""
        return frozenset(
            tally.budget.scope_id
            for tally in self._tallies.values()
            if tally.budget.scope == "end_user" and tally.budget.is_hard
        )

    def find_missing(self, payer: Payer) -> Iterator[str]:
        """The budgets of every end user that count this payer's end user, of which nothing is in memory."""
        for budget_id, known in self._each.items():
            counts = payer.end_user and self._tallies[budget_id].counts(payer.taken_at)
            if counts and payer.end_user not in known:
                yield budget_id

    def add_each(self, budget_id: str, end_user: str, *, windows: Iterable[BudgetWindow]) -> None:
        """Know what a budget of every end user has counted of one, as the database has it."""
        whole = self._tallies[budget_id]
        self._each[budget_id][end_user] = Tally(whole.budget, windows, end_user=end_user, whole=whole)

    def know(self, at: datetime) -> None:
        """Every window of this instant that is stored was read: what is missing there is opened by its end.

        What a node kept while the database was away may come when two later windows are stored already.
        """
        self._read_at.add(at)

    def find(self, budget_id: str) -> Tally | None:
        """The tally of a budget, if it is in force."""
        return self._tallies.get(budget_id)

    def changed_windows(self) -> Iterator[BudgetWindow]:
        """The windows in which something was counted, but those of single end users."""
        for tally in self._changed.values():
            if tally.whole is None:
                yield from tally.changed.values()

    def changed_each(self) -> Iterator[tuple[str, BudgetWindow]]:
        """The end users of whom something was counted in budgets of every end user, and the windows."""
        for tally in self._changed.values():
            if tally.whole is not None:
                for window in tally.changed.values():
                    yield tally.end_user, window

    def open(self, tally: Tally) -> None:
        """A budget comes into force, with what it has counted."""
        self._tallies[tally.budget.budget_id] = tally
        for window in tally.windows:
            tally.changed[window.starts_at] = window
        self._note(tally)

    def change(self, tally: Tally, budget: Budget) -> None:
        """A budget gets another limit or hardness; one that has ended is in force no more."""
        tally.replace(budget)
        for one in self._each.get(budget.budget_id, {}).values():
            one.budget = budget
        if budget.ended_at is not None:
            del self._tallies[budget.budget_id]
        self._note(tally)

    def knows(self, payer: Payer) -> bool:
        """Whether every window is in memory in which this hold counts, or will be opened here.

        What is missing of its end user has to be read all the same.
        """
        missing = set(self.find_missing(payer)) if self._each else ()
        return all(
            tally.find_window(payer.taken_at) is not None for tally in self._over(payer, missing=missing)
        )

    def refuse(self, payer: Payer, amount_nano: int) -> JetonError | None:
        """Why a hold may not be taken; None if every hard budget allows it.

        Of several budgets that refuse, the one that frees last is named: until then nothing helps.
        """
        return self.refuse_all(((payer, amount_nano),))

    def refuse_all(self, asked: Sequence[tuple[Payer, int]]) -> JetonError | None:
        """Why holds that are asked at one instant may not all be taken, as ``refuse`` says it of one."""
        needed_nano: dict[int, int] = {}
        over: dict[int, tuple[Tally, Payer]] = {}
        for payer, amount_nano in asked:
            for tally in self._over(payer):
                over[id(tally)] = tally, payer
                needed_nano[id(tally)] = needed_nano.get(id(tally), 0) + amount_nano
        worst: tuple[datetime, int, Tally, BudgetWindow] | None = None
        for tally, payer in over.values():
            window = tally.find_window(payer.taken_at)
            if window is None:
                return OverloadedError(
                    f"This request was taken at {payer.taken_at.isoformat()}, long before others that its "
                    "budgets have counted: the clocks of two servers differ. Send the request again."
                )
            left_nano = tally.budget.limit_nano - window.settled_nano - window.held_nano
            if tally.budget.is_hard and needed_nano[id(tally)] > left_nano and self._limits(tally):
                found = (window.ends_at or _NEVER, -left_nano)
                if worst is None or found > worst[:2]:
                    worst = (*found, tally, window)
        return None if worst is None else _exceeded(worst[2], worst[3], needed_nano[id(worst[2])])

    def take(self, payer: Payer, amount_nano: int) -> None:
        """Count a hold that was not refused."""
        for tally in self._over(payer):
            tally.take(amount_nano, payer.taken_at)
            self._changed[id(tally)] = tally

    def end(
        self, payer: Payer, held_nano: int, *, net_nano: int, at: datetime, held_for: Payer | None = None
    ) -> list[Alert]:
        """Count the end of a hold with ``net_nano`` settled; return what is to be told.

        ``held_for``: whom the hold was for, where it was for more than this payer. What budgets over both
        hold gets less, and no other's.
        """
        alerts: list[Alert] = []
        held = None if held_for is None else {*map(id, self._over(held_for))}
        was_read = payer.taken_at in self._read_at
        for tally in self._over(payer):
            if was_read:
                tally.find_window(payer.taken_at, was_read=True)
            was_held = held is None or id(tally) in held
            was_nano = held_nano if was_held else 0
            tells = self._limits(tally)
            alerts += tally.end(was_nano, net_nano, taken_at=payer.taken_at, at=at, tells=tells)
            self._changed[id(tally)] = tally
        return alerts

    def give_back(self, payer: Payer, reversed_nano: int) -> None:
        """Count a charge no longer, or so much of it; its windows were read with its book."""
        for tally in self._over(payer):
            tally.give_back(reversed_nano, taken_at=payer.taken_at)
            self._changed[id(tally)] = tally

    def turn_page(self) -> None:
        """What was counted is committed."""
        for tally in self._changed.values():
            tally.turn_page()
        self._changed.clear()
        self._read_at.clear()
        self.changed_budgets.clear()
        for known in self._each.values():
            # The first that came; whoever comes again is read again.
            for end_user in list(known)[: max(0, len(known) - END_USERS_KEPT)]:
                del known[end_user]

    def _over(self, payer: Payer, *, missing: Container[str] = ()) -> Iterator[Tally]:
        yield from self._over_named(payer)
        if self._each and payer.end_user:
            for budget_id, known in self._each.items():
                whole = self._tallies[budget_id]
                if whole.counts(payer.taken_at):
                    yield whole
                    # Whoever decides has read it before: better no answer than a count without it.
                    if budget_id not in missing:
                        yield known[payer.end_user]

    def _over_named(self, payer: Payer) -> Iterator[Tally]:
        for scope, tallies in self._by_scope.items():
            for tally in tallies.get(_IDS[scope](payer), ()):
                if tally.counts(payer.taken_at):
                    yield tally
        if self._by_owned_key:
            for owned, tally in self._by_owned_key.get(payer.key_id, ()):
                if owned.holds(payer.taken_at) and tally.counts(payer.taken_at):
                    yield tally

    def _limits(self, tally: Tally) -> bool:
        """Whether a budget limits whom it counts: who has one of its own is not under that of every one."""
        if tally.whole is None:
            return tally.is_limiting
        return tally.end_user not in self._by_scope.get("end_user", {})

    def _note(self, tally: Tally) -> None:
        self._changed[id(tally)] = tally
        self.changed_budgets[tally.budget.budget_id] = tally.budget
        self._index()

    def _index(self) -> None:
        self._by_scope, self._by_owned_key = {}, {}
        known, self._each = self._each, {}
        for tally in self._tallies.values():
            budget = tally.budget
            if budget.is_each:
                self._each[budget.budget_id] = known.get(budget.budget_id, {})
                continue
            if budget.scope == "member":
                for owned in budget.keys:
                    self._by_owned_key.setdefault(owned.key_id, []).append((owned, tally))
                continue
            scope_id = "" if budget.scope == "organization" else budget.scope_id
            self._by_scope.setdefault(budget.scope, {}).setdefault(scope_id, []).append(tally)


def _exceeded(tally: Tally, window: BudgetWindow, needed_nano: int) -> BudgetExceededError:
    budget = tally.budget
    return BudgetExceededError(
        budget_id=budget.budget_id,
        scoped=(budget.scope, tally.end_user or budget.scope_id),
        needed_nano=needed_nano,
        left_nano=max(0, budget.limit_nano - window.settled_nano - window.held_nano),
        held_nano=window.held_nano,
        resets_at=window.ends_at,
    )
