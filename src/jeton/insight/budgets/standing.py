"""Standing: an organization's budgets at one instant: limit = settled + held + left, unless overrun.

Of a budget of every end user settled and held are the sums of all of them, and ``highest`` those whose use is
highest in the window; what is left is each one's own.

``left`` is what a further hold may take, and never below 0: a charge above its hold, or a limit that was
lowered, may leave more settled and held than the limit.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.rows import DictRow, dict_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.ledger.budgets.budgets import BUDGETS_MAX
from jeton.ledger.budgets.errors import Scope, UnknownBudgetError
from jeton.ledger.budgets.scopes import EVERY, SCOPE_FIELDS
from jeton.ledger.budgets.tally import EACH_TOLD_PERCENT, BudgetWindow, forecast
from jeton.ledger.budgets.windows import Calendar, Period, find_window
from jeton.money import render_usd

_READ = """
    SELECT b.*, w.starts_at, w.ends_at, coalesce(w.held_nano, 0) AS held_nano,
           coalesce(w.settled_nano, 0) AS settled_nano
    FROM budgets AS b LEFT JOIN budget_windows AS w
        ON w.budget_id = b.budget_id AND w.starts_at <= %(at)s AND (w.ends_at IS NULL OR %(at)s < w.ends_at)
    WHERE b.organization_id = %(organization_id)s
"""
# Of a budget of every end user so many are shown.
HIGHEST_MAX = 20

_LIST = f"{_READ} AND b.ended_at IS NULL ORDER BY b.budget_id LIMIT {BUDGETS_MAX}"
_GET = f"{_READ} AND b.budget_id = %(budget_id)s"
# In the order of the index, so that it ends after HIGHEST_MAX whatever their number.
_HIGHEST = """
    SELECT end_user, settled_nano, held_nano FROM each_windows WHERE budget_id = %s AND starts_at = %s
    ORDER BY budget_id, starts_at, settled_nano DESC, end_user LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class EndUserStanding:
    """One end user's part of a budget of every one, in its running window (nano)."""

    end_user: str
    settled_nano: int
    held_nano: int
    left_nano: int
    percent: int

    @property
    def is_near(self) -> bool:
        """Whether somebody is told of it."""
        return self.percent >= EACH_TOLD_PERCENT


@dataclass(frozen=True, slots=True)
class BudgetStanding:
    """A budget with its running window; ``forecast_nano``: settled at its end at this pace, if known."""

    budget_id: str
    scope: Scope
    scope_id: str
    period: Period
    zone: str
    anchor_day: int
    limit_nano: int
    is_hard: bool
    created_at: datetime
    created_by: str
    ended_at: datetime | None
    starts_at: datetime
    ends_at: datetime | None
    settled_nano: int
    held_nano: int
    forecast_nano: int | None
    highest: tuple[EndUserStanding, ...] = ()

    @property
    def is_each(self) -> bool:
        """Whether it is of every end user, each with a count of its own."""
        return self.scope == "end_user" and self.scope_id == EVERY

    @property
    def left_nano(self) -> int:
        """What a further hold may take before a hard budget refuses it."""
        return max(0, self.limit_nano - self.settled_nano - self.held_nano)

    @property
    def percent(self) -> int:
        """How much of the limit is settled, in whole percent, rounded down."""
        return self.settled_nano * 100 // self.limit_nano


async def list_budgets(
    connection: Connection, organization_id: UUID, *, at: datetime | None = None
) -> list[BudgetStanding]:
    """The budgets in force, oldest first; there are at most BUDGETS_MAX."""
    as_of = at or clock.now()
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_LIST, {"organization_id": organization_id, "at": as_of})
        standings = [_parse(row, as_of) for row in await cursor.fetchall()]
    # There are few budgets of every end user: EACH_BUDGETS_MAX.
    return [await _add_highest(connection, standing) for standing in standings]


async def get_budget(
    connection: Connection, organization_id: UUID, budget_id: str, *, at: datetime | None = None
) -> BudgetStanding:
    """One budget, also one that has ended; UnknownBudgetError if the organization has none of this id."""
    if not budget_id.isprintable():
        raise UnknownBudgetError(ascii(budget_id))
    as_of = at or clock.now()
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_GET, {"organization_id": organization_id, "budget_id": budget_id, "at": as_of})
        row = await cursor.fetchone()
    if row is None:
        raise UnknownBudgetError(budget_id)
    return await _add_highest(connection, _parse(row, as_of))


async def _add_highest(connection: Connection, standing: BudgetStanding) -> BudgetStanding:
    """The standing with the end users whose use is highest, if it is of every end user."""
    if not standing.is_each:
        return standing
    cursor = await connection.execute(_HIGHEST, (standing.budget_id, standing.starts_at, HIGHEST_MAX))
    limit_nano = standing.limit_nano
    highest = tuple(
        EndUserStanding(
            end_user=end_user,
            settled_nano=settled_nano,
            held_nano=held_nano,
            left_nano=max(0, limit_nano - settled_nano - held_nano),
            percent=settled_nano * 100 // limit_nano,
        )
        for end_user, settled_nano, held_nano in await cursor.fetchall()
    )
    return replace(standing, forecast_nano=None, highest=highest)


def _parse(row: DictRow, at: datetime) -> BudgetStanding:
    starts_at, ends_at = row["starts_at"], row["ends_at"]
    if starts_at is None:
        # Nothing was counted in the window yet.
        calendar = Calendar(row["period"], ZoneInfo(row["zone"]), row["anchor_day"])
        starts_at, ends_at = find_window(calendar, at)
        starts_at = max(starts_at, row["counted_from"])
    window = BudgetWindow(row["budget_id"], starts_at, ends_at, row["held_nano"], row["settled_nano"])
    forecast_nano = forecast(window, at)
    return BudgetStanding(
        budget_id=row["budget_id"],
        scope=row["scope"],
        scope_id=row["scope_id"],
        period=row["period"],
        zone=row["zone"],
        anchor_day=row["anchor_day"],
        limit_nano=row["limit_nano"],
        is_hard=row["is_hard"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        ended_at=row["ended_at"],
        starts_at=starts_at,
        ends_at=ends_at,
        settled_nano=row["settled_nano"],
        held_nano=row["held_nano"],
        forecast_nano=forecast_nano or None,
    )


def render_budget(standing: BudgetStanding) -> dict[str, Any]:
    """A budget as the API and the command line give it; amounts are exact dollars."""
    scope: dict[str, str] = {"type": standing.scope}
    if standing.scope != "organization":
        scope[SCOPE_FIELDS[standing.scope]] = standing.scope_id
    return {
        "type": "budget",
        "id": standing.budget_id,
        "scope": scope,
        "period": standing.period,
        "zone": standing.zone,
        "anchor_day": standing.anchor_day,
        "currency": "USD",
        "limit": render_usd(standing.limit_nano),
        "is_hard": standing.is_hard,
        "window": {
            "starts_at": standing.starts_at.isoformat(),
            "ends_at": None if standing.ends_at is None else standing.ends_at.isoformat(),
            "settled": render_usd(standing.settled_nano),
            "held": render_usd(standing.held_nano),
            "left": None if standing.is_each else render_usd(standing.left_nano),
            "percent": None if standing.is_each else standing.percent,
            "forecast": None if standing.forecast_nano is None else render_usd(standing.forecast_nano),
        },
        "highest": [_render_end_user(one) for one in standing.highest] if standing.is_each else None,
        "created_at": standing.created_at.isoformat(),
        "created_by": standing.created_by,
        "ended_at": None if standing.ended_at is None else standing.ended_at.isoformat(),
    }


def _render_end_user(one: EndUserStanding) -> dict[str, object]:
    return {
        "end_user": one.end_user,
        "settled": render_usd(one.settled_nano),
        "held": render_usd(one.held_nano),
        "left": render_usd(one.left_nano),
        "percent": one.percent,
    }
