"""Reloads: schedules in which everything about money goes wrong, judged by the provider's truth.

    python -m tests.chaos.reloads --rounds 10000

A round is one organization with a rule of auto-reload. Its seed draws what it uses, what its bank says,
when it changes card or rule and buys by hand. A hundred rounds share a wave: a PostgreSQL database, a
clock, two nodes, and a network that loses, delays and repeats; processes die between any two steps. In the
end all is quiet, and every amount must be what the provider took: once for each need, never above the
ceiling.
"""

import argparse
import asyncio
import logging
import tempfile
import time
from collections import Counter
from pathlib import Path

import psycopg
import structlog
from psycopg import sql
from tests.chaos.reloading.judging import check_end, check_opened
from tests.chaos.reloading.playing import (
    TICKS,
    calm_down,
    join,
    open_wave,
    open_writer,
    record_prices,
    tick,
)
from tests.chaos.reporting import complain, make_parser, report, show_progress
from tests.conftest import TEST_OPTIONS, replace_database

from jeton.db.embedded import EmbeddedServer
from jeton.db.migrating import migrate
from jeton.db.pool import Pool, open_pool

ROUNDS_PER_WAVE = 100
TEMPLATE = "wave_template"


async def play_wave(pool: Pool, first: int, rounds: int, *, ticks: int = TICKS) -> Counter[str]:
    """So many rounds from a seed on; AssertionError with the seed at the first difference."""
    await record_prices(pool)
    commits = open_writer(pool)
    try:
        wave = open_wave(pool, commits, first)
        await asyncio.gather(*(join(wave, seed) for seed in range(first, first + rounds)))
        for _ in range(ticks):
            await tick(wave)
            await check_opened(wave)
        await calm_down(wave)
        score = await check_end(wave)
    finally:
        await commits.close()
    return Counter(
        {
            "reloads": score.reloads,
            "purchases by hand": score.purchases,
            "payments taken": score.taken,
            "payments declined": score.declined,
            "calls of the provider": wave.truth.calls,
            "repeated under the same key": wave.truth.keys_repeated,
            "processes that died": wave.crashes,
        }
    )


async def run(chosen: argparse.Namespace) -> bool:
    """All rounds; whether each was as it must be."""
    figures: Counter[str] = Counter()
    problems = 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jeton-reloads-", dir=chosen.folder) as name:
        server = EmbeddedServer(Path(name), options=TEST_OPTIONS)
        url = await server.start()
        try:
            _execute(url, "CREATE DATABASE {}", TEMPLATE)
            await migrate(replace_database(url, TEMPLATE))
            last = chosen.seed + chosen.rounds
            for first in range(chosen.seed, last, ROUNDS_PER_WAVE):
                rounds = min(ROUNDS_PER_WAVE, last - first)
                problem = await _play_in_new_database(url, first, rounds, figures)
                if problem:
                    problems += 1
                    complain(f"wave of seeds {first} to {first + rounds - 1}: {problem}")
                show_progress(f"{first + rounds - chosen.seed:,} of {chosen.rounds:,}, {problems} wrong")
        finally:
            await server.stop()
    shown = {
        "rounds": chosen.rounds,
        "seeds": f"{chosen.seed} to {chosen.seed + chosen.rounds - 1}",
        **figures,
        "waves with a difference": problems,
        "seconds": round(time.monotonic() - started),
    }
    report(shown, is_json=chosen.json)
    return not problems


async def _play_in_new_database(url: str, first: int, rounds: int, figures: Counter[str]) -> str:
    name = f"wave_{first}"
    _execute(url, f"CREATE DATABASE {{}} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY", name)
    pool = await open_pool(replace_database(url, name))
    try:
        figures += await play_wave(pool, first, rounds)
    except (AssertionError, psycopg.Error) as difference:
        return str(difference) or repr(difference)
    finally:
        await pool.close()
        _execute(url, "DROP DATABASE {} WITH (FORCE)", name)
    return ""


def _execute(url: str, statement: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


def main() -> None:
    """Play and print; 1 as exit code if anything was wrong."""
    parser = make_parser(__doc__ or "", rounds=10_000)
    parser.add_argument("--folder", help="where the databases lie; in memory it takes half the time")
    # Thousands of answers that never come are what is played, and no news.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    raise SystemExit(0 if asyncio.run(run(parser.parse_args())) else 1)


if __name__ == "__main__":
    main()
