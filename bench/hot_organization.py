"""One hot organization: requests held and settled per second on one balance, by one server process.

Beside it, in the same minute and on the same disk, one commit of one row by one client, fsynced: what
PostgreSQL cannot do faster. Fixed rate: requests come whether or not the last one is done.

    python bench/hot_organization.py [--seconds 15] [--workers 64] [--rate 1000] [--json]
"""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from statistics import quantiles

import uvloop
from parts.house import House, open_house

from jeton.insight.verify import verify

MS_PER_S = 1_000
COMMITS = 500


async def measure_commits(house: House) -> list[float]:
    """Seconds of each of ``COMMITS`` commits of one row, one after the other."""
    taken = []
    async with house.pool.connection() as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS bench_commits (number int, note text)")
        await connection.commit()
        await connection.set_autocommit(True)
        for number in range(COMMITS):
            started = time.perf_counter()
            await connection.execute("INSERT INTO bench_commits VALUES (%s, 'one row')", (number,))
            taken.append(time.perf_counter() - started)
        await connection.set_autocommit(False)
    return taken


async def measure_busy(house: House, workers: int, seconds: float) -> list[float]:
    """Seconds of each request; every worker sends the next when the last is settled."""
    taken: list[float] = []
    end = time.perf_counter() + seconds

    async def work() -> None:
        while time.perf_counter() < end:
            await _time(house.hold_and_settle, taken)

    await asyncio.gather(*(work() for _ in range(workers)))
    return taken


async def measure_rate(house: House, rate: int, seconds: float) -> list[float]:
    """Seconds of each request, sent at a fixed rate."""
    taken: list[float] = []
    started = time.perf_counter()
    tasks = set()
    for number in range(int(rate * seconds)):
        wait = started + number / rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(_time(house.hold_and_settle, taken))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return taken


async def _time(run: Callable[[], Awaitable[None]], taken: list[float]) -> None:
    started = time.perf_counter()
    await run()
    taken.append(time.perf_counter() - started)


def percentiles_ms(taken: list[float]) -> tuple[float, float]:
    """The 50th and the 99th, in milliseconds."""
    cuts = quantiles(taken, n=100)
    return round(cuts[49] * MS_PER_S, 2), round(cuts[98] * MS_PER_S, 2)


async def run(chosen: argparse.Namespace) -> dict[str, object]:
    """All figures."""
    async with open_house() as house:
        await measure_busy(house, 8, 2)
        before = await measure_commits(house)
        single = await measure_busy(house, 1, 5)
        started = time.perf_counter()
        busy = await measure_busy(house, chosen.workers, chosen.seconds)
        busy_s = time.perf_counter() - started
        paced = await measure_rate(house, chosen.rate, chosen.seconds)
        keeper = asyncio.create_task(house.leases.run())
        await measure_rate(house, chosen.rate, 3)
        leased = await measure_rate(house, chosen.rate, chosen.seconds)
        keeper.cancel()
        commits = before + await measure_commits(house)
        async with house.pool.connection() as connection:
            proof = await verify(connection)
    commit_50, commit_99 = percentiles_ms(commits)
    figures: dict[str, object] = {
        "cores": len(os.sched_getaffinity(0)),
        "load average": round(os.getloadavg()[0], 1),
        "one commit, ms p50, p99": (commit_50, commit_99),
        "1 worker, ms p50, p99": percentiles_ms(single),
        f"{chosen.workers} workers, requests/s": round(len(busy) / busy_s),
        f"{chosen.workers} workers, ms p50, p99": percentiles_ms(busy),
    }
    for name, taken in (("direct", paced), ("leased", leased)):
        fifty, ninety_nine = percentiles_ms(taken)
        figures[f"{chosen.rate}/s {name}, ms p50, p99"] = (fifty, ninety_nine)
        figures[f"{chosen.rate}/s {name}, p99 as commits"] = round(ninety_nine / commit_50, 1)
    figures["charges proven"] = proof.charges
    figures["findings of the proof"] = len(proof.findings)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    figures = uvloop.run(run(chosen))
    width = max(map(len, figures))
    lines = "\n".join(f"{name:{width}}  {value}" for name, value in figures.items())
    print(json.dumps(figures) if chosen.json else lines)


if __name__ == "__main__":
    main()
