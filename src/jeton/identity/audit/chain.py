"""Chain: each entry of the audit log has a digest that covers it and the digest before it.

One chain an organization, and one of the house for changes of no organization. The database makes a link
when an entry's transaction commits; migration 0044 computes the same as this module does to check it.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

# The chain of changes that are of no organization.
HOUSE = UUID(int=0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Sealed(NamedTuple):
    """What a digest covers, in the order of the database's columns; ``details`` as PostgreSQL writes them."""

    audit_id: str
    occurred_at: datetime
    actor_kind: str
    actor: str
    action: str
    subject: str
    organization_id: UUID | None
    details: str


def render_content(sequence: int, entry: Sealed) -> str:
    """The text that is digested: each field after the number of its bytes, so that no two entries read alike.

    The first three lines of an entry are such as ``1:7``, ``34:audit_…`` and ``16:1764000000000000``.
    """
    fields = (
        str(sequence),
        entry.audit_id,
        str((entry.occurred_at - _EPOCH) // _MICROSECOND),
        entry.actor_kind,
        entry.actor,
        entry.action,
        entry.subject,
        "" if entry.organization_id is None else str(entry.organization_id),
        entry.details,
    )
    return "\n".join(f"{len(field.encode())}:{field}" for field in fields)


def link(previous: bytes, content: str) -> bytes:
    """The digest of an entry after ``previous``, which is empty for the first of a chain."""
    return sha256(previous + content.encode()).digest()


def find_chain(organization_id: UUID | None) -> UUID:
    """The chain that a change of this organization, or of none, belongs to."""
    return HOUSE if organization_id is None else organization_id
