"""Chain: each transaction's digest covers its content and the digest before it.

One chain an organization. Whoever changes a row of the journal has to change every digest after
it, and the chain's end, which an auditor may have written down. Migration 0006 computes the same.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Entry(NamedTuple):
    """What a digest covers, in the order of the database's columns."""

    sequence: int
    organization_id: str
    transaction_id: str
    movement: str
    request_id: str | None
    accounts: Sequence[str]
    lots: Sequence[str]
    amounts: Sequence[int]
    posted_at: datetime
    reason: str


def link(previous: bytes, entry: Entry) -> bytes:
    """The digest of an entry after ``previous``, which is empty for the first of an organization.

    A line a field, and the only free text comes last, so no two entries read alike.
    """
    content = (
        f"{entry.sequence}\n{entry.transaction_id}\n{entry.organization_id}\n{entry.movement}\n"
        f"{entry.request_id or ''}\n{','.join(entry.accounts)}\n{','.join(entry.lots)}\n"
        f"{','.join(map(str, entry.amounts))}\n{(entry.posted_at - _EPOCH) // _MICROSECOND}\n{entry.reason}"
    )
    return sha256(previous + content.encode()).digest()
