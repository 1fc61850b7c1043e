"""Audit: the log of who changed what, by actor, action, organization and time, page by page.

A filter looks through at most SCANNED_MAX entries for one page and then offers to go on.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import AuditEntry
from jeton.identity.audit.entries import Seal

PAGE_ROWS = 50
SCANNED_MAX = 20_000
EXPORTED_MAX = 100_000
EXPORTED_AT_ONCE = 1_000

_COLUMNS = (
    "m.audit_id, m.occurred_at, m.actor_kind, m.actor, m.action, m.subject, m.organization_id, m.details"
)
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
    SELECT {_COLUMNS}, scanned_count, scanned_id, l.sequence, encode(l.digest, 'hex'),
           coalesce(encode(p.digest, 'hex'), ''), audit_content(l.sequence, m.entry)
    FROM (SELECT count(*) AS scanned_count, min(audit_id) AS scanned_id FROM scanned) AS s
    LEFT JOIN (SELECT *, ROW(matching.*)::audit_entries AS entry FROM matching) AS m ON true
    LEFT JOIN audit_links AS l ON l.audit_id = m.audit_id
    LEFT JOIN audit_links AS p ON p.chain_id = l.chain_id AND p.sequence = l.sequence - 1
    ORDER BY m.audit_id DESC
"""  # noqa: S608 - the columns above
_ENTRY_COLUMNS = 8
_SEAL_COLUMNS = _ENTRY_COLUMNS + 2


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
    entries = tuple(_build_entry(row) for row in rows if row[0] is not None)
    if len(entries) > limit:
        return AuditPage(clock.now(), entries[:limit], entries[limit - 1].audit_id)
    scanned_count, scanned_id = rows[0][_ENTRY_COLUMNS:_SEAL_COLUMNS]
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


def _build_entry(row: tuple[Any, ...]) -> AuditEntry:
    seal = None if row[_SEAL_COLUMNS] is None else Seal(*row[_SEAL_COLUMNS:])
    return replace(AuditEntry(*row[:_ENTRY_COLUMNS]), seal=seal)


def render_sealed(entry: AuditEntry) -> dict[str, object]:
    """An entry with all that its digest covers: SHA-256 of ``previous_digest``'s bytes and ``content``."""
    seal = entry.seal
    return {
        **render_audit_entry(entry),
        "previous_digest": None if seal is None else f"sha256:{seal.previous}" if seal.previous else None,
        "content": None if seal is None else seal.content,
    }


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
        "sequence": None if entry.seal is None else entry.seal.sequence,
        "digest": None if entry.seal is None else f"sha256:{entry.seal.digest}",
    }
