"""Minutes: what counted against rate limits, minute by minute, and how many requests they sent back.

A minute is written once it is over, and again for requests that end later. Not money: what a node that died
had not written is missing.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from jeton.db.pool import Connection
from jeton.usage import Usage

KEPT = timedelta(days=32)
# Between two writings: organizations times workspaces times models.
MINUTES_MAX = 50_000

_ADD = """
    INSERT INTO minute_rollups AS r (organization_id, minute_at, workspace_id, model, requests, input_tokens,
        cache_read_input_tokens, output_tokens, limited)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (organization_id, minute_at, workspace_id, model) DO UPDATE SET
        requests = r.requests + excluded.requests,
        input_tokens = r.input_tokens + excluded.input_tokens,
        cache_read_input_tokens = r.cache_read_input_tokens + excluded.cache_read_input_tokens,
        output_tokens = r.output_tokens + excluded.output_tokens,
        limited = r.limited + excluded.limited
"""
_SWEEP = "DELETE FROM minute_rollups WHERE minute_at < %s"


class Minute(NamedTuple):
    """What requests are counted by: the UTC minute of their hold, or in which they were sent back."""

    organization_id: UUID
    minute_at: datetime
    workspace_id: str
    model: str


Counts = tuple[int, int, int, int, int]


class Minutes:
    """What was counted and is not written yet."""

    def __init__(self) -> None:
        """Nothing was counted."""
        self.counts: dict[Minute, Counts] = {}

    def __len__(self) -> int:
        return len(self.counts)

    def note(self, minute: Minute, usage: Usage | None) -> None:
        """Count a request that was admitted, and what of its usage counts against limits."""
        if usage is None:
            self._add(minute, (1, 0, 0, 0, 0))
            return
        read = usage.cache_read_input_tokens
        self._add(minute, (1, usage.prompt_tokens - read, read, usage.output_tokens, 0))

    def note_limited(self, minute: Minute) -> None:
        """Count a request that a rate limit sent back."""
        self._add(minute, (0, 0, 0, 0, 1))

    def take(self, until: datetime | None = None) -> "Minutes":
        """What was counted in minutes before ``until`` (None: all of it); it is not kept here any more."""
        taken = Minutes()
        if until is None:
            taken.counts, self.counts = self.counts, taken.counts
            return taken
        over = [minute for minute in self.counts if minute.minute_at < until]
        for minute in over:
            taken.counts[minute] = self.counts.pop(minute)
        return taken

    def merge(self, other: "Minutes") -> None:
        """Add what could not be written."""
        for minute, counts in other.counts.items():
            self._add(minute, counts)

    async def write(self, connection: Connection) -> None:
        """Add to the rows, in one order on every node, so that no two wait for each other."""
        rows = sorted((*minute, *counts) for minute, counts in self.counts.items())
        if rows:
            async with connection.cursor() as cursor:
                await cursor.executemany(_ADD, rows)

    def _add(self, minute: Minute, added: Counts) -> None:
        before = self.counts.get(minute)
        if before is not None:
            requests, input_tokens, read, output_tokens, limited = before
            self.counts[minute] = (
                requests + added[0],
                input_tokens + added[1],
                read + added[2],
                output_tokens + added[3],
                limited + added[4],
            )
        elif len(self.counts) < MINUTES_MAX:
            self.counts[minute] = added


def begin_minute(at: datetime) -> datetime:
    """The minute that an instant is in."""
    return at.replace(second=0, microsecond=0)


async def sweep_minutes(connection: Connection, at: datetime) -> None:
    """Forget minutes that are older than what is kept."""
    await connection.execute(_SWEEP, (at - KEPT,))
