"""Clearing: what budgets of every end user counted in windows that are long over is removed.

A million end users are a million rows a window, so they must not be kept for ever. A budget then counts from
a later instant, the start of a window, under another version of the book: what is settled or reversed later,
of holds before that instant, it counts no more. Charges themselves stay for ever, and reports read those.
"""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from jeton.db.pool import Connection, Pool
from jeton.identity.keys import lock_book
from jeton.ledger.budgets.windows import Calendar, find_window

# A window is cleared so long after its end, and all of a budget's so long after its own.
KEPT = timedelta(days=7)
ROWS_A_DELETE = 5_000
# Of budgets that have something to clear so many are looked at in one go.
BUDGETS_A_GO = 100

_DUE = """
    SELECT budget_id, organization_id, period, zone, anchor_day, counted_from FROM budgets
    WHERE scope = 'end_user' AND scope_id = '*' AND ended_at IS NULL AND period <> 'total'
      AND counted_from < %s
    ORDER BY counted_from LIMIT %s
"""
# Never past a window in which something is held: its end would be counted nowhere.
_MOVE = """
    UPDATE budgets AS b SET counted_from = %(from)s
    WHERE b.budget_id = %(budget_id)s AND b.counted_from < %(from)s AND NOT EXISTS (
        SELECT FROM budget_windows AS w WHERE w.budget_id = b.budget_id AND w.starts_at < %(from)s
        AND (w.held_nano > 0 OR w.ends_at IS NULL OR w.ends_at > %(from)s))
"""
_CLEAR_SUMS = """
    DELETE FROM budget_windows AS w USING budgets AS b
    WHERE b.budget_id = %s AND w.budget_id = b.budget_id AND w.ends_at <= b.counted_from
"""
# Each budget's from its first window on, so that nothing is looked at that stays.
_CLEAR = """
    DELETE FROM each_windows WHERE ctid = ANY (ARRAY(
        SELECT old.ctid FROM budgets AS b CROSS JOIN LATERAL (
            SELECT w.ctid FROM each_windows AS w
            WHERE w.budget_id = b.budget_id
              AND w.starts_at < CASE WHEN b.ended_at < %(before)s THEN 'infinity' ELSE b.counted_from END
            ORDER BY w.budget_id, w.starts_at LIMIT %(rows)s
        ) AS old
        WHERE b.scope = 'end_user' AND b.scope_id = '*' LIMIT %(rows)s))
"""


async def clear_windows(pool: Pool, at: datetime) -> int:
    """Remove what ended KEPT before ``at``, up to ROWS_A_DELETE end users' windows; return how many."""
    async with pool.connection() as connection:
        due = await (await connection.execute(_DUE, (at - KEPT, BUDGETS_A_GO))).fetchall()
    for budget_id, organization_id, period, zone, anchor_day, counted_from in due:
        calendar = Calendar(period, ZoneInfo(zone), anchor_day)
        starts_at = find_window(calendar, at - KEPT).starts_at
        if starts_at > counted_from:
            async with pool.connection() as connection:
                await _move(connection, organization_id, budget_id, starts_at=starts_at)
    async with pool.connection() as connection:
        return (await connection.execute(_CLEAR, {"before": at - KEPT, "rows": ROWS_A_DELETE})).rowcount


async def _move(
    connection: Connection, organization_id: UUID, budget_id: str, *, starts_at: datetime
) -> None:
    async with connection.transaction():
        # Whoever remembers the book, and with it since when the budget counts, reads it again.
        await lock_book(connection, organization_id)
        await connection.execute(_MOVE, {"from": starts_at, "budget_id": budget_id})
        await connection.execute(_CLEAR_SUMS, (budget_id,))
