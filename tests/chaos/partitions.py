"""Partitions: the network between servers, PostgreSQL and the upstream is cut, again and again, under load.

    python -m tests.chaos.partitions --rounds 300

Each round cuts one of the two lines of one server in one way: silent, half-open, delayed or reset. Every
``LONG_EVERY``-th lasts until the server has given up waiting. Whoever got a whole answer was charged what it
costs, to the nano; whoever got an error was charged nothing; nobody waits for longer than a bound; the memory
of the servers does not grow.
"""

import argparse
import asyncio
import re
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import urlsplit, urlunsplit

from tests.chaos.fleet.asking import Answer, ask
from tests.chaos.fleet.fleet import Fleet, Node, open_fleet
from tests.chaos.fleet.payers import Payer, open_payer
from tests.chaos.fleet.proving import find_problems
from tests.chaos.fleet.proxy import CUTS, Mode, Proxy
from tests.chaos.fleet.upstream import CHARGE_NANO, body, open_upstream
from tests.chaos.reporting import complain, make_parser, report, show_progress

from jeton.db.embedded import EmbeddedServer
from jeton.db.migrating import migrate
from jeton.db.pool import Pool, open_pool

NODES = 2
VALIDITY_S = 30
UPSTREAM_TIMEOUT_S = 5
ARGUMENTS = (
    *("--no-demo", "--hold-validity-s", str(VALIDITY_S), "--sweep-interval-s", "1"),
    *("--upstream-timeout-s", str(UPSTREAM_TIMEOUT_S)),
)
LONG_EVERY, LONG_S = 50, 22.0
# Waiting for an answer of PostgreSQL (15 s), connecting anew (3 s), the upstream (5 s), and some.
ANSWER_S_MAX = 40.0
CLIENT_TIMEOUT_S = 60.0
KB_PER_MB = 1024
REASON_CHARS = 70
_MESSAGE = re.compile(rb'"message":"([^"]+)"')


_ODD = """
    SELECT request_id, net_nano FROM charges
    WHERE organization_id = %s AND rule_id = 'completed' AND net_nano <> %s
"""


@dataclass(slots=True)
class Lines:
    """A server and the two lines that it has."""

    node: Node
    database: Proxy
    upstream: Proxy


@dataclass(slots=True)
class Run:
    """What has happened so far."""

    random: Random
    answers: list[Answer] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    cuts: Counter[str] = field(default_factory=Counter)
    is_over: bool = False


async def keep_asking(run: Run, lines: Lines, payer: Payer) -> None:
    """One client of one server, for as long as the run."""
    while not run.is_over:
        started = time.monotonic()
        is_stream = run.random.random() < 0.5
        answer = await ask(
            lines.node.port, payer.secret, body(is_stream=is_stream), timeout_s=CLIENT_TIMEOUT_S
        )
        taken_s = time.monotonic() - started
        run.slowest_s = max(run.slowest_s, taken_s)
        run.statuses[answer.status] += 1
        if answer.is_delivered and b"event: error" not in answer.body:
            run.answers.append(answer)
        else:
            run.reasons[_find_reason(answer)] += 1
            if answer.is_refused:
                run.refused.append(answer.request_id)
            await asyncio.sleep(0.02)


def _find_reason(answer: Answer) -> str:
    """Why there was no answer, in the words of its error."""
    found = _MESSAGE.search(answer.body)
    words = found[1].decode(errors="replace") if found else "broken off"
    return f"{answer.status} {words[:REASON_CHARS]}"


async def keep_cutting(run: Run, lines: list[Lines], rounds: int) -> None:
    """All cuts, one after the other."""
    for number in range(1, rounds + 1):
        one = run.random.choice(lines)
        name, proxy = run.random.choice((("database", one.database), ("upstream", one.upstream)))
        mode: Mode = run.random.choice(CUTS)
        is_long = number % LONG_EVERY == 0
        if is_long:
            # The weak spot: PostgreSQL is there and says nothing.
            name, proxy, mode = "database", one.database, "silent"
        proxy.set_mode(mode)
        await asyncio.sleep(LONG_S if is_long else run.random.uniform(0.1, 1.5))
        proxy.set_mode("pass")
        run.cuts[f"{name}: {mode}{', long' if is_long else ''}"] += 1
        show_progress(f"{number} of {rounds} cuts, {len(run.answers)} answers, slowest {run.slowest_s:.1f} s")
        await asyncio.sleep(run.random.uniform(0.1, 0.5))


async def open_lines(fleet: Fleet, upstream_port: int) -> Lines:
    """A server whose every connection goes through a proxy."""
    parts = urlsplit(fleet.database_url)
    assert parts.port is not None
    database, upstream = Proxy(parts.port), Proxy(upstream_port)
    await database.open()
    await upstream.open()
    user = parts.netloc.rpartition("@")[0]
    url = urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{database.port}"))
    node = fleet.add()
    await fleet.start(node, "--database-url", url, "--upstream-url", f"http://127.0.0.1:{upstream.port}")
    return Lines(node, database, upstream)


async def play(run: Run, folder: Path, chosen: argparse.Namespace) -> tuple[list[str], str]:
    """All cuts; what is wrong, and what the servers' memory did."""
    server = EmbeddedServer(folder / "database")
    url = await server.start()
    await migrate(url)
    async with open_upstream(chosen.seed) as upstream_port, open_fleet(url, folder, ARGUMENTS) as fleet:
        pool = await open_pool(url)
        payer = await open_payer(pool, "Partitions", [10**12, 10**14])
        lines = [await open_lines(fleet, upstream_port) for _ in range(NODES)]
        for node in fleet.nodes:
            if not await fleet.wait_until_healthy(node):
                raise SystemExit(f"A server did not start: {node.log[-2000:]}")
        clients = [
            asyncio.create_task(keep_asking(run, one, payer)) for one in lines for _ in range(chosen.clients)
        ]
        await keep_cutting(run, lines, min(chosen.rounds, LONG_EVERY // 2))
        before_kb = [read_rss_kb(node) for node in fleet.nodes]
        await keep_cutting(run, lines, chosen.rounds - min(chosen.rounds, LONG_EVERY // 2))
        after_kb = [read_rss_kb(node) for node in fleet.nodes]
        run.is_over = True
        await asyncio.gather(*clients)
        problems = await find_problems(pool, payer, run.answers, refused=run.refused, wait_s=VALIDITY_S + 20)
        problems += await find_odd_charges(pool, payer)
        problems += [
            f"{one.node.folder.name} died: {one.node.log[-500:]}" for one in lines if not one.node.is_running
        ]
        await pool.close()
    for one in lines:
        await one.database.close()
        await one.upstream.close()
    await server.stop()
    pairs = zip(before_kb, after_kb, strict=True)
    growth = ", ".join(f"{one // KB_PER_MB} to {two // KB_PER_MB}" for one, two in pairs)
    return problems, growth


async def find_odd_charges(pool: Pool, payer: Payer) -> list[str]:
    """A completed answer costs one amount, whatever happened around it."""
    async with pool.connection() as connection:
        rows = await (await connection.execute(_ODD, (payer.organization_id, CHARGE_NANO))).fetchall()
    return [f"{request_id} is complete and was charged {net_nano}" for request_id, net_nano in rows]


def read_rss_kb(node: Node) -> int:
    """The resident memory of a server."""
    for line in Path(f"/proc/{node.pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


async def run_all(chosen: argparse.Namespace) -> bool:
    """The whole run; whether nothing was wrong."""
    run = Run(Random(chosen.seed))  # noqa: S311 - a seed, so that the cuts can be repeated
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jeton-partitions-") as name:
        problems, growth = await play(run, Path(name), chosen)
    if run.slowest_s > ANSWER_S_MAX:
        problems.append(f"somebody waited for {run.slowest_s:.1f} s, more than {ANSWER_S_MAX:g}")
    for problem in problems:
        complain(problem)
    figures = {
        "cuts": run.cuts.total(),
        "seed": chosen.seed,
        **{f"  {what}": count for what, count in sorted(run.cuts.items())},
        "requests by status": dict(sorted(run.statuses.items())),
        **{f"  {what}": count for what, count in run.reasons.most_common()},
        "answers delivered whole": len(run.answers),
        "slowest answer, s": round(run.slowest_s, 1),
        "memory of each server, MB": growth,
        "problems": len(problems),
        "seconds": round(time.monotonic() - started),
    }
    report(figures, is_json=chosen.json)
    return not problems


def main() -> None:
    """Cut and print; 1 as exit code if anything was wrong."""
    parser = make_parser(__doc__ or "", rounds=300)
    parser.add_argument("--clients", type=int, default=8, help="of each server")
    raise SystemExit(0 if asyncio.run(run_all(parser.parse_args())) else 1)


if __name__ == "__main__":
    main()
