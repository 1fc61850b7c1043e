"""Health: the last proof of the books, what waits to be booked, the queues, the processes and the database.

Every count stops at COUNTED_MAX, so that a page that is asked for because something piled up is quick.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, dict_row

from jeton import clock
from jeton.db.nodes import SILENCE_MAX_S
from jeton.db.pool import Connection
from jeton.insight.operating.billing_jobs import BillingJob, list_billing_jobs, render_billing_job

PROOFS_LISTED_MAX = 10
NODES_LISTED_MAX = 100
COUNTED_MAX = 10_000

_PROOFS = """
    SELECT proof_id, requested_at, requested_by, started_at, seen_at, ended_at, rows_read, is_sound, counts,
           findings, findings_count, encode(head, 'hex') AS head, problem, audit_findings_count,
           encode(audit_head, 'hex') AS audit_head
    FROM ledger_proofs ORDER BY proof_id DESC LIMIT %s
"""
_NODES = """
    SELECT node_id, kind, started_at, seen_at FROM nodes
    WHERE ended_at IS NULL AND seen_at > clock_timestamp() - make_interval(secs => %s)
    ORDER BY kind, started_at LIMIT %s
"""
_NUMBERS = """
    SELECT clock_timestamp() AS as_of,
      (SELECT count(*) FROM (SELECT FROM holds LIMIT %(most)s) AS h) AS open_holds,
      (SELECT count(*) FROM (SELECT FROM holds WHERE valid_until < clock_timestamp() LIMIT %(most)s) AS h)
          AS overdue_holds,
      (SELECT min(taken_at) FROM holds WHERE request_id NOT LIKE 'lease\\_%%') AS oldest_hold_at,
      (SELECT min(valid_until) FROM holds WHERE valid_until < clock_timestamp()) AS overdue_since_at,
      -- Ids of events begin with the instant of their making.
      (SELECT occurred_at FROM events WHERE event_id = (SELECT min(event_id) FROM pending_events))
          AS oldest_event_at,
      (SELECT count(*) FROM (SELECT FROM pending_events LIMIT %(most)s) AS e) AS pending_events,
      (SELECT count(*) FROM (
          SELECT FROM deliveries WHERE next_attempt_at <= clock_timestamp() LIMIT %(most)s) AS d)
          AS due_deliveries,
      (SELECT min(next_attempt_at) FROM deliveries WHERE next_attempt_at IS NOT NULL) AS next_delivery_at,
      (SELECT count(*) FROM (
          SELECT FROM batch_chunks WHERE finished_at IS NULL AND turn IS NOT NULL LIMIT %(most)s) AS c)
          AS waiting_chunks,
      (SELECT count(*) FROM (SELECT FROM batches WHERE state <> 'ended' LIMIT %(most)s) AS b)
          AS unfinished_batches,
      (SELECT count(*) FROM (SELECT FROM alarms WHERE acknowledged_at IS NULL LIMIT %(most)s) AS a)
          AS open_alarms,
      (SELECT count(*) FROM (SELECT FROM inbox_items WHERE state = 'open' LIMIT %(most)s) AS i) AS open_items,
      (SELECT count(*) FROM organizations WHERE suspended_at IS NOT NULL) AS suspended_organizations,
      pg_database_size(current_database()) AS database_bytes,
      current_setting('server_version') AS server_version,
      (SELECT max(number) FROM schema_migrations) AS schema_number
"""
_JOBS = """
    SELECT queue_name, status::text AS status, count(*) AS jobs, min(scheduled_at) AS due_at
    FROM (
        SELECT queue_name, status, scheduled_at FROM procrastinate_jobs
        WHERE status IN ('todo', 'doing') LIMIT %(most)s
    ) AS j GROUP BY 1, 2 ORDER BY 1, 2
"""
# The largest tables, for whoever wonders where the room went.
_TABLES = """
    SELECT relname AS name, pg_total_relation_size(oid) AS bytes, greatest(reltuples, 0)::bigint AS rows_about
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    ORDER BY bytes DESC LIMIT 6
"""


@dataclass(frozen=True, slots=True)
class LedgerProof:
    """One proof of the books: waiting, running, or over; ``problem`` is why it found nothing out."""

    proof_id: str
    requested_at: datetime
    requested_by: str
    started_at: datetime | None
    seen_at: datetime | None
    ended_at: datetime | None
    rows_read: int
    is_sound: bool | None
    counts: dict[str, int] | None
    findings: list[str] | None
    findings_count: int | None
    head: str | None
    problem: str | None
    audit_findings_count: int | None
    audit_head: str | None

    @property
    def state(self) -> str:
        """Where it stands."""
        if self.ended_at is not None:
            return "failed" if self.is_sound is None else "sound" if self.is_sound else "wrong"
        return "waiting" if self.started_at is None else "running"

    @property
    def seconds(self) -> int | None:
        """How long it took."""
        if self.started_at is None or self.ended_at is None:
            return None
        return int((self.ended_at - self.started_at).total_seconds())


@dataclass(frozen=True, slots=True)
class LiveNode:
    """A process that was seen a moment ago."""

    node_id: str
    kind: str
    started_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Health:
    """How all is at one instant; ``numbers`` by name, times and texts among them."""

    as_of: datetime
    proofs: tuple[LedgerProof, ...]
    nodes: tuple[LiveNode, ...]
    numbers: dict[str, Any]
    jobs: tuple[dict[str, Any], ...]
    tables: tuple[dict[str, Any], ...]
    billing_jobs: tuple[BillingJob, ...] = ()

    @property
    def last_proof(self) -> LedgerProof | None:
        """The last one with a result."""
        return next((proof for proof in self.proofs if proof.is_sound is not None), None)

    @property
    def lag_s(self) -> int:
        """How long the oldest end of a request, or event, waits to be booked or sent out; in whole seconds.

        What waits on a node's disk is not in it: its age is not known before it is replayed.
        """
        since = (self.numbers.get("overdue_since_at"), self.numbers.get("oldest_event_at"))
        return max([int((self.as_of - at).total_seconds()) for at in since if at is not None] or [0])

    @property
    def coming_proof(self) -> LedgerProof | None:
        """The one that waits or runs."""
        return next((proof for proof in self.proofs if proof.ended_at is None), None)


async def get_health(connection: Connection) -> Health:
    """How all is, in six questions that do not depend on how much history there is."""
    async with connection.cursor(row_factory=class_row(LedgerProof)) as proving:
        await proving.execute(_PROOFS, (PROOFS_LISTED_MAX,))
        proofs = tuple(await proving.fetchall())
    async with connection.cursor(row_factory=class_row(LiveNode)) as beating:
        await beating.execute(_NODES, (SILENCE_MAX_S, NODES_LISTED_MAX))
        nodes = tuple(await beating.fetchall())
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_NUMBERS, {"most": COUNTED_MAX})
        numbers = await cursor.fetchone() or {}
        await cursor.execute(_JOBS, {"most": COUNTED_MAX})
        jobs = tuple(await cursor.fetchall())
        await cursor.execute(_TABLES)
        tables = tuple(await cursor.fetchall())
    as_of = numbers.pop("as_of", clock.now())
    return Health(as_of, proofs, nodes, numbers, jobs, tables, await list_billing_jobs(connection))


def render_health(health: Health) -> dict[str, object]:
    """The health as the page's twin gives it."""
    return {
        "type": "health",
        "as_of": health.as_of.isoformat(),
        "proofs": [render_proof(proof) for proof in health.proofs],
        "nodes": [
            {
                "id": node.node_id,
                "kind": node.kind,
                "started_at": node.started_at.isoformat(),
                "seen_at": node.seen_at.isoformat(),
            }
            for node in health.nodes
        ],
        "jobs": [{**job, "due_at": _render_value(job["due_at"])} for job in health.jobs],
        "billing_jobs": [render_billing_job(job) for job in health.billing_jobs],
        "tables": list(health.tables),
        "ingest_lag_s": health.lag_s,
        **{name: _render_value(value) for name, value in health.numbers.items()},
    }


def render_proof(proof: LedgerProof) -> dict[str, object]:
    """A proof as the page's twin gives it."""
    return {
        "id": proof.proof_id,
        "type": "ledger_proof",
        "state": proof.state,
        "requested_at": proof.requested_at.isoformat(),
        "requested_by": proof.requested_by,
        "started_at": _render_value(proof.started_at),
        "ended_at": _render_value(proof.ended_at),
        "rows_read": proof.rows_read,
        "is_sound": proof.is_sound,
        "counts": proof.counts,
        "findings": proof.findings,
        "findings_count": proof.findings_count,
        "head": None if proof.head is None else f"sha256:{proof.head}",
        "problem": proof.problem,
        "audit_findings_count": proof.audit_findings_count,
        "audit_head": None if proof.audit_head is None else f"sha256:{proof.audit_head}",
    }


def _render_value(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
