"""Proving: what clients got against what the books say, in exact numbers."""

import asyncio
import time
from collections.abc import Sequence

import psycopg
from tests.chaos.fleet.asking import Answer
from tests.chaos.fleet.payers import Payer, read_amounts

from jeton.db.pool import Pool
from jeton.errors import JetonError
from jeton.insight.verify import verify

POLL_S = 0.5
# PostgreSQL may have been killed a moment ago, and on a busy machine takes its time to come back.
BORROW_S = 120

_CHARGES = """
    SELECT c.request_id, c.state, c.net_nano - coalesce(r.amount_nano, 0)
    FROM charges c LEFT JOIN reversals r ON r.request_id = c.request_id
    WHERE c.organization_id = %s
"""
_TWICE = """
    SELECT request_id FROM transactions WHERE organization_id = %s AND movement = 'settle'
    GROUP BY request_id HAVING count(*) > 1
"""
# Sweepers look every second, and on a busy machine take their time: what is over just now is not stuck.
_STUCK = """
    SELECT request_id FROM holds
    WHERE organization_id = %s AND valid_until <= clock_timestamp() - interval '5 seconds'
"""
_OPEN = "SELECT count(*) FROM holds WHERE organization_id = %s"


async def find_problems(
    pool: Pool, payer: Payer, answers: Sequence[Answer], *, refused: Sequence[str], wait_s: float
) -> list[str]:
    """Every difference as a sentence, once no hold is open or ``wait_s`` are over.

    ``answers`` were delivered whole, and each is paid for; ``refused`` are the requests whose clients got an
    error instead, and none of them is.
    """
    await _wait_for_ends(pool, payer, wait_s)
    organization = (payer.organization_id,)
    async with pool.connection(BORROW_S) as connection:
        rows = await (await connection.execute(_CHARGES, organization)).fetchall()
        twice = await (await connection.execute(_TWICE, organization)).fetchall()
        stuck = await (await connection.execute(_STUCK, organization)).fetchall()
    async with pool.connection() as connection:
        findings = (await verify(connection)).findings
    charges = {request_id: (state, int(net_nano)) for request_id, state, net_nano in rows}
    problems = [f"settled twice: {request_id}" for (request_id,) in twice]
    problems += [f"still held: {request_id}" for (request_id,) in stuck]
    problems += findings
    for answer in answers:
        state, net_nano = charges.get(answer.request_id, ("missing", 0))
        if state != "settled":
            problems.append(f"{answer.request_id} was delivered and its charge is {state}")
        elif "jeton-cost" in answer.headers and answer.cost_nano != net_nano:
            problems.append(f"{answer.request_id} said {answer.cost_nano} and was charged {net_nano}")
    for request_id in refused:
        state, net_nano = charges.get(request_id, ("missing", 0))
        if net_nano:
            problems.append(f"{request_id} was answered with an error and is {state} at {net_nano}")
    used_nano = (await read_amounts(pool, payer)).used_nano
    charged_nano = sum(net_nano for _, net_nano in charges.values())
    if used_nano != charged_nano:
        problems.append(f"{used_nano} nano are used and the charges come to {charged_nano}")
    return problems


async def _wait_for_ends(pool: Pool, payer: Payer, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        try:
            async with pool.connection() as connection:
                row = await (await connection.execute(_OPEN, (payer.organization_id,))).fetchone()
        except (OSError, JetonError, psycopg.OperationalError):
            row = None
        if row == (0,):
            return
        await asyncio.sleep(POLL_S)
