"""Running: one duty is done under its claim, and its row says how it went."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from datetime import datetime

import psycopg
import structlog

from jeton import clock
from jeton.billing.jobs.claiming import RENEWAL_S, claim_job, end_job, let_go, renew_claim
from jeton.billing.jobs.words import Counts, Duty, DutyIncompleteError
from jeton.db.pool import Pool
from jeton.errors import JetonError
from jeton.ids import new_id

# Written before the run is over, and true of it only if nothing else is written.
_DEFECT = "A defect ended it; the log of the process says which."

_log = structlog.get_logger(__name__)


class Runner:
    """Does duties in one process; ``now`` is the clock that they go by."""

    def __init__(
        self, pool: Pool, duties: Iterable[Duty], *, node_id: str, now: Callable[[], datetime] = clock.now
    ) -> None:
        """Know what is to be done; each kind once."""
        self.duties = {duty.kind: duty for duty in duties}
        self._pool = pool
        self._node_id = node_id
        self._now = now

    async def run(self, kind: str) -> bool:
        """Do a duty if it is due and nobody is at it; whether it was done here."""
        duty = self.duties.get(kind)
        if duty is None:
            return False
        claim_id = new_id("claim")
        async with self._pool.connection() as connection:
            claimed = await claim_job(connection, kind, claim_id=claim_id, node_id=self._node_id)
        if claimed is None:
            return False
        _, failures = claimed
        outcome: Counts | str = _DEFECT
        is_stopped = False
        try:
            outcome = await self._do(duty, claim_id)
        except asyncio.CancelledError:
            is_stopped = True
            raise
        finally:
            async with self._pool.connection() as connection:
                if is_stopped:
                    await let_go(connection, kind, claim_id=claim_id)
                else:
                    await end_job(
                        connection,
                        kind,
                        claim_id=claim_id,
                        every=duty.every,
                        failures=failures,
                        outcome=outcome,
                    )
        return True

    async def _do(self, duty: Duty, claim_id: str) -> Counts | str:
        """What the duty did, or the problem; it ends when its claim is lost."""
        doing = asyncio.ensure_future(duty.run(self._now()))
        renewing = asyncio.create_task(self._keep_claim(duty.kind, claim_id, doing))
        try:
            return await doing
        except (JetonError, DutyIncompleteError, psycopg.Error, OSError) as problem:
            _log.warning("billing_job_failed", kind=duty.kind, problem=str(problem))
            return str(problem) or type(problem).__name__
        except asyncio.CancelledError:
            if renewing.done():
                return "Its claim was lost: the process was silent for too long."
            doing.cancel()
            raise
        finally:
            renewing.cancel()

    async def _keep_claim(self, kind: str, claim_id: str, doing: "asyncio.Future[Counts]") -> None:
        while True:
            await asyncio.sleep(RENEWAL_S)
            # A database that is away is asked again: the claim lasts for several renewals.
            with contextlib.suppress(psycopg.Error, OSError):
                async with self._pool.connection() as connection:
                    if not await renew_claim(connection, kind, claim_id=claim_id):
                        doing.cancel()
                        return
