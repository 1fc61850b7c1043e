"""Holding: the credit of a whole batch, after the idle leases of nodes came back should it not suffice."""

import asyncio
from typing import cast

from jeton.charging.batching.members import TakePools
from jeton.charging.leasing.leases import CHANNEL, RECALL_WAITS_MS
from jeton.charging.members import Member, Outcome
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import Pool
from jeton.errors import InsufficientCreditError

MS_PER_S = 1000

_RECALL = """
    SELECT pg_notify(%s, %s) FROM holds WHERE organization_id = %s AND request_id LIKE 'lease\\_%%' LIMIT 1
"""


async def hold_batch(pool: Pool, commits: GroupCommit[Member, Outcome], member: TakePools) -> int:
    """Hold it and begin the batch; how much is held (nano).

    Raises InsufficientCreditError, BudgetExceededError and OverloadedError.
    """
    try:
        return cast("int", await commits.submit(member))
    except InsufficientCreditError as error:
        refusal = error
    parameters = (CHANNEL, str(member.organization_id), member.organization_id)
    async with pool.connection() as connection:
        if await (await connection.execute(_RECALL, parameters)).fetchone() is None:
            raise refusal
    for wait_ms in RECALL_WAITS_MS:
        await asyncio.sleep(wait_ms / MS_PER_S)
        try:
            return cast("int", await commits.submit(member))
        except InsufficientCreditError as error:
            refusal = error
    raise refusal
