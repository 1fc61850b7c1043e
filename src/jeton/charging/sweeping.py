"""Sweeping: ends what nobody ended. Holds past their validity, lots past their expiry.

A hold outlives its validity only when its node died, since a request is cut off before. Nobody
knows what was used, so nothing is charged: the hold ends as ``unconfirmed`` and stays visible.
"""

import asyncio
from uuid import UUID

import psycopg
import structlog

from jeton import clock
from jeton.charging.batching.members import POOL_PREFIX, ReleasePools, batch_of_pool
from jeton.charging.counting.clearing import clear_windows
from jeton.charging.members import LEASE_PREFIX, EndHold, ExpireLots, Member, Outcome, ReturnLease
from jeton.charging.words import Rule
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import Pool
from jeton.errors import JetonError

SWEEP_MAX = 500

# After an outage the nodes book first what their spools kept.
REPLAY_GRACE_S = 60

_STALE_HOLDS = """
    SELECT organization_id, request_id FROM holds
    WHERE valid_until <= %s AND pg_postmaster_start_time() <= now() - make_interval(secs => %s)
    ORDER BY valid_until LIMIT %s
"""
_EXPIRED_LOTS = """
    SELECT DISTINCT organization_id FROM lots
    WHERE is_open AND expires_at <= %s AND left_nano > 0 LIMIT %s
"""

log = structlog.get_logger(__name__)


async def sweep(pool: Pool, commits: GroupCommit[Member, Outcome], *, grace_s: int = 0) -> int:
    """End stale holds and expired lots, ``SWEEP_MAX`` of each at most; return how many members.

    No hold is ended in the first ``grace_s`` seconds of the database.
    """
    at = clock.now()
    async with pool.connection() as connection:
        holds = await (await connection.execute(_STALE_HOLDS, (at, grace_s, SWEEP_MAX))).fetchall()
        organizations = await (await connection.execute(_EXPIRED_LOTS, (at, SWEEP_MAX))).fetchall()
    members: list[Member] = [_end(*row) for row in holds]
    members += [ExpireLots(row[0]) for row in organizations]
    outcomes = await asyncio.gather(*(commits.submit(member) for member in members), return_exceptions=True)
    for member, outcome in zip(members, outcomes, strict=True):
        if isinstance(outcome, JetonError):
            log.warning("sweep_member_failed", member=repr(member), problem=str(outcome))
        elif isinstance(outcome, BaseException):
            raise outcome
    return len(members)


async def run_sweeper(
    pool: Pool, commits: GroupCommit[Member, Outcome], *, interval_s: int, grace_s: int
) -> None:
    """Sweep for ever, every ``interval_s`` seconds; a database that is away is tried again."""
    while True:
        try:
            await sweep(pool, commits, grace_s=grace_s)
            await clear_windows(pool, clock.now())
        except (OSError, JetonError, psycopg.OperationalError) as problem:
            log.warning("sweep_failed", problem=str(problem))
        await asyncio.sleep(interval_s)


def _end(organization_id: UUID, request_id: str) -> Member:
    """How a hold ends that is past its validity; of a batch, what no item has used by then comes back."""
    if request_id.startswith(LEASE_PREFIX):
        return ReturnLease(organization_id, request_id)
    if request_id.startswith(POOL_PREFIX):
        return ReleasePools(organization_id, batch_of_pool(request_id), (request_id,))
    return EndHold(organization_id, request_id, state="unconfirmed", rule=Rule.NODE_LOST)
