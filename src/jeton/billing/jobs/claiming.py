"""Claiming: a job belongs to whoever runs it, for some seconds at a time, and the row says what came of it.

Instants of claims and of what is due are the database's clock, which all processes share.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from psycopg.types.json import Jsonb

from jeton.billing.jobs.schedule import find_next
from jeton.billing.jobs.words import Counts
from jeton.db.pool import Connection

CLAIM_S = 60
RENEWAL_S = 10
PROBLEM_CHARS_MAX = 1_000

_KNOW = """
    INSERT INTO billing_jobs (kind, due_at) SELECT kind, clock_timestamp() FROM unnest(%s::text[]) AS kind
    ON CONFLICT (kind) DO NOTHING
"""
_DUE = """
    SELECT kind FROM billing_jobs
    WHERE kind = ANY (%s) AND due_at <= clock_timestamp()
      AND coalesce(claimed_until < clock_timestamp(), true)
      AND NOT EXISTS (SELECT FROM procrastinate_jobs AS j
                      WHERE j.queueing_lock = 'billing:' || kind AND j.status = 'todo')
    ORDER BY due_at
"""
_CLAIM = """
    UPDATE billing_jobs SET claim_id = %(claim_id)s, node_id = %(node_id)s, started_at = clock_timestamp(),
        claimed_until = clock_timestamp() + make_interval(secs => %(claim_s)s)
    WHERE kind = %(kind)s AND due_at <= clock_timestamp()
      AND coalesce(claimed_until < clock_timestamp(), true)
    RETURNING started_at, failures
"""
_RENEW = """
    UPDATE billing_jobs SET claimed_until = clock_timestamp() + make_interval(secs => %s)
    WHERE kind = %s AND claim_id = %s
"""
_LET_GO = "UPDATE billing_jobs SET claim_id = NULL, claimed_until = NULL WHERE kind = %s AND claim_id = %s"
_END = """
    UPDATE billing_jobs SET claim_id = NULL, claimed_until = NULL, ended_at = %(ended_at)s,
        due_at = %(due_at)s, failures = %(failures)s, problem = %(problem)s,
        done_at = CASE WHEN %(failures)s = 0 THEN %(ended_at)s ELSE done_at END,
        counts = CASE WHEN %(failures)s = 0 THEN %(counts)s ELSE counts END
    WHERE kind = %(kind)s AND claim_id = %(claim_id)s
"""
_HURRY = "UPDATE billing_jobs SET due_at = least(due_at, clock_timestamp()) WHERE kind = %s"


async def know_kinds(connection: Connection, kinds: Iterable[str]) -> None:
    """See to it that every kind has its row; a new one is due at once."""
    await connection.execute(_KNOW, (sorted(kinds),))


async def list_due(connection: Connection, kinds: Iterable[str]) -> list[str]:
    """The kinds that are due, at which nobody is, and of which nobody was reminded."""
    rows = await (await connection.execute(_DUE, (sorted(kinds),))).fetchall()
    return [kind for (kind,) in rows]


async def claim_job(
    connection: Connection, kind: str, *, claim_id: str, node_id: str
) -> tuple[datetime, int] | None:
    """Take a job that is due: when it began, and its failures in a row until now. None if it is not ours."""
    cursor = await connection.execute(
        _CLAIM, {"kind": kind, "claim_id": claim_id, "node_id": node_id, "claim_s": CLAIM_S}
    )
    row = await cursor.fetchone()
    return None if row is None else (row[0], row[1])


async def renew_claim(connection: Connection, kind: str, *, claim_id: str) -> bool:
    """Keep a job for longer; False if it is somebody else's by now."""
    cursor = await connection.execute(_RENEW, (CLAIM_S, kind, claim_id))
    return cursor.rowcount == 1


async def let_go(connection: Connection, kind: str, *, claim_id: str) -> None:
    """Leave a job to others, as due as it was."""
    await connection.execute(_LET_GO, (kind, claim_id))


async def end_job(
    connection: Connection,
    kind: str,
    *,
    claim_id: str,
    every: timedelta,
    failures: int,
    outcome: Counts | str,
) -> None:
    """Write what came of a run: its counts, or the problem. Nothing, if the claim was lost."""
    cursor = await connection.execute(
        "SELECT started_at, clock_timestamp() FROM billing_jobs WHERE kind = %s AND claim_id = %s",
        (kind, claim_id),
    )
    row = await cursor.fetchone()
    if row is None:
        return
    started_at, ended_at = row
    problem, counts = (outcome, {}) if isinstance(outcome, str) else ("", dict(outcome))
    failures = failures + 1 if problem else 0
    await connection.execute(
        _END,
        {
            "kind": kind,
            "claim_id": claim_id,
            "ended_at": ended_at,
            "due_at": find_next(every, started_at=started_at, ended_at=ended_at, failures=failures),
            "failures": failures,
            "problem": problem[:PROBLEM_CHARS_MAX],
            "counts": Jsonb(counts),
        },
    )


async def hurry_job(connection: Connection, kind: str) -> bool:
    """Have a job done now; False if there is no such kind."""
    return (await connection.execute(_HURRY, (kind,))).rowcount == 1
