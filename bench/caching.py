"""The prompt-cache account: lookups per second on one core, a million live entries, three nodes.

Everything runs on one core: this process and the PostgreSQL behind it. Others may use the machine meanwhile,
so three rates are given: by the clock in the best of 20 slices of time and in the middle one, and for each
second of CPU time of both together.

    python bench/caching.py [--seconds 5] [--entries 1000000] [--json]
"""

import argparse
import asyncio
import json
import os
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from uuid import UUID

import uvloop
from parts.processes import cpu_us, descendants

from jeton.caching.plan import Plan, make_plan
from jeton.caching.shared.account import Account
from jeton.caching.shared.entries import Entries
from jeton.caching.shared.storage import Row, queue_entries
from jeton.caching.words import Entry, Scope
from jeton.db.channel import Channel
from jeton.db.embedded import EmbeddedServer
from jeton.db.migrating import migrate
from jeton.db.pool import Pool, open_pool

SCOPE = Scope(UUID(int=1), "wrkspc_bench", "claude-sonnet-5-5")
MARK = {"type": "ephemeral"}
US = 1_000_000
NODES = 3
WORKERS = 64
ROWS_EACH = 10_000
SLICES = 20
KIB = 1024
MIB = 1024 * KIB
Report = list[tuple[str, str]]


def make_body(name: str, characters: int, turns: int) -> bytes:
    """A conversation with a marked system prompt and an automatic mark on its last turn."""
    system = [{"type": "text", "text": f"{name} " + "river " * (characters // 6), "cache_control": MARK}]
    roles = ("user", "assistant")
    messages = [{"role": roles[turn % 2], "content": f"turn {turn} of {name}"} for turn in range(turns)]
    body = {"model": SCOPE.model, "max_tokens": 1, "system": system, "messages": messages}
    return json.dumps({**body, "cache_control": MARK}).encode()


def plan_of(body: bytes) -> Plan:
    """The plan of a body that is marked."""
    plan = make_plan(body, SCOPE)
    if plan is None:
        raise SystemExit("The body is not marked.")
    return plan


async def write(account: Account, plan: Plan) -> None:
    """Answer a request so that all its prefixes are cached."""
    look = await account.look(plan, time.time_ns() // 1000)
    if not await account.begin(look, plan.breakpoints, message_id="", cached_tokens=0):
        raise SystemExit("Nothing could be written.")


async def repeat(work: Callable[[int], Awaitable[None]], seconds: float, workers: int) -> str:
    """Repetitions per second: of the best slice, of the middle one, and per second of everybody's CPU."""
    count = 0
    everybody = [os.getpid(), *descendants(os.getpid())]
    used, rates = cpu_us(everybody), []
    for _ in range(SLICES):
        before, started = count, time.perf_counter()
        end = started + seconds / SLICES

        async def run(end: float) -> None:
            nonlocal count
            while time.perf_counter() < end:
                for _ in range(10):
                    count += 1
                    await work(count)

        await asyncio.gather(*(run(end) for _ in range(workers)))
        rates.append((count - before) / (time.perf_counter() - started))
    cpu = count * US / max(1, cpu_us(everybody) - used)
    return f"{max(rates):>9,.0f} {median(rates):>9,.0f} {cpu:>9,.0f}"


async def measure_memory_lookups(account: Account, seconds: float) -> Report:
    """Hits that the node remembers: what is known of the request already, and everything from its bytes."""
    report = []
    for characters, turns in ((6_000, 3), (40_000, 11), (40_000, 101)):
        body = make_body("shared", characters, turns)
        plan = plan_of(body)
        await write(account, plan)

        async def look(_: int, plan: Plan = plan) -> None:
            await account.look(plan, time.time_ns() // 1000)

        async def whole(_: int, body: bytes = body) -> None:
            found = await account.look(plan_of(body), time.time_ns() // 1000)
            await account.begin(found, found.plan.breakpoints, message_id="", cached_tokens=0)

        size = f"prompt of {characters // 4:,} tokens, {turns} turns"
        for name, work in (("hash and look up", look), ("parse, look up, refresh", whole)):
            report.append((f"{name}, {size}", await repeat(work, seconds, 1)))
    return report


async def measure_known_names(account: Account, seconds: float) -> Report:
    """The lookup alone, of names that are there already."""
    plans = [plan_of(make_body(f"known {number}", 600, 1)) for number in range(1000)]
    for plan in plans:
        await write(account, plan)
    looks = [await account.look(plan, time.time_ns() // 1000) for plan in plans]
    names = [list(look.chain.names.values())[::-1] for look in looks]

    async def find(number: int) -> None:
        await account._find(names[number % 1000], None, at_s=time.time_ns() // 1_000_000_000)  # noqa: SLF001 - the part that is measured

    return [("look up a name that the node knows", await repeat(find, seconds, 1))]


async def measure_database(pool: Pool, seconds: float) -> Report:
    """What the node does not know: asked of the database, and written to it, by many requests at once."""
    account, other = Account(), Account()
    account.open(pool)
    other.open(pool)
    plans = [plan_of(make_body(f"conversation {number}", 6_000, 3)) for number in range(200)]
    for plan in plans:
        await write(other, plan)
    longer = [plan_of(make_body(f"conversation {number}", 6_000, 5)) for number in range(200)]

    async def find(number: int) -> None:
        look = await account.look(longer[number % 200], time.time_ns() // 1000)
        if look.hit is None:
            raise SystemExit("What was written was not found.")

    async def begin(number: int) -> None:
        plan = plan_of(make_body(f"new {number}", 6_000, 3))
        await write(other, plan)

    report = [
        (f"look up in the database, {WORKERS} at once", await repeat(find, seconds, WORKERS)),
        (f"look up and write, {WORKERS} at once", await repeat(begin, seconds, WORKERS)),
    ]
    await account.close()
    await other.close()
    return report


async def measure_entries(pool: Pool, entries: int) -> Report:
    """What a million live entries take, in a node and in the database."""
    before = _rss_bytes()
    kept = Entries(entries * 2)
    for number in range(entries):
        kept.put(number.to_bytes(16, "big"), Entry(300, 2_000_000_000))
    grown = _rss_bytes() - before
    async with pool.connection() as connection:
        channel = Channel(connection)
        for start in range(0, entries, ROWS_EACH):
            rows = [
                Row(os.urandom(16), SCOPE.organization_id, Entry(300, 2_000_000_000), is_paid=True)
                for _ in range(start, start + ROWS_EACH)
            ]
            queue_entries(channel, rows)
            await channel.flush()
        channel.close()
        await connection.commit()
        size = "SELECT pg_total_relation_size('prompt_cache_entries'), count(*) FROM prompt_cache_entries"
        row = await (await connection.execute(size)).fetchone()
    size_bytes, rows_there = row or (0, 0)
    return [
        (f"{len(kept):,} entries in a node's memory", f"{grown / MIB:,.0f} MiB"),
        (f"{rows_there:,} entries in the database, index included", f"{size_bytes / MIB:,.0f} MiB"),
    ]


async def measure_nodes(pool: Pool) -> Report:
    """Three nodes in turns: each conversation is answered by one and asked of all."""
    nodes = [Account() for _ in range(NODES)]
    for account in nodes:
        account.open(pool)
    asked = agreed = 0
    for number in range(500):
        plan = plan_of(make_body(f"anywhere {number}", 600, 3))
        if number % 2:
            await write(nodes[number % NODES], plan)
        at_us = time.time_ns() // 1000
        hits = {(await account.look(plan, at_us)).hit for account in nodes}
        asked += 1
        agreed += hits == ({len(plan.layout.blocks) - 1} if number % 2 else {None})
    for account in nodes:
        await account.close()
    return [(f"the same, right answer on {NODES} nodes", f"{agreed} of {asked}")]


@asynccontextmanager
async def open_database() -> AsyncIterator[Pool]:
    """A PostgreSQL of its own."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedServer(Path(folder))
        url = await server.start()
        await migrate(url)
        pool = await open_pool(url, connections_min=1, connections_max=4)
        try:
            yield pool
        finally:
            await pool.close()
            await server.stop()


async def measure(arguments: argparse.Namespace) -> Report:
    """Every figure, in order."""
    async with open_database() as pool:
        account = Account()
        account.open(pool)
        report = await measure_known_names(account, arguments.seconds)
        report += await measure_memory_lookups(account, arguments.seconds)
        await account.close()
        report += await measure_nodes(pool)
        report += await measure_database(pool, arguments.seconds)
        report += await measure_entries(pool, arguments.entries)
    return report


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    # Of the server too, which is our child.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    report = uvloop.run(measure(arguments))
    if arguments.json:
        print(json.dumps(dict(report), indent=2))
        return
    width = max(len(name) for name, _ in report)
    print(f"{'a second: best, middle, by CPU':<{width}}")
    for name, figure in report:
        print(f"{name:<{width}}  {figure}")


def _rss_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
