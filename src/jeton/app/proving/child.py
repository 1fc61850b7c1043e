"""Child: one proof of the books, in its own process on its own connections, with low priority."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping

import psycopg

from jeton import clock
from jeton.db.pool import Connection, Pool, open_pool
from jeton.insight.proving.chain import digest_ends
from jeton.insight.verify import Proof, verify
from jeton.watch.alarms import Alarm, AlarmCode, record_alarms
from jeton.watch.proofs import ProofOutcome, claim_proof, end_proof, fail_proof, note_progress

NICENESS = 15
NOTE_EVERY_S = 5
CONNECTIONS = 2
FIRST_CHARS_MAX = 500
PROBLEM_CHARS_MAX = 1_000


def prove_waiting(database_url: str) -> None:
    """Make the proof that waits, if one does; for a process that does nothing else."""
    os.nice(NICENESS)
    asyncio.run(_prove_waiting(database_url))


async def _prove_waiting(database_url: str) -> None:
    pool = await open_pool(database_url, connections_min=1, connections_max=CONNECTIONS)
    try:
        await prove_next(pool)
    finally:
        await pool.close()


async def prove_next(pool: Pool) -> str | None:
    """Make the proof that waits and write what came of it; its id, or None if there is nothing to do."""
    async with pool.connection() as connection:
        proof_id = await claim_proof(connection, clock.now())
    if proof_id is None:
        return None
    try:
        async with _telling(pool, proof_id) as progress, pool.connection() as connection:
            proof = await verify(connection, progress.set)
    except psycopg.Error as error:
        async with pool.connection() as connection:
            await fail_proof(
                connection, proof_id, f"The database said: {error}"[:PROBLEM_CHARS_MAX], at=clock.now()
            )
        return proof_id
    async with pool.connection() as connection:
        await _keep(connection, proof_id, proof)
    return proof_id


async def _keep(connection: Connection, proof_id: str, proof: Proof) -> None:
    at = clock.now()
    outcome = ProofOutcome(
        counts={
            "organizations": proof.organizations,
            "transactions": proof.transactions,
            "lots": proof.lots,
            "charges": proof.charges,
            "open_holds": proof.open_holds,
            "rollups": proof.rollups,
            "budget_windows": proof.budget_windows,
            "batch_pools": proof.batch_pools,
            "audit_entries": proof.audit_entries,
        },
        findings=proof.findings,
        head=digest_ends(proof.chains),
        audit_findings_count=proof.audit_findings,
        audit_head=digest_ends(proof.audit_chains),
    )
    await end_proof(connection, proof_id, outcome, at=at)
    if not outcome.is_sound:
        first = proof.findings[0][:FIRST_CHARS_MAX]
        details: Mapping[str, str | int] = {
            "proof_id": proof_id,
            "findings": len(proof.findings),
            "first": first,
        }
        alarm = Alarm(AlarmCode.LEDGER_UNSOUND, "ledger", details, at, at)
        await record_alarms(connection, [alarm])


class _Progress:
    """How many rows were read so far."""

    def __init__(self) -> None:
        self.rows = 0

    def set(self, rows: int) -> None:
        """Note what the proof says."""
        self.rows = rows


@contextlib.asynccontextmanager
async def _telling(pool: Pool, proof_id: str) -> AsyncIterator[_Progress]:
    """Say every few seconds that the proof goes on."""
    progress = _Progress()

    async def tell() -> None:
        while True:
            await asyncio.sleep(NOTE_EVERY_S)
            async with pool.connection() as connection:
                await note_progress(connection, proof_id, rows=progress.rows, at=clock.now())

    task = asyncio.create_task(tell())
    try:
        yield progress
    finally:
        task.cancel()
        await asyncio.wait([task])
