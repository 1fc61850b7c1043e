"""Collecting: SIGKILL at random instants of the jobs of receivables; each done again until it ends by itself.

    python -m tests.chaos.collecting --rounds 100

A round is a month of twelve invoiced organizations: closing, two statements of the bank (the first of them in
both formats, with returns), dunning until the stop, goodwill and a write-off. At the end all that the second
database has is what the first one has, where nobody died, and the proof agrees.
"""

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from pathlib import Path

import psycopg
from tests.chaos.collecting.rounds import play_round
from tests.chaos.reporting import complain, make_parser, report, show_progress
from tests.conftest import TEST_OPTIONS, replace_database

from jeton.db.embedded import EmbeddedServer
from jeton.db.migrating import migrate

TEMPLATE = "collecting_template"


async def run(chosen: argparse.Namespace) -> bool:
    """All rounds; whether none of them differed."""
    figures: Counter[str] = Counter()
    problems, started = 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jeton-collecting-", dir=chosen.folder) as name:
        server = EmbeddedServer(Path(name), options=TEST_OPTIONS)
        url = await server.start()
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {TEMPLATE}")
            await migrate(replace_database(url, TEMPLATE))
            for seed in range(chosen.seed, chosen.seed + chosen.rounds):
                try:
                    figures += await play_round(url, TEMPLATE, seed)
                except AssertionError as difference:
                    problems += 1
                    complain(f"seed {seed}: {difference}")
                show_progress(f"{seed - chosen.seed + 1} of {chosen.rounds}, {problems} wrong")
        finally:
            await server.stop()
    shown = {
        "rounds": chosen.rounds,
        **figures,
        "rounds with a difference": problems,
        "seconds": round(time.monotonic() - started),
    }
    report(shown, is_json=chosen.json)
    return not problems


def main() -> None:
    """Play and print; 1 as exit code if anything was wrong."""
    parser = make_parser(__doc__ or "", rounds=100)
    parser.add_argument("--folder", help="where the databases lie; in memory it takes half the time")
    raise SystemExit(0 if asyncio.run(run(parser.parse_args())) else 1)


if __name__ == "__main__":
    main()
