"""Proofs: when the books were proved and what came of it; asked for by a schedule or by somebody.

One waits at most and one runs at most, on whichever process takes it. Who runs one says every few seconds
that it is alive; one that was silent for ``SILENCE_MAX`` is over, without a result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.types.json import Jsonb

from jeton.db.pool import Connection
from jeton.ids import new_id

SILENCE_MAX = timedelta(minutes=2)
PROOFS_KEPT = 200
FINDINGS_KEPT = 100

_REQUEST = """
    INSERT INTO ledger_proofs (proof_id, requested_at, requested_by) VALUES (%s, %s, %s)
    ON CONFLICT ((true)) WHERE started_at IS NULL DO NOTHING
"""
# Without any yet, the first is due so long after the first organization.
_FIND_LAST = """
    SELECT coalesce(
        (SELECT max(requested_at) FROM ledger_proofs), (SELECT min(created_at) FROM organizations))
"""
_GIVE_UP = """
    UPDATE ledger_proofs SET ended_at = %(at)s, problem = 'The process that proved the books is gone.'
    WHERE started_at IS NOT NULL AND ended_at IS NULL AND seen_at < %(silent_since)s
"""
_CLAIM = """
    UPDATE ledger_proofs SET started_at = %(at)s, seen_at = %(at)s
    WHERE proof_id = (SELECT proof_id FROM ledger_proofs WHERE started_at IS NULL FOR UPDATE SKIP LOCKED)
      AND NOT EXISTS (SELECT FROM ledger_proofs WHERE started_at IS NOT NULL AND ended_at IS NULL)
    RETURNING proof_id
"""
_NOTE = "UPDATE ledger_proofs SET seen_at = %s, rows_read = %s WHERE proof_id = %s AND ended_at IS NULL"
_END = """
    UPDATE ledger_proofs SET ended_at = %(at)s, is_sound = %(is_sound)s, counts = %(counts)s,
        findings = %(findings)s, findings_count = %(findings_count)s, head = %(head)s,
        audit_findings_count = %(audit_findings_count)s, audit_head = %(audit_head)s
    WHERE proof_id = %(proof_id)s AND ended_at IS NULL
"""
_FAIL = "UPDATE ledger_proofs SET ended_at = %s, problem = %s WHERE proof_id = %s AND ended_at IS NULL"
_FORGET = """
    DELETE FROM ledger_proofs WHERE ended_at IS NOT NULL AND proof_id < (
        SELECT proof_id FROM ledger_proofs ORDER BY proof_id DESC OFFSET %s LIMIT 1)
"""


@dataclass(frozen=True, slots=True)
class ProofOutcome:
    """What a proof came to: how much was checked, what was wrong, and a digest of where the chains end.

    Of the audit log's chains the same: how many of the findings are theirs, and where they end.
    """

    counts: Mapping[str, int]
    findings: Sequence[str]
    head: bytes
    audit_findings_count: int = 0
    audit_head: bytes | None = None

    @property
    def is_sound(self) -> bool:
        """Whether nothing was wrong."""
        return not self.findings


async def request_proof(connection: Connection, *, by: str, at: datetime) -> bool:
    """Have the books proved as soon as somebody can; False if that was asked for already."""
    cursor = await connection.execute(_REQUEST, (new_id("proof"), at, by))
    return cursor.rowcount == 1


async def request_due_proof(connection: Connection, *, every: timedelta, at: datetime) -> bool:
    """Ask for one, by the schedule, if the last was asked for so long ago; whether it was."""
    row = await (await connection.execute(_FIND_LAST)).fetchone()
    last = row[0] if row else None
    if last is None or at - last < every:
        return False
    return await request_proof(connection, by="schedule", at=at)


async def claim_proof(connection: Connection, at: datetime) -> str | None:
    """Take the proof that waits, to run it; None if none does, or one runs. Old ones are forgotten."""
    await connection.execute(_GIVE_UP, {"at": at, "silent_since": at - SILENCE_MAX})
    await connection.execute(_FORGET, (PROOFS_KEPT,))
    try:
        async with connection.transaction():
            row = await (await connection.execute(_CLAIM, {"at": at})).fetchone()
    except psycopg.errors.UniqueViolation:
        # Somebody else began one at the same moment.
        return None
    return None if row is None else str(row[0])


async def note_progress(connection: Connection, proof_id: str, *, rows: int, at: datetime) -> None:
    """Say that the proof goes on, and how many rows it has read."""
    await connection.execute(_NOTE, (at, rows, proof_id))


async def end_proof(connection: Connection, proof_id: str, outcome: ProofOutcome, *, at: datetime) -> None:
    """Write what came of it."""
    await connection.execute(
        _END,
        {
            "proof_id": proof_id,
            "at": at,
            "is_sound": outcome.is_sound,
            "counts": Jsonb(dict(outcome.counts)),
            "findings": Jsonb(list(outcome.findings[:FINDINGS_KEPT])),
            "findings_count": len(outcome.findings),
            "head": outcome.head,
            "audit_findings_count": outcome.audit_findings_count,
            "audit_head": outcome.audit_head,
        },
    )


async def fail_proof(connection: Connection, proof_id: str, problem: str, *, at: datetime) -> None:
    """Write that it could not be made, which says nothing about the books."""
    await connection.execute(_FAIL, (at, problem, proof_id))
