"""Dry run: what a budget would have refused of the last 30 days' requests, by the rules that refuse requests.

Every request that was charged or ended without a charge is held again in the order of then, for as long and
with as much as it was held, and counts only where the budget would have let it. What a refused request would
have kept others from, they are let. So the answer is of this budget alone, without any that was in force.

Under a budget of every end user each begins with nothing, as when one is made.

A hold that is too high for a budget is tried again with a prompt that was really counted; what that would
have come to is on no record. So of a hard budget this is the most that would have been refused.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import NamedTuple

import msgspec

from jeton.db.pool import Connection
from jeton.errors import JetonError
from jeton.ledger.budgets.budgets import Asker, Budgets
from jeton.ledger.budgets.errors import BudgetExceededError
from jeton.ledger.budgets.tally import Budget, BudgetWindow, Tally
from jeton.ledger.budgets.windows import find_window
from jeton.money import render_usd

DAYS = 30
# Of an organization with more, the last so many are played, and the answer says from when.
REQUESTS_MAX = 50_000
SHOWN_MAX = 50
# Between two of these others may have the processor.
_STEP = 500

_COUNT = """
    SELECT held_at FROM charges WHERE {where} ORDER BY held_at DESC OFFSET %(skipped)s LIMIT 1
"""
_READ = """
    SELECT request_id, workspace_id, key_id, model, end_user, tag, held_nano, net_nano, held_at, ended_at
    FROM charges
    WHERE {where} AND held_at >= %(played_from)s ORDER BY held_at, request_id
"""
_WHERE = """organization_id = %(organization_id)s AND held_at >= %(from_at)s AND held_at < %(until_at)s
    AND is_counted(%(scope)s, %(scope_id)s, workspace_id, key_id, model, end_user, tag, held_at)"""
_SETTLED_BEFORE = (
    "SELECT sum_settled(%(organization_id)s, %(scope)s, %(scope_id)s, %(starts_at)s, %(played_from)s)"
)


class PastRequest(NamedTuple):
    """A request that ended: what was held and what it cost (nano)."""

    request_id: str
    workspace_id: str
    key_id: str
    model: str
    end_user: str
    tag: str
    held_nano: int
    net_nano: int
    held_at: datetime
    ended_at: datetime

    @property
    def asker(self) -> Asker:
        """Who asked, for budgets."""
        return Asker(self.workspace_id, self.key_id, self.held_at, self.model, self.end_user, self.tag)


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that would have been refused, and what the budget had left for it (nano)."""

    request: PastRequest
    left_nano: int


@dataclass(slots=True)
class DryWindow:
    """One window of the budget as it would have gone; ``told_percent`` is the highest threshold told."""

    starts_at: datetime
    ends_at: datetime | None
    settled_nano: int = 0
    requests: int = 0
    refused: int = 0
    refused_net_nano: int = 0
    told_percent: int = 0


@dataclass(slots=True)
class DryRun:
    """What would have become of the requests from ``from_at`` until just before ``until_at``.

    ``played_from`` is later than ``from_at`` where there were more than REQUESTS_MAX. ``shown`` are the
    first SHOWN_MAX that would have been refused.
    """

    budget: Budget
    from_at: datetime
    played_from: datetime
    until_at: datetime
    windows: list[DryWindow] = field(default_factory=list)
    shown: list[Refused] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """How many there were."""
        return sum(window.requests for window in self.windows)

    @property
    def refused(self) -> int:
        """How many of them the budget would have refused."""
        return sum(window.refused for window in self.windows)

    @property
    def refused_net_nano(self) -> int:
        """What these were charged."""
        return sum(window.refused_net_nano for window in self.windows)

    @property
    def is_cut(self) -> bool:
        """Whether there were too many for all of them to be played."""
        return self.played_from > self.from_at


async def run_dry(connection: Connection, budget: Budget, *, at: datetime) -> DryRun:
    """Play the DAYS days before ``at`` under a budget that need not exist; amounts in nano."""
    from_at = at - timedelta(days=DAYS)
    parameters: dict[str, object] = {
        "organization_id": budget.organization_id,
        "scope": budget.scope,
        "scope_id": budget.scope_id,
        "from_at": from_at,
        "until_at": at,
        "skipped": REQUESTS_MAX - 1,
    }
    cursor = await connection.execute(_COUNT.format(where=_WHERE), parameters)
    first = await cursor.fetchone()
    played_from: datetime = first[0] if first else from_at
    starts_at = find_window(budget.calendar, played_from).starts_at
    parameters |= {"played_from": played_from, "starts_at": starts_at}
    before = None
    if not budget.is_each:
        before = await (await connection.execute(_SETTLED_BEFORE, parameters)).fetchone()
    rows = await (await connection.execute(_READ.format(where=_WHERE), parameters)).fetchall()
    run = DryRun(budget, from_at, played_from, at)
    await _play(run, [PastRequest(*row) for row in rows], settled_nano=before[0] if before else 0)
    return run


async def _play(run: DryRun, requests: list[PastRequest], *, settled_nano: int) -> None:
    """Hold, refuse and settle, in the order in which it happened."""
    window = find_window(run.budget.calendar, run.played_from)
    budget = msgspec.structs.replace(run.budget, counted_from=window.starts_at)
    tally = Tally(budget, [BudgetWindow(budget.budget_id, *window, settled_nano=settled_nano)])
    budgets, seen = Budgets([tally]), dict[datetime, DryWindow]()
    open_: list[tuple[datetime, str, PastRequest]] = []
    for number, request in enumerate(requests):
        if number % _STEP == 0:
            await asyncio.sleep(0)
        while open_ and open_[0][0] <= request.held_at:
            _end(budgets, heappop(open_)[2], seen)
        asker = request.asker
        for budget_id in list(budgets.find_missing(asker)):
            budgets.add_each(budget_id, asker.end_user, windows=())
        counted = _find(tally, request.held_at, seen)
        counted.requests += 1
        refusal = budgets.refuse(asker, request.held_nano)
        if refusal is None:
            budgets.take(asker, request.held_nano)
            heappush(open_, (request.ended_at, request.request_id, request))
            continue
        counted.refused += 1
        counted.refused_net_nano += request.net_nano
        if len(run.shown) < SHOWN_MAX:
            run.shown.append(Refused(request, _left(refusal)))
    while open_:
        _end(budgets, heappop(open_)[2], seen)
    for past in tally.windows:
        if past.starts_at in seen:
            seen[past.starts_at].settled_nano = past.settled_nano
    run.windows = [seen[starts_at] for starts_at in sorted(seen)]


def _end(budgets: Budgets, request: PastRequest, seen: dict[datetime, DryWindow]) -> None:
    for alert in budgets.end(
        request.asker, request.held_nano, net_nano=request.net_nano, at=request.ended_at
    ):
        counted = seen[alert.window.starts_at]
        counted.told_percent = max(counted.told_percent, alert.percent or 0)


def _find(tally: Tally, at: datetime, seen: dict[datetime, DryWindow]) -> DryWindow:
    window = tally.find_window(at)
    if window is None:
        raise LookupError(at)
    return seen.setdefault(window.starts_at, DryWindow(window.starts_at, window.ends_at))


def _left(refusal: JetonError) -> int:
    return refusal.left_nano if isinstance(refusal, BudgetExceededError) else 0


def render_dry_run(run: DryRun) -> dict[str, object]:
    """A dry run as the Console's twin and the command line give it; amounts are exact dollars."""
    return {
        "type": "budget_dry_run",
        "from": run.from_at.isoformat(),
        "played_from": run.played_from.isoformat(),
        "until": run.until_at.isoformat(),
        "limit": render_usd(run.budget.limit_nano),
        "is_hard": run.budget.is_hard,
        "requests": run.requests,
        "refused": run.refused,
        "refused_net_amount": render_usd(run.refused_net_nano),
        "windows": [
            {
                "starts_at": window.starts_at.isoformat(),
                "ends_at": None if window.ends_at is None else window.ends_at.isoformat(),
                "requests": window.requests,
                "settled": render_usd(window.settled_nano),
                "refused": window.refused,
                "refused_net_amount": render_usd(window.refused_net_nano),
                "told_percent": window.told_percent or None,
            }
            for window in run.windows
        ],
        "first_refused": [
            {
                "request_id": one.request.request_id,
                "end_user": one.request.end_user or None,
                "held_at": one.request.held_at.isoformat(),
                "key_id": one.request.key_id,
                "model": one.request.model,
                "needed": render_usd(one.request.held_nano),
                "left": render_usd(one.left_nano),
                "net_amount": render_usd(one.request.net_nano),
            }
            for one in run.shown
        ],
    }
