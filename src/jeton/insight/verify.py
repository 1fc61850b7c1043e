"""Verify: recompute the books from their facts and name every nano-dollar that differs.

Everything is read in one snapshot. Postings are the truth for balances and lots; usage events
and stored price versions are the truth for charges; charges are the truth for rollups;
tries at upstreams for sums of costs; holds and charges for what budgets have counted.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

from psycopg import IsolationLevel

from jeton.db.pool import Connection
from jeton.insight.operating.audit_chain import verify_audit
from jeton.insight.proving.batches import verify_batches
from jeton.insight.proving.billed.documents import verify_documents
from jeton.insight.proving.billed.money_back import verify_money_back
from jeton.insight.proving.budgets import verify_budgets
from jeton.insight.proving.chain import verify_chain
from jeton.insight.proving.charges import verify_charges
from jeton.insight.proving.closings import verify_closings
from jeton.insight.proving.costs import verify_costs
from jeton.insight.proving.credits import verify_credits
from jeton.insight.proving.journal import verify_holds, verify_journal
from jeton.insight.proving.proof import Proof
from jeton.insight.proving.receivables import verify_receivables
from jeton.insight.proving.sums.rollups import verify_rollups
from jeton.insight.rerating.supplemented import verify_supplements

__all__ = ["Proof", "prove", "snapshot", "verify"]

_NO_ENDS: Mapping[str, str] = MappingProxyType({})


def _be_silent(_: int) -> None:
    """Tell nobody."""


@asynccontextmanager
async def snapshot(connection: Connection) -> AsyncIterator[None]:
    """Everything read inside is of one instant, however long it takes.

    ``connection`` must be idle; it is left idle.
    """
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL statement_timeout = 0")
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            yield
    finally:
        if not connection.closed:
            await connection.set_isolation_level(None)
            await connection.set_read_only(None)


async def verify(
    connection: Connection,
    on_progress: Callable[[int], None] = _be_silent,
    *,
    kept_ends: Mapping[str, str] = _NO_ENDS,
    kept_audit_ends: Mapping[str, str] = _NO_ENDS,
) -> Proof:
    """Check every balance, lot, hold, charge, rollup, budget, batch and audit entry.

    ``on_progress`` gets the rows so far. ``kept_ends`` are ends of chains from earlier, by organization, and
    ``kept_audit_ends`` those of the audit log. ``connection`` must be idle; it is left idle.
    """
    async with snapshot(connection):
        return await prove(connection, on_progress, kept_ends=kept_ends, kept_audit_ends=kept_audit_ends)


async def prove(
    connection: Connection,
    on_progress: Callable[[int], None] = _be_silent,
    *,
    kept_ends: Mapping[str, str] = _NO_ENDS,
    kept_audit_ends: Mapping[str, str] = _NO_ENDS,
) -> Proof:
    """As ``verify``, in the transaction that is open: it sees what was written there."""
    proof = Proof()
    held = await verify_journal(connection, proof, on_progress)
    await verify_chain(connection, proof, kept_ends)
    await verify_audit(connection, proof, kept_audit_ends)
    await verify_holds(connection, proof, held)
    await verify_credits(connection, proof)
    await verify_closings(connection, proof)
    counted = await verify_charges(connection, proof, on_progress)
    await verify_rollups(connection, proof, counted)
    await verify_costs(connection, proof)
    await verify_budgets(connection, proof)
    await verify_batches(connection, proof)
    await verify_receivables(connection, proof)
    await verify_documents(connection, proof)
    await verify_money_back(connection, proof)
    await verify_supplements(connection, proof)
    return proof
