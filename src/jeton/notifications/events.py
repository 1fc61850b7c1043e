"""Events: writing down that something happened, in the transaction in which it does.

Telling anybody comes later and elsewhere. The same happening is written once, however often and on
however many nodes it is found: its ``dedup_key`` says which one it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec

from jeton.db.channel import Channel
from jeton.db.pool import Connection
from jeton.ids import new_id
from jeton.notifications.catalogue.data import EventData

_EMIT = "SELECT emit_event({}, {}::uuid, {}, {}::jsonb, {}::text[], {}, {}::timestamptz)"
_EMIT_PSYCOPG = _EMIT.format(*["%s"] * 7)
_EMIT_CHANNEL = _EMIT.format(*[f"${number}" for number in range(1, 8)])


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an organization, or (None) to this installation.

    ``emails`` are told besides those who are told anyway.
    """

    data: EventData
    organization_id: UUID | None
    dedup_key: str
    occurred_at: datetime
    emails: tuple[str, ...] = ()
    event_id: str = field(default_factory=lambda: new_id("evt"))


async def emit(connection: Connection, event: Event) -> bool:
    """Write an event in the caller's transaction; False if it was written before."""
    cursor = await connection.execute(_EMIT_PSYCOPG, _render(event))
    row = await cursor.fetchone()
    return bool(row and row[0])


async def emit_all(connection: Connection, events: Sequence[Event]) -> int:
    """Write events, in one order on every node so that no two wait for each other; how many are new."""
    if not events:
        return 0
    ordered = sorted(events, key=lambda event: event.dedup_key)
    async with connection.cursor() as cursor:
        await cursor.executemany(_EMIT_PSYCOPG, [_render(event) for event in ordered], returning=True)
        count = 0
        is_more: bool | None = True
        while is_more:
            row = await cursor.fetchone()
            count += bool(row and row[0])
            is_more = cursor.nextset()
    return count


def queue_event(channel: Channel, event: Event) -> None:
    """Have an event written with the next statement that the channel sends."""
    channel.queue(_EMIT_CHANNEL, *_render(event))


def _render(event: Event) -> tuple[str | None, ...]:
    return (
        event.event_id,
        None if event.organization_id is None else str(event.organization_id),
        event.data.type,
        msgspec.json.encode(event.data).decode(),
        _render_texts(event.emails),
        event.dedup_key,
        event.occurred_at.isoformat(),
    )


def _render_texts(texts: Sequence[str]) -> str:
    """Any texts as an array in PostgreSQL's notation."""
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"
