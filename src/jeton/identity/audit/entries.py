"""Audit: who changed what that touches money, written in the transaction of the change itself.

Entries are facts: the database refuses to change or remove one. What requests do by themselves is not
here: their charges say it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from jeton import clock
from jeton.db.pool import Connection
from jeton.ids import new_id

ENTRIES_LISTED_MAX = 1_000

ActorKind = Literal["operator", "member", "key", "system"]


_INSERT = """
    INSERT INTO audit_entries
        (audit_id, occurred_at, actor_kind, actor, action, subject, organization_id, details)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: an operator by name or e-mail, a member by e-mail, a key by id, or Jeton itself."""

    kind: ActorKind
    name: str


SYSTEM = Actor("system", "jeton")


@dataclass(frozen=True, slots=True)
class Seal:
    """An entry's link in its chain: SHA-256 over ``previous`` and ``content``; digests in hex."""

    sequence: int
    digest: str
    previous: str
    content: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change: its actor, what was done (``credits.granted``), to what, with which values.

    ``seal`` is there where it was asked for.
    """

    audit_id: str
    occurred_at: datetime
    actor_kind: ActorKind
    actor: str
    action: str
    subject: str
    organization_id: UUID | None
    details: Mapping[str, object]
    seal: Seal | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What is recorded of a change: what was done, to what, with which values."""

    action: str
    subject: str
    organization_id: UUID | None = None
    details: Mapping[str, object] = field(default_factory=dict)


async def record_audit(
    connection: Connection,
    actor: Actor,
    action: str,
    *,
    subject: str,
    organization_id: UUID | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Record a change in the caller's transaction, so that neither is ever there alone.

    ``details`` are JSON-able and hold no secret; amounts are dollars as text.
    """
    change = Change(action, subject, organization_id, details or {})
    await connection.execute(_INSERT, _render(actor, change))


async def record_changes(connection: Connection, actor: Actor, changes: Sequence[Change]) -> None:
    """As ``record_audit``, for many changes by one actor."""
    async with connection.cursor() as cursor:
        await cursor.executemany(_INSERT, [_render(actor, change) for change in changes])


async def list_audit(
    connection: Connection, *, organization_id: UUID | None = None, limit: int = ENTRIES_LISTED_MAX
) -> list[AuditEntry]:
    """The latest entries, newest first; of one organization, if one is given."""
    async with connection.cursor(row_factory=class_row(AuditEntry)) as cursor:
        await cursor.execute(
            "SELECT audit_id, occurred_at, actor_kind, actor, action, subject, organization_id, details"
            " FROM audit_entries WHERE %(id)s::uuid IS NULL OR organization_id = %(id)s"
            " ORDER BY audit_id DESC LIMIT %(limit)s",
            {"id": organization_id, "limit": min(limit, ENTRIES_LISTED_MAX)},
        )
        return await cursor.fetchall()


def _render(actor: Actor, change: Change) -> tuple[object, ...]:
    return (
        new_id("audit"),
        clock.now(),
        actor.kind,
        actor.name,
        change.action,
        change.subject,
        change.organization_id,
        Jsonb(dict(change.details)),
    )
