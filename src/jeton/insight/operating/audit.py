"""Audit: the log of who changed what, by actor, action, organization and time, page by page.

A filter looks through at most SCANNED_MAX entries for one page and then offers to go on.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import AuditEntry

PAGE_ROWS = 50
SCANNED_MAX = 20_000
EXPORTED_MAX = 100_000
EXPORTED_AT_ONCE = 1_000

_COLUMNS = "audit_id, occurred_at, actor_kind, actor, action, subject, organization_id, details"
_READ = f"""
    WITH scanned AS (
        SELECT * FROM audit_entries
        WHERE (%(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s)
          AND (%(before_id)s::text IS NULL OR audit_id < %(before_id)s)
        ORDER BY audit_id DESC LIMIT %(scanned_max)s
    ), matching AS (
        SELECT * FROM scanned
        WHERE (%(actor)s = '' OR actor = %(actor)s) AND (%(kind)s = '' OR actor_kind = %(kind)s)
          AND (%(action)s = '' OR action = %(action)s OR action LIKE %(action)s || '.%%')
          AND (%(subject)s = '' OR subject = %(subject)s)
          AND (%(from_at)s::timestamptz IS NULL OR occurred_at >= %(from_at)s)
          AND (%(until_at)s::timestamptz IS NULL OR occurred_at < %(until_at)s)
        ORDER BY audit_id DESC LIMIT %(limit)s
    )
    SELECT {_COLUMNS}, scanned_count, scanned_id
    FROM (SELECT count(*) AS scanned_count, min(audit_id) AS scanned_id FROM scanned) AS s
    LEFT JOIN matching ON true ORDER BY audit_id DESC
"""  # noqa: S608 - the columns above
_ENTRY_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries: "" or None is every one; an ``action`` such as ``credits`` is every one that begins so.

    From ``from_at`` up to, not including, ``until_at``.
    """

    organization_id: UUID | None = None
    actor: str = ""
    kind: str = ""
    action: str = ""
    subject: str = ""
    from_at: datetime | None = None
    until_at: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it lets everything through, but for the organization, which has an index."""
        return not (self.actor or self.kind or self.action or self.subject or self.from_at or self.until_at)


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of entries, newest first; ``next_id`` asks for the next one."""

    as_of: datetime
    entries: tuple[AuditEntry, ...]
    next_id: str | None


async def list_audit_page(
    connection: Connection, wanted: AuditFilter, *, before_id: str | None = None, limit: int = PAGE_ROWS
) -> AuditPage:
    """Entries older than ``before_id``."""
    scanned_max = limit + 1 if wanted.is_empty else SCANNED_MAX
    cursor = await connection.execute(
        _READ,
        {
            "organization_id": wanted.organization_id,
            "before_id": before_id,
            "actor": wanted.actor,
            "kind": wanted.kind,
            "action": wanted.action,
            "subject": wanted.subject,
            "from_at": wanted.from_at,
            "until_at": wanted.until_at,
            "scanned_max": scanned_max,
            "limit": limit + 1,
        },
    )
    rows: list[tuple[Any, ...]] = await cursor.fetchall()
    entries = tuple(AuditEntry(*row[:_ENTRY_COLUMNS]) for row in rows if row[0] is not None)
    if len(entries) > limit:
        return AuditPage(clock.now(), entries[:limit], entries[limit - 1].audit_id)
    scanned_count, scanned_id = rows[0][_ENTRY_COLUMNS:]
    is_cut_off = not wanted.is_empty and scanned_count == scanned_max
    return AuditPage(clock.now(), entries, scanned_id if is_cut_off else None)


async def read_audit(connection: Connection, wanted: AuditFilter) -> AsyncIterator[AuditEntry]:
    """Every entry that is wanted, newest first, EXPORTED_MAX at most, a page at a time."""
    before_id, count = None, 0
    while count < EXPORTED_MAX:
        page = await list_audit_page(connection, wanted, before_id=before_id, limit=EXPORTED_AT_ONCE)
        for entry in page.entries:
            yield entry
        count += len(page.entries)
        before_id = page.next_id
        if before_id is None:
            return


def render_audit_entry(entry: AuditEntry) -> dict[str, object]:
    """An entry as the command line and the page's twin give it."""
    return {
        "id": entry.audit_id,
        "type": "audit_entry",
        "occurred_at": entry.occurred_at.isoformat(),
        "actor_kind": entry.actor_kind,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "organization_id": None if entry.organization_id is None else str(entry.organization_id),
        "details": entry.details,
    }
