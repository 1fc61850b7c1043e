"""Verify: recompute the books from their facts and name every nano-dollar that differs.

Everything is read in one snapshot. Postings are the truth for balances and lots; usage events
and stored price versions are the truth for charges; charges are the truth for rollups;
holds and charges for what budgets have counted.
"""

from collections.abc import Callable

from psycopg import IsolationLevel

from jeton.db.pool import Connection
from jeton.insight.proving.budgets import verify_budgets
from jeton.insight.proving.chain import verify_chain
from jeton.insight.proving.charges import verify_charges, verify_rollups
from jeton.insight.proving.credits import verify_credits
from jeton.insight.proving.journal import verify_holds, verify_journal
from jeton.insight.proving.proof import Proof

__all__ = ["Proof", "verify"]


async def verify(connection: Connection, on_progress: Callable[[int], None] = lambda _: None) -> Proof:
    """Check every balance, lot, hold, charge, rollup and budget; ``on_progress`` gets the rows read so far.

    ``connection`` must be idle; it is left idle.
    """
    proof = Proof()
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL statement_timeout = 0")
            held = await verify_journal(connection, proof, on_progress)
            await verify_chain(connection, proof)
            await verify_holds(connection, proof, held)
            await verify_credits(connection, proof)
            rollups = await verify_charges(connection, proof, on_progress)
            await verify_rollups(connection, proof, rollups)
            await verify_budgets(connection, proof)
    finally:
        await connection.set_isolation_level(None)
        await connection.set_read_only(None)
    return proof
