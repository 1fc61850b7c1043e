"""The money test: a year of a thousand organizations, in minutes, from a seed.

    python -m tests.money --organizations 1000 --months 12 --seed 1

Trials, purchases, reloads, refunds, disputes won and lost, late usage, reversals, switches of plan,
negotiated terms, commits, minimums, supplements by two, documents in four currencies, payments in part,
too much and late, write-offs; over the real use cases on a real PostgreSQL, on a clock that jumps. Then:
documents come to what was charged, deferred revenue to unused lots, cents to cents, cash to the bank, and
Beancount agrees.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path

import structlog
from tests.chaos.reporting import complain, report, show_progress
from tests.conftest import TEST_OPTIONS
from tests.money.judging import judge
from tests.money.playing import play_year

from jeton.db.embedded import EmbeddedServer
from jeton.db.migrating import migrate
from jeton.db.pool import open_pool

CONNECTIONS_MAX = 16


async def run(chosen: argparse.Namespace) -> bool:
    """One year; whether it was as it must be."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jeton-money-", dir=chosen.folder) as name:
        server = EmbeddedServer(Path(name) / "postgres", options=TEST_OPTIONS)
        url = await server.start()
        try:
            await migrate(url)
            pool = await open_pool(url, connections_max=CONNECTIONS_MAX)
            try:
                town = await play_year(pool, chosen.organizations, chosen.months, chosen.seed, show_progress)
                played_s = round(time.monotonic() - started)
                show_progress("judging")
                problems = await judge(town, Path(name))
            finally:
                await pool.close()
        finally:
            await server.stop()
    for problem in problems:
        complain(problem)
    figures = {
        "organizations": chosen.organizations,
        "months": chosen.months,
        "seed": chosen.seed,
        **dict(sorted(town.counts.items())),
        "differences": len(problems),
        "seconds": round(time.monotonic() - started),
        "seconds of them judging": round(time.monotonic() - started) - played_s,
    }
    show_progress("")
    report(figures, is_json=chosen.json)
    return not problems


def main() -> int:
    """Play and judge; 1 if anything differs."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m tests.money", description=__doc__, formatter_class=formatter
    )
    parser.add_argument("--organizations", type=int, default=1_000)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", help="where the database is made; in memory it is faster")
    parser.add_argument("--json", action="store_true")
    return 0 if asyncio.run(run(parser.parse_args())) else 1


if __name__ == "__main__":
    sys.exit(main())
