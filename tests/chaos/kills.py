"""Kills: SIGKILL at every labelled point of servers, a worker and PostgreSQL, under continuous load.

    python -m tests.chaos.kills --rounds 1000 --minutes 25

A round is one kill. Three servers take turns: each runs until it reaches its point, dies, and starts again
with the next point on the same folder; so does a worker; and PostgreSQL loses everything, one backend or its
postmaster. Clients ask all the time and write down what they got. At the end: whoever got a whole answer was
charged for it exactly once and what it said, whoever got an error was charged nothing, nothing is held past
its validity, and the proof agrees.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.chaos.fleet.asking import Answer, ask
from tests.chaos.fleet.fleet import Fleet, Node, open_fleet
from tests.chaos.fleet.payers import Payer, open_payer
from tests.chaos.fleet.proving import find_problems
from tests.chaos.reporting import complain, make_parser, report, show_progress

from jeton.charging.outage.spool import CHECKPOINTS as SPOOL_POINTS
from jeton.charging.posting import CHECKPOINTS as POSTING_POINTS
from jeton.charging.posting import RARE_CHECKPOINTS
from jeton.db.embedded import EmbeddedServer
from jeton.db.migrating import migrate
from jeton.db.pool import Pool, open_pool
from jeton.gateway.deps import CHECKPOINTS as GATEWAY_POINTS

SERVE_POINTS = (*GATEWAY_POINTS, *POSTING_POINTS, *RARE_CHECKPOINTS, *SPOOL_POINTS, "anywhere")
WORK_POINTS = ("sweep_written", "anywhere")
DATABASE_POINTS = ("everything", "one backend", "postmaster")
# A point that is not reached by then is given up, and the node killed where it is.
REACH_S = 8.0
NODES = 3
VALIDITY_S = 6
GRACE_S = 75
ARGUMENTS = (
    *("--no-demo", "--hold-validity-s", str(VALIDITY_S), "--upstream-timeout-s", "2"),
    *("--sweep-interval-s", "1", "--stop-timeout-s", "3"),
)
BODY = {
    "model": "jeton-extract-1",
    "max_tokens": 30,
    "messages": [{"role": "user", "content": "Coins clink. Counters count. What do counters do?"}],
}


@dataclass(slots=True)
class Run:
    """What has happened so far."""

    random: Random
    answers: list[Answer] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    asked: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_over(self) -> bool:
        """Whether it is time to stop."""
        return self.over.is_set()

    def count(self, what: str) -> None:
        """One more kill."""
        self.kills[what] += 1

    @property
    def killed(self) -> int:
        return sum(self.kills.values())


async def keep_asking(run: Run, fleet: Fleet, payer: Payer) -> None:
    """One client, for as long as the run: JSON and streams by turns, from whichever server is there."""
    servers = [node for node in fleet.nodes if node.command == "serve"]
    for number in itertools.count():
        if run.is_over:
            return
        up = [node for node in servers if node.is_running]
        if not up:
            await asyncio.sleep(0.05)
            continue
        run.asked += 1
        body = {**BODY, "stream": bool(number % 2)}
        answer = await ask(run.random.choice(up).port, payer.secret, body, timeout_s=20)
        if answer.is_delivered:
            run.answers.append(answer)
        elif answer.is_refused:
            run.refused.append(answer.request_id)
        elif not answer.status:
            await asyncio.sleep(0.02)


async def keep_killing(run: Run, fleet: Fleet, node: Node, points: Iterator[str]) -> None:
    """Start a node, have it die at its point, and again."""
    while not run.is_over:
        point = next(points)
        crash_at = () if point == "anywhere" else ("--crash-at", point)
        await fleet.start(node, *crash_at)
        assert node.ended is not None
        if point == "anywhere":
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(node.ended), run.random.uniform(0.3, 2.5))
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(node.ended), REACH_S)
        was_reached = not node.is_running
        node.kill()
        await node.ended
        if run.is_over:
            return
        run.count(f"{node.command}: {point if was_reached or point == 'anywhere' else 'anywhere'}")


async def keep_killing_database(run: Run, pid_path: Path, every_s: float) -> None:
    """Kill PostgreSQL, or a part of it, again and again; whoever started it starts it again."""
    for point in itertools.cycle(DATABASE_POINTS):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(run.over.wait(), every_s * run.random.uniform(0.5, 1.5))
        if run.is_over:
            return
        processes = find_processes(pid_path)
        if not processes:
            continue
        postmaster, children = processes[0], processes[1:]
        chosen = {
            "everything": processes,
            "one backend": [run.random.choice(children)] if children else [],
            "postmaster": [postmaster],
        }[point]
        for pid in chosen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        run.count(f"postgresql: {point}")


def find_processes(pid_path: Path) -> list[int]:
    """PostgreSQL's postmaster, then its backends; none while it is down."""
    try:
        postmaster = int(pid_path.read_text(encoding="utf-8").split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text(encoding="ascii")
    except (OSError, IndexError):
        return []
    return [postmaster, *map(int, children.split())]


@contextlib.asynccontextmanager
async def open_database(folder: Path) -> AsyncIterator[str]:
    """PostgreSQL that is started again whenever it is gone; its URL."""
    server = EmbeddedServer(folder / "database")
    url = await server.start()
    watch = asyncio.create_task(server.watch())
    try:
        yield url
    finally:
        watch.cancel()
        await asyncio.wait([watch])
        await server.stop()


async def play(run: Run, folder: Path, chosen: argparse.Namespace) -> list[str]:
    """Kill until there were enough or the time is over; then what is wrong."""
    async with open_database(folder) as url:
        await migrate(url)
        async with open_fleet(url, folder, ARGUMENTS) as fleet:
            pool = await open_pool(url)
            payer = await open_payer(pool, "Kills", [10**12, 10**14])
            servers, worker = [fleet.add() for _ in range(NODES)], fleet.add("work")
            points = [*SERVE_POINTS]
            run.random.shuffle(points)
            turns = itertools.cycle(points)
            tasks = [asyncio.create_task(keep_killing(run, fleet, node, turns)) for node in servers]
            tasks.append(asyncio.create_task(keep_killing(run, fleet, worker, itertools.cycle(WORK_POINTS))))
            tasks += [asyncio.create_task(keep_asking(run, fleet, payer)) for _ in range(chosen.clients)]
            pid_path = folder / "database" / "postgres" / "postmaster.pid"
            tasks.append(asyncio.create_task(keep_killing_database(run, pid_path, chosen.database_every_s)))
            await _wait(run, chosen)
            run.over.set()
            await asyncio.gather(*tasks)
            await fleet.bury()
            problems = await settle_down(run, fleet, pool, payer)
            await pool.close()
            return problems


async def _wait(run: Run, chosen: argparse.Namespace) -> None:
    deadline = time.monotonic() + chosen.minutes * 60
    while run.killed < chosen.rounds and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        show_progress(f"{run.killed} kills, {run.asked} asked, {len(run.answers)} answers")


async def settle_down(run: Run, fleet: Fleet, pool: Pool, payer: Payer) -> list[str]:
    """Start every server once more without any point, wait for the sweeper, and look."""
    problems = []
    for node in fleet.nodes:
        await fleet.start(node)
        if node.command == "serve" and not await fleet.wait_until_healthy(node):
            problems.append(f"{node.folder.name} does not start any more: {node.log[-1000:]}")
    problems += await find_problems(pool, payer, run.answers, refused=run.refused, wait_s=GRACE_S)
    # Whoever asks afterwards is served.
    answer = await ask(fleet.nodes[0].port, payer.secret, BODY)
    if not answer.is_delivered:
        problems.append(f"afterwards a request ends as {answer}")
    return problems


async def run_all(chosen: argparse.Namespace) -> bool:
    """The whole run; whether nothing was wrong."""
    run = Run(Random(chosen.seed))  # noqa: S311 - a seed, so that the order of points can be repeated
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jeton-kills-") as name:
        problems = await play(run, Path(name), chosen)
    for problem in problems:
        complain(problem)
    figures = {
        "kills": run.killed,
        "seed": chosen.seed,
        "points": len(run.kills),
        **{f"  {what}": count for what, count in sorted(run.kills.items())},
        "requests": run.asked,
        "answers delivered whole": len(run.answers),
        "problems": len(problems),
        "seconds": round(time.monotonic() - started),
    }
    report(figures, is_json=chosen.json)
    return not problems


def main() -> None:
    """Kill and print; 1 as exit code if anything was wrong."""
    parser = make_parser(__doc__ or "", rounds=1_000)
    parser.add_argument("--minutes", type=float, default=25, help="the longest it may take")
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--database-every-s", type=float, default=10)
    raise SystemExit(0 if asyncio.run(run_all(parser.parse_args())) else 1)


if __name__ == "__main__":
    main()
