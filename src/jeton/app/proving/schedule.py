"""Schedule: looks for a proof that is due or asked for, and has it made by a child process.

Workers (``jeton work``) do it where there are any; else the servers do.
"""

import asyncio
import multiprocessing
from datetime import timedelta
from multiprocessing.process import BaseProcess

import psycopg
import structlog

from jeton import clock
from jeton.app.proving.child import prove_waiting
from jeton.db.nodes import SILENCE_MAX_S, NodeKind
from jeton.db.pool import Pool
from jeton.settings import Settings
from jeton.watch.proofs import request_due_proof

LOOK_EVERY_S = 5

_log = structlog.get_logger(__name__)

_IS_WANTED = """
    SELECT EXISTS (SELECT FROM ledger_proofs WHERE started_at IS NULL)
        AND (%(kind)s = 'work' OR NOT EXISTS (
            SELECT FROM nodes WHERE kind = 'work' AND ended_at IS NULL
              AND seen_at > clock_timestamp() - make_interval(secs => %(silence_s)s)))
"""


def find_proof_interval(settings: Settings) -> timedelta | None:
    """How often the books are proved; None: only when somebody asks."""
    return timedelta(hours=settings.ledger_proof_hours) if settings.ledger_proof_hours else None


async def run_prover(pool: Pool, *, kind: NodeKind, every: timedelta | None) -> None:
    """Look until cancelled; ``every`` None makes proofs only when somebody asks."""
    database_url = pool.conninfo if isinstance(pool.conninfo, str) else ""
    while True:
        try:
            if await _is_wanted(pool, kind, every):
                await _run_child(database_url)
        except psycopg.Error as problem:
            _log.warning("proof_not_looked_for", problem=str(problem))
        await asyncio.sleep(LOOK_EVERY_S)


async def _is_wanted(pool: Pool, kind: NodeKind, every: timedelta | None) -> bool:
    async with pool.connection() as connection:
        if every is not None:
            await request_due_proof(connection, every=every, at=clock.now())
        cursor = await connection.execute(_IS_WANTED, {"kind": kind, "silence_s": SILENCE_MAX_S})
        row = await cursor.fetchone()
    return bool(row and row[0])


async def _run_child(database_url: str) -> None:
    """Run a child to its end; it ends with us."""
    process = multiprocessing.get_context("spawn").Process(
        target=prove_waiting, args=(database_url,), name="jeton proof", daemon=True
    )
    process.start()
    try:
        await _wait_for(process)
    finally:
        if process.is_alive():
            process.terminate()
        await asyncio.to_thread(process.join)
    if process.exitcode:
        _log.error("proof_failed", exit_code=process.exitcode)


async def _wait_for(process: BaseProcess) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(process.sentinel, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(process.sentinel)
