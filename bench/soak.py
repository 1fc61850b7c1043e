"""Soak: a server under half of its peak for a long time: its memory, its open files and its speed.

The peak is measured first, for ``--peak-seconds``; then requests come at half that rate, whether or not the
last one is done. Where the machine had no time for this script itself, what it did not send is not made up
for, but counted. Memory and files are read every ``--look-s`` seconds. Flat is: the memory's median in the
last quarter is at most 2 % above that of the second quarter; and with nobody there afterwards at most 5 more
files are open than after the peak. (Under load there is one for each connection that clients happen to have.)

    python bench/soak.py [--minutes 30] [--json]
"""

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

import httpx2
import uvloop
from parts import answers
from parts.jeton import Jeton, serving, settled_nano, verify
from parts.nginx import canned_upstream

MS_PER_S = 1_000
KB_PER_MB = 1_024
MEMORY_GROWTH_MAX = 1.02
FILES_GROWTH_MAX = 5
CLIENTS = 64
CONNECTIONS_MAX = 512
TIMEOUT_S = 600
LATE_S_MAX = 2
OK, OVERLOADED = 200, 529
# Kept connections to the upstream are closed by then.
REST_S = 20


@dataclass(slots=True)
class Load:
    """What was sent, and how long each answer took."""

    taken_s: list[float] = field(default_factory=list)
    failed: int = 0
    refused: int = 0
    missed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Look:
    """The server at one moment."""

    at_s: float
    memory_kb: int
    files: int


async def ask(session: httpx2.AsyncClient, server: Jeton, load: Load) -> None:
    """One request, small and in one piece."""
    started = time.perf_counter()
    headers = {"x-api-key": server.key, "anthropic-version": "2023-06-01", "content-type": "application/json"}
    body = answers.prompt_body(answers.SMALL_BYTES, stream=False)
    try:
        answer = await session.post(
            f"http://127.0.0.1:{server.port}/v1/messages", content=body, headers=headers
        )
    except httpx2.HTTPError:
        load.failed += 1
        return
    if answer.status_code == OVERLOADED:
        load.refused += 1
        return
    if answer.status_code != OK:
        load.failed += 1
        return
    load.taken_s.append(time.perf_counter() - started)


async def send(
    session: httpx2.AsyncClient, server: Jeton, load: Load, *, rate: float, seconds: float
) -> None:
    """Requests at a fixed rate."""
    started = time.perf_counter()
    end = started + seconds
    tasks: set[asyncio.Task[None]] = set()
    for number in itertools.count():
        wait_s = started + number / rate - time.perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        elif wait_s < -LATE_S_MAX:
            load.missed_s -= wait_s
            started -= wait_s
        if time.perf_counter() >= end:
            break
        task = asyncio.create_task(ask(session, server, load))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)


async def find_peak(session: httpx2.AsyncClient, server: Jeton, seconds: float) -> float:
    """Requests a second when ``CLIENTS`` ask without a pause."""
    load = Load()
    end = time.perf_counter() + seconds

    async def work() -> None:
        while time.perf_counter() < end:
            await ask(session, server, load)

    await asyncio.gather(*(work() for _ in range(CLIENTS)))
    return len(load.taken_s) / seconds


def look(server: Jeton, at_s: float) -> Look:
    """The resident memory and the open files of the server's process."""
    process = Path(f"/proc/{server.pid}")
    status = (process / "status").read_text(encoding="ascii")
    memory_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
    return Look(at_s, memory_kb, len([*(process / "fd").iterdir()]))


async def keep_looking(server: Jeton, looks: list[Look], *, every_s: float) -> None:
    """Write down memory and files for as long as nobody stops it."""
    started = time.monotonic()
    while True:
        looks.append(look(server, time.monotonic() - started))
        if sys.stderr.isatty():
            last = looks[-1]
            print(f"\r{last.at_s:.0f} s: {last.memory_kb} kB, {last.files} files", end="", file=sys.stderr)
        await asyncio.sleep(every_s)


async def soak(server: Jeton, chosen: argparse.Namespace) -> tuple[Load, list[Look], float]:
    """The load, what was seen before it, meanwhile and after it, and the peak."""
    load = Load()
    async with open_session() as session:
        peak = await find_peak(session, server, chosen.peak_seconds)
    await asyncio.sleep(REST_S)
    looks = [look(server, 0)]
    async with open_session() as session:
        looker = asyncio.create_task(keep_looking(server, looks, every_s=chosen.look_s))
        await send(session, server, load, rate=peak / 2, seconds=chosen.minutes * 60)
        looker.cancel()
    await asyncio.sleep(REST_S)
    looks.append(look(server, looks[-1].at_s))
    return load, looks, peak


def open_session() -> httpx2.AsyncClient:
    """Clients, all of which are gone when it is closed."""
    return httpx2.AsyncClient(timeout=TIMEOUT_S, limits=httpx2.Limits(max_connections=CONNECTIONS_MAX))


def judge(load: Load, looks: list[Look], peak: float) -> dict[str, object]:
    """The figures."""
    before, *during, after = looks
    quarter = max(1, len(during) // 4)
    second, last = during[quarter : 2 * quarter], during[-quarter:]
    memory = [median(one.memory_kb for one in some) for some in (second, last)]
    files = [median(one.files for one in some) for some in (second, last)]
    is_flat = memory[1] <= memory[0] * MEMORY_GROWTH_MAX and after.files <= before.files + FILES_GROWTH_MAX
    return {
        "peak, requests/s": round(peak),
        "minutes at half of it": round(after.at_s / 60, 1),
        "requests": len(load.taken_s),
        "refused (529)": load.refused,
        "failed": load.failed,
        "not sent for lack of time, s": round(load.missed_s),
        "p99, ms": round(quantiles(load.taken_s, n=100)[98] * MS_PER_S, 1),
        "memory, MB: start, second quarter, last": tuple(
            round(kb / KB_PER_MB, 1) for kb in (during[0].memory_kb, *memory)
        ),
        "open files: before, second quarter, last, after": (before.files, *map(int, files), after.files),
        "flat": is_flat,
    }


def main() -> None:
    """Soak and print; 1 as exit code when something grew, failed, or does not add up."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--peak-seconds", type=float, default=10)
    parser.add_argument("--look-s", type=float, default=2)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jeton-soak-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL and nginx run as other users when we are root
        with (
            canned_upstream(folder, 1) as upstream_port,
            serving(folder, upstream_port, gateway_core=0, other_core=1) as server,
        ):
            load, looks, peak = uvloop.run(soak(server, chosen))
            figures = judge(load, looks, peak)
            figures["charged, nano-dollars"] = settled_nano(server)
            figures["proof"] = verify(server.data_dir) or "nothing found"
    width = max(map(len, figures))
    lines = "\n".join(f"{name:{width}}  {value}" for name, value in figures.items())
    print(json.dumps(figures) if chosen.json else lines)
    raise SystemExit(0 if figures["flat"] and not load.failed and figures["proof"] == "nothing found" else 1)


if __name__ == "__main__":
    main()
