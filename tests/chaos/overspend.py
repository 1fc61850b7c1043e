"""Overspend: 200 clients at once on one balance that is worth k requests, over three servers.

    python -m tests.chaos.overspend --rounds 100

Each round an organization gets k times what a request costs, and a rest that is less. Everybody asks at
once; then, with nothing held, one request after the other until one is refused. In all, exactly k must be
let in: one more is an overspend, one less a refusal without a reason.
"""

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.chaos.fleet.asking import Answer, ask
from tests.chaos.fleet.fleet import Fleet, open_fleet
from tests.chaos.fleet.payers import Payer, open_payer, read_amounts
from tests.chaos.reporting import complain, make_parser, report, show_progress

from jeton.db.embedded import EmbeddedServer
from jeton.db.migrating import migrate
from jeton.db.pool import Pool, open_pool
from jeton.insight.balance import Amounts
from jeton.insight.verify import verify

NODES = 3
CLIENTS = 200
MODEL = "jeton-extract-1"
OUTPUT_TOKENS = 8
BODY = {
    "model": MODEL,
    "max_tokens": OUTPUT_TOKENS,
    "messages": [{"role": "user", "content": "A jeton is a counter. " * 30 + "What is a jeton?"}],
}
TRIES_MAX = 300
POLL_S, LEASE_POLLS_MAX = 0.1, 50
BUSY = 529


@dataclass(frozen=True, slots=True)
class Stage:
    """Servers that are up, the database under them, and what one request costs."""

    fleet: Fleet
    pool: Pool
    cost_nano: int


@dataclass(frozen=True, slots=True)
class Round:
    """What came of a round; ``problem`` is "" if it was as it must be."""

    admitted_at_once: int
    admitted: int
    refused: int
    problem: str = ""


@contextlib.asynccontextmanager
async def open_stage(
    folder: Path, *, nodes: int, options: dict[str, str] | None = None
) -> AsyncIterator[Stage]:
    """PostgreSQL and servers for the length of a block."""
    server = EmbeddedServer(folder / "database", options=options or {})
    url = await server.start()
    try:
        await migrate(url)
        async with open_fleet(url, folder, ("--no-demo",)) as fleet:
            for _ in range(nodes):
                node = fleet.add()
                await fleet.start(node)
            for node in fleet.nodes:
                if not await fleet.wait_until_healthy(node):
                    raise SystemExit(f"A server did not start: {node.log[-2000:]}")
            pool = await open_pool(url)
            try:
                yield Stage(fleet, pool, await _price_one(fleet, pool))
            finally:
                await pool.close()
    finally:
        await server.stop()


async def _price_one(fleet: Fleet, pool: Pool) -> int:
    """What the request costs; it ends at max_tokens, so this is also the most that it could cost."""
    payer = await open_payer(pool, "Price", [10**9])
    answer = await ask(fleet.nodes[0].port, payer.secret, BODY)
    assert answer.is_delivered, answer
    assert answer.json()["stop_reason"] == "max_tokens", answer.body
    return answer.cost_nano


async def play(stage: Stage, seed: int, *, clients: int = CLIENTS) -> Round:
    """One round."""
    random = Random(seed)  # noqa: S311 - a seed, so that a round can be repeated
    worth = random.randrange(1, clients)
    rest = random.randrange(stage.cost_nano)
    funded = worth * stage.cost_nano + rest
    parts = sorted(random.sample(range(1, funded), random.randrange(3)))
    lots = [end - start for start, end in zip([0, *parts], [*parts, funded], strict=True)]
    payer = await open_payer(stage.pool, f"Round {seed}", lots)
    ports = [node.port for node in stage.fleet.nodes]
    answers = await asyncio.gather(*(ask(random.choice(ports), payer.secret, BODY) for _ in range(clients)))
    admitted = sum(answer.is_delivered for answer in answers)
    amounts = await read_amounts(stage.pool, payer)
    if amounts.used_nano != admitted * stage.cost_nano or amounts.used_nano > funded:
        return Round(admitted, admitted, 0, f"{admitted} got an answer and {amounts.used_nano} was charged")
    odd = [answer for answer in answers if not answer.is_delivered and answer.status not in {400, BUSY}]
    if odd:
        return Round(admitted, admitted, 0, f"an answer that is none: {odd[0]}")
    more = await _drain(payer, ports, random)
    amounts = await _wait_for_leases(stage.pool, payer)
    total = admitted + more
    refused = clients - admitted
    if total != worth:
        return Round(admitted, total, refused, f"{total} were let in and the credit is worth {worth}")
    if (amounts.used_nano, amounts.held_nano) != (worth * stage.cost_nano, 0):
        return Round(admitted, total, refused, f"used {amounts.used_nano}, held {amounts.held_nano}")
    return Round(admitted, total, refused)


async def _wait_for_leases(pool: Pool, payer: Payer) -> Amounts:
    """The balance once nothing is held; a quiet organization gets its leases back within seconds."""
    amounts = await read_amounts(pool, payer)
    for _ in range(LEASE_POLLS_MAX):
        if not amounts.held_nano:
            break
        await asyncio.sleep(POLL_S)
        amounts = await read_amounts(pool, payer)
    return amounts


async def _drain(payer: Payer, ports: list[int], random: Random) -> int:
    """Ask one by one until somebody is refused for credit; how many were let in."""
    for count in range(TRIES_MAX):
        answer = await _ask_patiently(random.choice(ports), payer)
        if not answer.is_delivered:
            return count
    return TRIES_MAX


async def _ask_patiently(port: int, payer: Payer) -> Answer:
    """Ask again where a server was too busy to say."""
    answer = await ask(port, payer.secret, BODY)
    for _ in range(TRIES_MAX):
        if answer.status != BUSY:
            break
        await asyncio.sleep(POLL_S)
        answer = await ask(port, payer.secret, BODY)
    return answer


async def run(chosen: argparse.Namespace) -> bool:
    """All rounds; whether each was as it must be."""
    rounds: list[Round] = []
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jeton-overspend-") as name:
        async with open_stage(Path(name), nodes=NODES) as stage:
            for seed in range(chosen.seed, chosen.seed + chosen.rounds):
                rounds.append(await play(stage, seed, clients=chosen.clients))
                show_progress(f"round {len(rounds)} of {chosen.rounds}: {rounds[-1].admitted} let in")
                if rounds[-1].problem:
                    complain(f"seed {seed}: {rounds[-1].problem}")
            async with stage.pool.connection() as connection:
                findings = (await verify(connection)).findings
    figures = {
        "rounds": len(rounds),
        "seeds": f"{chosen.seed} to {chosen.seed + chosen.rounds - 1}",
        "servers": NODES,
        "clients at once": chosen.clients,
        "let in at once": sum(one.admitted_at_once for one in rounds),
        "let in": sum(one.admitted for one in rounds),
        "refused at once": sum(one.refused for one in rounds),
        "rounds with a wrong sum": sum(bool(one.problem) for one in rounds),
        "findings of the proof": len(findings),
        "seconds": round(time.monotonic() - started),
    }
    report(figures, is_json=chosen.json)
    return not findings and not any(one.problem for one in rounds)


def main() -> None:
    """Play and print; 1 as exit code if anything was wrong."""
    parser = make_parser(__doc__ or "", rounds=100)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    raise SystemExit(0 if asyncio.run(run(parser.parse_args())) else 1)


if __name__ == "__main__":
    main()
