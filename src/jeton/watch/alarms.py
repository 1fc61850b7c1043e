"""Alarms: what needs an operator's eyes, kept until somebody has acknowledged it.

There is one open alarm for a code and a subject. What happens again before it is acknowledged only
adds to its number of times; its details are those of the first time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from psycopg.types.json import Jsonb

from jeton.db.pool import Connection
from jeton.ids import new_id
from jeton.watch.errors import AlarmNotFoundError


class AlarmCode(StrEnum):
    """What happened. Stored: chosen as if for ever."""

    BOUND_EXCEEDED = "bound_exceeded"
    TOKENIZER_DEMOTED = "tokenizer_demoted"
    LEDGER_UNSOUND = "ledger_unsound"
    PAYMENT_MISMATCH = "payment_mismatch"
    PAYMENT_REPEATED = "payment_repeated"


@dataclass(slots=True)
class Alarm:
    """An alarm to write: ``times`` it happened between both instants."""

    code: AlarmCode
    subject: str
    details: Mapping[str, str | int]
    occurred_at: datetime
    last_occurred_at: datetime
    times: int = 1


class PendingAlarms:
    """Alarms that are raised and not written yet; as many as there are codes and subjects, at most."""

    def __init__(self) -> None:
        self._alarms: dict[tuple[AlarmCode, str], Alarm] = {}

    def __len__(self) -> int:
        return len(self._alarms)

    def add(self, alarm: Alarm) -> bool:
        """Add one; whether it is the first of its code and subject that waits."""
        waiting = self._alarms.setdefault((alarm.code, alarm.subject), alarm)
        if waiting is alarm:
            return True
        waiting.times += alarm.times
        waiting.occurred_at = min(waiting.occurred_at, alarm.occurred_at)
        waiting.last_occurred_at = max(waiting.last_occurred_at, alarm.last_occurred_at)
        return False

    def take(self) -> tuple[Alarm, ...]:
        """Everything that waits, to be written, or else to be added again."""
        taken = tuple(self._alarms.values())
        self._alarms.clear()
        return taken


async def record_alarms(connection: Connection, alarms: Iterable[Alarm]) -> None:
    """Write alarms, in one order on every node, so that no two wait for each other."""
    for alarm in sorted(alarms, key=lambda alarm: (alarm.code, alarm.subject)):
        await connection.execute(
            "INSERT INTO alarms (alarm_id, code, subject, details, times, occurred_at, last_occurred_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (code, subject) WHERE acknowledged_at IS NULL DO UPDATE SET"
            " times = alarms.times + excluded.times,"
            " last_occurred_at = greatest(alarms.last_occurred_at, excluded.last_occurred_at)",
            (
                new_id("alarm"),
                alarm.code,
                alarm.subject,
                Jsonb(dict(alarm.details)),
                alarm.times,
                alarm.occurred_at,
                alarm.last_occurred_at,
            ),
        )


async def acknowledge_alarm(connection: Connection, alarm_id: str, *, by: str, at: datetime) -> None:
    """Close an alarm in somebody's name; the first name stays. AlarmNotFoundError."""
    cursor = await connection.execute(
        "UPDATE alarms SET acknowledged_at = coalesce(acknowledged_at, %s),"
        " acknowledged_by = coalesce(acknowledged_by, %s) WHERE alarm_id = %s",
        (at, by, alarm_id),
    )
    if cursor.rowcount == 0:
        raise AlarmNotFoundError(alarm_id)


async def count_open_alarms(connection: Connection) -> dict[str, int]:
    """How many alarms are open, by code; every code is there."""
    cursor = await connection.execute(
        "SELECT code, count(*) FROM alarms WHERE acknowledged_at IS NULL GROUP BY code"
    )
    return {**dict.fromkeys(AlarmCode, 0), **dict(await cursor.fetchall())}


async def list_open_subjects(connection: Connection, code: AlarmCode) -> frozenset[str]:
    """The subjects of the open alarms of a code."""
    cursor = await connection.execute(
        "SELECT subject FROM alarms WHERE code = %s AND acknowledged_at IS NULL", (code,)
    )
    return frozenset(subject for (subject,) in await cursor.fetchall())
