"""Billing jobs: what billing does by itself: when each kind is due, who is at it, how the last run went."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg.rows import class_row

from jeton.db.pool import Connection

KINDS_LISTED_MAX = 100
# Nobody does a job that nobody has begun for so long.
OVERDUE_S = 300

_LIST = """
    SELECT kind, due_at, node_id, coalesce(claimed_until > clock_timestamp(), false) AS is_running,
           coalesce(claimed_until < clock_timestamp(), true)
               AND due_at < clock_timestamp() - make_interval(secs => %s) AS is_overdue,
           started_at, ended_at, done_at, failures, problem, counts
    FROM billing_jobs ORDER BY kind LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class BillingJob:
    """One kind of job; ``failures`` are those in a row until now, ``counts`` what the last good run did."""

    kind: str
    due_at: datetime
    node_id: str
    is_running: bool
    is_overdue: bool
    started_at: datetime | None
    ended_at: datetime | None
    done_at: datetime | None
    failures: int
    problem: str
    counts: dict[str, int]

    @property
    def state(self) -> Literal["running", "overdue", "failing", "waiting"]:
        """How it stands; overdue: no process does it."""
        if self.is_running:
            return "running"
        if self.is_overdue:
            return "overdue"
        return "failing" if self.failures else "waiting"

    @property
    def name(self) -> str:
        """Its kind as people read it."""
        return self.kind.replace("_", " ").capitalize()

    @property
    def did(self) -> str:
        """What the last good run did: ``opened 2, ended 2``."""
        return ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in self.counts.items())


async def list_billing_jobs(connection: Connection) -> tuple[BillingJob, ...]:
    """Every kind that a process of this installation has ever known, by name."""
    async with connection.cursor(row_factory=class_row(BillingJob)) as cursor:
        await cursor.execute(_LIST, (OVERDUE_S, KINDS_LISTED_MAX))
        return tuple(await cursor.fetchall())


def render_billing_job(job: BillingJob) -> dict[str, object]:
    """A job as the page's twin and the command line give it."""
    return {
        "kind": job.kind,
        "type": "billing_job",
        "state": job.state,
        "due_at": job.due_at.isoformat(),
        "node_id": job.node_id or None,
        "started_at": None if job.started_at is None else job.started_at.isoformat(),
        "ended_at": None if job.ended_at is None else job.ended_at.isoformat(),
        "done_at": None if job.done_at is None else job.done_at.isoformat(),
        "failures": job.failures,
        "problem": job.problem or None,
        "counts": job.counts,
    }
