"""Batches: SIGKILL of servers, workers and PostgreSQL while batches are sent and worked on.

    python -m tests.chaos.batches --rounds 200 --minutes 20

A round is one kill, at a labelled point of the posting of a batch or anywhere. At the end every batch that
is there has ended, each of its requests has one result, each that was answered has one charge and no other
has one, nothing is held, and the proof agrees.
"""

import argparse
import asyncio
import contextlib
import itertools
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from tests.chaos.fleet.fleet import Fleet, Node, open_fleet
from tests.chaos.fleet.payers import Payer, open_payer
from tests.chaos.kills import Run, keep_killing_database, open_database
from tests.chaos.reporting import complain, make_parser, report, show_progress

from jeton.batches.items import make_request_id
from jeton.batches.reading import read_results
from jeton.charging.posting import BATCH_CHECKPOINTS
from jeton.db.migrating import migrate
from jeton.db.pool import Pool, open_pool
from jeton.insight.verify import verify

POINTS = (*BATCH_CHECKPOINTS, "anywhere", "anywhere")
WORKERS = 2
ITEMS = 400
# So many are under way at most; the next waits.
UNDER_WAY_MAX = 6
END_S = 240
POLL_S = 0.2
REACH_S = 12
ARGUMENTS = ("--no-demo", "--sweep-interval-s", "1", "--stop-timeout-s", "3", "--rehearsal", "on")

_STATES = "SELECT batch_id, state, items, chunks FROM batches WHERE state <> 'uploading'"
_CHARGED = "SELECT request_id FROM charges WHERE request_id BETWEEN %s AND %s AND state = 'settled'"


@dataclass(slots=True)
class Sent:
    """What clients were told."""

    batch_ids: list[str] = field(default_factory=list)
    refused: int = 0


def make_body(number: int) -> bytes:
    """A batch: mostly what can be answered, and something that cannot."""
    requests = [
        {
            "custom_id": f"i{index}",
            "params": {
                "model": "nobody-serves-this" if index % 50 == 7 else "claude-haiku-4-5",
                "max_tokens": 24,
                "messages": [
                    {"role": "user", "content": f"Cup {number}.{index} is blue. What is cup {index}?"}
                ],
            },
        }
        for index in range(ITEMS)
    ]
    return msgspec.json.encode({"requests": requests})


async def keep_sending(run: Run, sent: Sent, fleet: Fleet, pool: Pool, payer: Payer) -> None:
    """Send batches to whichever server is there, while there are not too many under way."""
    servers = [node for node in fleet.nodes if node.command == "serve"]
    for number in itertools.count():
        await wait_until_few(pool, UNDER_WAY_MAX, until=lambda: run.is_over)
        if run.is_over:
            return
        node = run.random.choice(servers)
        batch_id = await asyncio.to_thread(send, node.port, payer.secret, make_body(number))
        if batch_id:
            sent.batch_ids.append(batch_id)
        else:
            sent.refused += 1
            await asyncio.sleep(0.2)


def send(port: int, secret: str, body: bytes) -> str:
    """The id of the batch; "" if nobody knows."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/messages/batches",
        data=body,
        headers={"x-api-key": secret, "anthropic-version": "2023-06-01", "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own server
            return str(msgspec.json.decode(answer.read())["id"])
    except (urllib.error.URLError, OSError, msgspec.DecodeError, ValueError):
        return ""


async def wait_until_few(pool: Pool, few: int, *, until: Callable[[], bool]) -> None:
    """Wait until fewer batches are under way, or it is enough."""
    while not until():
        if await count_under_way(pool) < few:
            return
        await asyncio.sleep(POLL_S)


async def keep_killing(run: Run, fleet: Fleet, node: Node, points: Iterator[str]) -> None:
    """Start a node, let it come to work, have it die at its point or at any, and again."""
    while not run.is_over:
        point = next(points)
        is_labelled = point != "anywhere"
        await fleet.start(node, *(("--crash-at", point) if is_labelled else ()))
        assert node.ended is not None
        if node.command == "serve":
            await fleet.wait_until_healthy(node)
        life_s = REACH_S if is_labelled else run.random.uniform(0.5, 6)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(node.ended), life_s)
        was_reached = is_labelled and not node.is_running
        node.kill()
        await node.ended
        if not run.is_over:
            run.count(f"{node.command}: {point if was_reached else 'anywhere'}")


async def count_under_way(pool: Pool) -> int:
    """How many batches have not ended; many while the database is away."""
    with contextlib.suppress(Exception):
        async with pool.connection() as connection:
            rows = await (await connection.execute(_STATES)).fetchall()
        return sum(state != "ended" for _, state, _, _ in rows)
    return UNDER_WAY_MAX


async def play(run: Run, sent: Sent, folder: Path, chosen: argparse.Namespace) -> tuple[list[str], int]:
    """Kill until there were enough or the time is over; what is wrong, and how many items were charged."""
    async with open_database(folder) as url:
        await migrate(url)
        async with open_fleet(url, folder, ARGUMENTS) as fleet:
            pool = await open_pool(url)
            payer = await open_payer(pool, "Batches", [10**14])
            nodes = [fleet.add(), *(fleet.add("work") for _ in range(WORKERS))]
            turns = itertools.cycle(POINTS)
            tasks = [asyncio.create_task(keep_killing(run, fleet, node, turns)) for node in nodes]
            tasks.append(asyncio.create_task(keep_sending(run, sent, fleet, pool, payer)))
            if chosen.database_every_s:
                pid_path = folder / "database" / "postgres" / "postmaster.pid"
                tasks.append(
                    asyncio.create_task(keep_killing_database(run, pid_path, chosen.database_every_s))
                )
            deadline = time.monotonic() + chosen.minutes * 60
            while run.killed < chosen.rounds and time.monotonic() < deadline:
                await asyncio.sleep(0.5)
                show_progress(f"{run.killed} kills, {len(sent.batch_ids)} batches")
            run.over.set()
            await asyncio.gather(*tasks)
            await fleet.bury()
            for node in fleet.nodes:
                await fleet.start(node)
            found = await find_problems(pool, payer, sent)
            await pool.close()
            return found


async def find_problems(pool: Pool, payer: Payer, sent: Sent) -> tuple[list[str], int]:
    """Every difference as a sentence, once all batches have ended; and how many items were charged."""
    deadline = time.monotonic() + END_S
    await wait_until_few(pool, 1, until=lambda: time.monotonic() > deadline)
    async with pool.connection() as connection:
        batches = await (await connection.execute(_STATES)).fetchall()
    known = {batch_id for batch_id, _, _, _ in batches}
    problems = [f"{one} was answered and is not there" for one in sent.batch_ids if one not in known]
    charged = 0
    for batch_id, state, items, _ in batches:
        if state != "ended":
            problems.append(f"{batch_id} is {state}")
            continue
        wrong, count = await find_problems_of(pool, batch_id, items)
        problems += wrong
        charged += count
    async with pool.connection() as connection:
        problems += (await verify(connection)).findings
    async with pool.connection() as connection:
        query = "SELECT request_id FROM holds WHERE organization_id = %s"
        rows = await (await connection.execute(query, (payer.organization_id,))).fetchall()
    problems += [f"still held: {request_id}" for (request_id,) in rows if request_id.startswith("msgbatch")]
    return problems, charged


async def find_problems_of(pool: Pool, batch_id: str, items: int) -> tuple[list[str], int]:
    """Results and charges of one batch, item by item."""
    body = b"".join([lines async for lines in read_results(pool, batch_id)])
    results: dict[str, Any] = {}
    problems = []
    for text in body.splitlines():
        line = msgspec.json.decode(text)
        if line["custom_id"] in results:
            problems.append(f"{batch_id}: two results of {line['custom_id']}")
        results[line["custom_id"]] = line["result"]
    if len(results) != items:
        problems.append(f"{batch_id}: {len(results)} results of {items}")
    async with pool.connection() as connection:
        bounds = (make_request_id(batch_id, 0), make_request_id(batch_id, items - 1))
        rows = await (await connection.execute(_CHARGED, bounds)).fetchall()
    charged = {request_id for (request_id,) in rows}
    answered = {
        make_request_id(batch_id, int(custom_id[1:]))
        for custom_id, result in results.items()
        if result["type"] == "succeeded"
    }
    if charged != answered:
        problems.append(f"{batch_id}: {len(charged)} charges of {len(answered)} answers")
    return problems, len(charged)


async def run_all(chosen: argparse.Namespace) -> bool:
    """The whole run; whether nothing was wrong."""
    run, sent = Run(Random(chosen.seed)), Sent()  # noqa: S311 - a seed, so that the order can be repeated
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jeton-batches-") as name:
        problems, charged = await play(run, sent, Path(name), chosen)
    for problem in problems:
        complain(problem)
    figures = {
        "kills": run.killed,
        "seed": chosen.seed,
        **{f"  {what}": count for what, count in sorted(run.kills.items())},
        "batches": len(sent.batch_ids),
        "items charged": charged,
        "problems": len(problems),
        "seconds": round(time.monotonic() - started),
    }
    report(figures, is_json=chosen.json)
    return not problems


def main() -> None:
    """Kill and print; 1 as exit code if anything was wrong."""
    parser = make_parser(__doc__ or "", rounds=200)
    parser.add_argument("--minutes", type=float, default=20, help="the longest it may take")
    parser.add_argument("--database-every-s", type=float, default=20, help="0: PostgreSQL is left alone")
    raise SystemExit(0 if asyncio.run(run_all(parser.parse_args())) else 1)


if __name__ == "__main__":
    main()
