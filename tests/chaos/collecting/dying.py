"""Dying: a process that does one job at a time in a child of its own, which others may kill at any instant.

It has loaded everything before the first job, so that a child is at work within milliseconds. A job is a line
of JSON on its input; it answers with the child's id, and at its end with its exit status, or with the signal
that killed it as a negative number.
"""

import asyncio
import base64
import json
import os
import sys
import traceback
from datetime import datetime
from typing import Any

from tests.integration.billing.invoicing.conftest import RULES

from jeton.billing.invoicing.closing import Closer, close_due
from jeton.billing.invoicing.correcting import Request
from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.collecting.collecting import collect
from jeton.billing.receivables.collecting.correcting import credit_and_settle
from jeton.billing.receivables.dunning.words import DunningTerms
from jeton.billing.receivables.statements.comma_separated import CsvTerms
from jeton.billing.receivables.statements.importing import StatementFile, import_statement
from jeton.billing.receivables.write_offs import GiveUp, write_off
from jeton.db.pool import Pool, open_pool
from jeton.identity.audit import Actor

BY = Actor("operator", "chaos")
DUNNING = DunningTerms()


async def do(url: str, job: dict[str, Any]) -> None:
    """One job, as the worker or an operator does it."""
    pool = await open_pool(url)
    try:
        await _do(pool, job, datetime.fromisoformat(job["at"]))
    finally:
        await pool.close()


async def _do(pool: Pool, job: dict[str, Any], at: datetime) -> None:
    match job["name"]:
        case "close":
            closing = await close_due(Closer(pool, RULES, at))
            assert not closing.problems, closing.problems
        case "collect":
            await collect(pool, DUNNING, at)
        case "import":
            file = StatementFile(job["file"], base64.b64decode(job["content"]))
            await import_statement(pool, file, CsvTerms({}, "USD"), by=BY, at=at)
        case "write_off":
            async with pool.connection() as connection:
                asked = GiveUp(job["document"], job["minor"], job["key"])
                await write_off(connection, asked, Act(BY, at, "they are gone"))
        case "credit":
            async with pool.connection() as connection:
                request = Request(RULES, BY, "for the outage", at, job["key"])
                await credit_and_settle(connection, job["document"], job["minor"], request)
        case name:
            raise ValueError(name)


def main() -> None:
    """Serve jobs until the input ends."""
    url = sys.argv[1]
    ended_before = 0
    for line in sys.stdin:
        # Only now, so that an id is its child's own for as long as somebody may still kill it.
        if ended_before:
            os.waitpid(ended_before, 0)
        child = os.fork()
        if not child:
            status = 1
            try:
                asyncio.run(do(url, json.loads(line)))
                status = 0
            except BaseException:  # noqa: BLE001 - whatever it was, this child ends here and says so
                traceback.print_exc()
            os._exit(status)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        status = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()
        ended_before = child


if __name__ == "__main__":
    main()
