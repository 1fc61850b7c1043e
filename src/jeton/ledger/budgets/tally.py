"""Tally: what budgets have counted so far, in memory, and what each hold and its end adds.

A hold counts in the window of the instant it was taken, and so does what is settled against it, however
late. For every hard budget and window: settled + held is at most the limit when a hold is admitted; only
a charge above its hold can pass it, and a limit that is lowered afterwards.
"""

from bisect import insort
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from jeton.ledger.budgets.errors import Scope
from jeton.ledger.budgets.scopes import EVERY
from jeton.ledger.budgets.windows import Calendar, Period, find_window

# Percent of the limit, settled, at which somebody is told; each once a window.
THRESHOLDS = (100, 90, 75, 50)
# Of a budget of every end user: when somebody is told of one of them, once a window, and of how many at most.
# Not at the limit itself, which a hard budget seldom lets anybody reach to the nano.
EACH_TOLD_PERCENT = 90
EACH_TOLD_MAX = 20
# A pace says nothing before a tenth of its window has passed.
FORECAST_FROM_DIVISOR = 10
# Of windows without an open hold so many are kept in memory, the newest.
_WINDOWS_KEPT = 2


class OwnedKey(msgspec.Struct, frozen=True):
    """A key while it is a member's: from ``owned_from`` until just before ``owned_until`` (None: still)."""

    key_id: str
    owned_from: datetime
    owned_until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it was the member's at this instant."""
        return self.owned_from <= at and (self.owned_until is None or at < self.owned_until)


class Budget(msgspec.Struct, frozen=True):
    """A budget as it is stored; it counts what is held from ``counted_from`` on.

    ``keys`` are those of a member's budget, read with it and stored elsewhere.
    """

    budget_id: str
    organization_id: UUID
    scope: Scope
    scope_id: str
    period: Period
    zone: str
    anchor_day: int
    limit_nano: int
    is_hard: bool
    counted_from: datetime
    created_at: datetime
    created_by: str
    ended_at: datetime | None = None
    keys: tuple[OwnedKey, ...] = ()

    @property
    def is_each(self) -> bool:
        """Whether it is of every end user, with a count for each."""
        return self.scope == "end_user" and self.scope_id == EVERY

    @property
    def calendar(self) -> Calendar:
        """How its windows follow each other."""
        return Calendar(self.period, ZoneInfo(self.zone), self.anchor_day)


class BudgetWindow(msgspec.Struct):
    """What a budget has counted in one window, as it is stored; amounts in nano.

    ``alerted_percent`` is the highest threshold that was told of, 0 for none; ``told``, in the sums of a
    budget of every end user: of how many of them.
    """

    budget_id: str
    starts_at: datetime
    ends_at: datetime | None
    held_nano: int = 0
    settled_nano: int = 0
    alerted_percent: int = 0
    is_forecast_alerted: bool = False
    told: int = 0

    def holds(self, at: datetime) -> bool:
        """Whether an instant lies in it."""
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


class Alert(msgspec.Struct, frozen=True):
    """A crossing to tell of: a threshold, or (``percent`` None) the pace at which the limit is passed.

    ``end_user``: whose, of a budget of every end user.
    """

    budget: Budget
    window: BudgetWindow
    percent: int | None
    forecast_nano: int
    at: datetime
    end_user: str = ""


class Tally:
    """One budget with those of its windows that are in memory.

    Of a budget of every end user there is one for each end user that is known here, and one with the sums of
    all (``whole``), which limits nothing.
    """

    __slots__ = ("_known_from", "budget", "changed", "end_user", "is_limiting", "whole", "windows")

    def __init__(
        self,
        budget: Budget,
        windows: Iterable[BudgetWindow],
        *,
        end_user: str = "",
        whole: "Tally | None" = None,
    ) -> None:
        """``windows`` must hold the two newest that are stored; any others may be missing."""
        self.budget = budget
        self.end_user = end_user
        self.whole = whole
        # Whether its limit is one of what is counted here.
        self.is_limiting = whole is not None or not budget.is_each
        self.windows = sorted(windows, key=_start)
        self.changed: dict[datetime, BudgetWindow] = {}
        self._find_known()

    def find_window(self, at: datetime, *, was_read: bool = False) -> BudgetWindow | None:
        """The window of an instant, opened if nothing was counted in it yet; None if it is not known.

        ``was_read``: it would be here if it was stored, however long ago it was.

        A stored window keeps its bounds for ever, and a new one fills what is free beside it: so windows
        tile even when the rules of a zone are changed under them.
        """
        for window in reversed(self.windows):
            if window.holds(at):
                return window
        starts_at, ends_at = find_window(self.budget.calendar, at)
        starts_at = max(starts_at, self.budget.counted_from)
        for other in self.windows:
            if other.ends_at is not None and other.ends_at <= at:
                starts_at = max(starts_at, other.ends_at)
            elif ends_at is not None and at < other.starts_at:
                ends_at = min(ends_at, other.starts_at)
        if starts_at < self._known_from and not was_read:
            return None
        window = BudgetWindow(self.budget.budget_id, starts_at, ends_at)
        insort(self.windows, window, key=_start)
        return window

    def counts(self, at: datetime) -> bool:
        """Whether what was held at this instant is counted."""
        return at >= self.budget.counted_from

    def take(self, amount_nano: int, at: datetime) -> None:
        """Count a hold taken at ``at``, whose window is known."""
        window = self._change(at)
        if window is not None:
            window.held_nano += amount_nano

    def end(
        self, held_nano: int, net_nano: int, *, taken_at: datetime, at: datetime, tells: bool = True
    ) -> list[Alert]:
        """Count the end of a hold, ``net_nano`` of it settled; return what is to be told, if it ``tells``."""
        window = self._change(taken_at)
        if window is None:
            return []
        window.held_nano -= held_nano
        window.settled_nano += net_nano
        return self.find_alerts(window, at) if net_nano and tells else []

    def give_back(self, reversed_nano: int, *, taken_at: datetime) -> None:
        """Count a charge no longer, or so much of it, whose hold was taken at ``taken_at``.

        What was told stays told: a threshold that is reached again is not told again in this window.
        """
        window = self._change(taken_at)
        if window is not None:
            window.settled_nano -= reversed_nano

    def find_alerts(self, window: BudgetWindow, at: datetime) -> list[Alert]:
        """What is to be told of a window; each once, and of several thresholds at a time the highest."""
        budget, alerts = self.budget, list[Alert]()
        if budget.is_each:
            return self._find_told(window, at)
        percent = find_percent(window.settled_nano, budget.limit_nano)
        if percent > window.alerted_percent:
            window.alerted_percent = percent
            alerts.append(Alert(budget, window, percent, window.settled_nano, at))
        # From a tenth of the window on what is settled at its end is at most ten times what is settled now.
        may_pass = budget.limit_nano < window.settled_nano * FORECAST_FROM_DIVISOR
        if may_pass and not window.is_forecast_alerted and window.settled_nano < budget.limit_nano:
            forecast_nano = forecast(window, at)
            if forecast_nano > budget.limit_nano:
                window.is_forecast_alerted = True
                alerts.append(Alert(budget, window, None, forecast_nano, at))
        return alerts

    def _find_told(self, window: BudgetWindow, at: datetime) -> list[Alert]:
        """What is to be told of one end user of a budget of all: a single thing, and of so many of them."""
        budget = self.budget
        is_near = window.settled_nano * 100 >= budget.limit_nano * EACH_TOLD_PERCENT
        if self.whole is None or not is_near or window.alerted_percent:
            return []
        window.alerted_percent = EACH_TOLD_PERCENT
        together = self.whole.find_window(window.starts_at)
        if together is None or together.told >= EACH_TOLD_MAX:
            return []
        together.told += 1
        percent = max(EACH_TOLD_PERCENT, find_percent(window.settled_nano, budget.limit_nano))
        return [Alert(budget, window, percent, window.settled_nano, at, self.end_user)]

    def turn_page(self) -> None:
        """What was counted is committed; forget windows that nothing will count in."""
        self.changed.clear()
        if len(self.windows) > _WINDOWS_KEPT:
            kept = self.windows[-_WINDOWS_KEPT:]
            self.windows = [window for window in self.windows[:-_WINDOWS_KEPT] if window.held_nano] + kept
            self._find_known()

    def replace(self, budget: Budget) -> None:
        """The budget was changed; its windows stay, and thresholds are those of the new limit."""
        self.budget = budget
        for window in self.windows:
            percent = find_percent(window.settled_nano, budget.limit_nano)
            window.alerted_percent = min(window.alerted_percent, percent)
            window.is_forecast_alerted = False
            self.changed[window.starts_at] = window

    def _change(self, at: datetime) -> BudgetWindow | None:
        window = self.find_window(at) if self.counts(at) else None
        if window is not None:
            self.changed[window.starts_at] = window
        return window

    def _find_known(self) -> None:
        is_short = len(self.windows) < _WINDOWS_KEPT
        self._known_from = self.budget.counted_from if is_short else self.windows[-_WINDOWS_KEPT].starts_at


def find_percent(settled_nano: int, limit_nano: int) -> int:
    """The highest threshold that is reached, 0 for none: $7.50 of $10 is 75."""
    for percent in THRESHOLDS:
        if settled_nano * 100 >= limit_nano * percent:
            return percent
    return 0


def forecast(window: BudgetWindow, at: datetime) -> int:
    """What will be settled at the end of the window at the pace so far, in nano; 0 if nobody can say."""
    if window.ends_at is None:
        return 0
    length = window.ends_at - window.starts_at
    passed = at - window.starts_at
    if passed * FORECAST_FROM_DIVISOR < length or at >= window.ends_at:
        return 0
    microsecond = datetime.resolution
    return window.settled_nano * (length // microsecond) // (passed // microsecond)


def _start(window: BudgetWindow) -> datetime:
    return window.starts_at
