"""What relaying a stream costs: events a second through one core, and the delay of a first byte.

    .venv/bin/python bench/relay.py [--streams 64] [--events 2000] [--rounds 3] [--folder DIR] [--json]

Core 0 belongs to who relays; core 1 to the upstream, to PostgreSQL and to the clients. The upstream sends
every event in a write of its own, to all streams in turn. Beside Jeton, which reads the usage out of every
stream and bills it: nginx, unbuffered, which copies bytes; and Jeton before a server that speaks chat
completions, where every event is translated. "By CPU" is events for each second of the relay's own CPU,
which is what a core to itself would carry, however busy this machine is.

The delay is that of a first byte while half of the events that were reached pass by other streams: p50
and p99, less the same without anybody between. A first byte waits until its hold is durable: with
``--folder /dev/shm`` the flush of the disk costs nothing, and the difference is the disk's.
"""

import argparse
import asyncio
import json
import math
import os
import shutil
import statistics
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

import uvloop
from parts import jeton, nginx
from parts.processes import cpu_us, free_port, pin, running, wait_for_port
from parts.streams import Way, stream

ROOT = Path(__file__).resolve().parent.parent
RELAY_CORE, OTHER_CORE = 0, 1
PROBES = 400
PROBE_EVENTS = 2
WARM_UPS = 20
# What makes the load lets pass whoever is measured, and the database: they have one core between them.
CROWD_NICE = 10
SETTLING_S = 2
PATIENCE_S = 600
_Result = TypeVar("_Result")
MESSAGES_MODEL, CHAT_MODEL = "claude-haiku-4-5", "claude-sonnet-5-5"
CONFIG = """
[[upstreams]]
name = "messages"
kind = "anthropic"
base_url = "http://127.0.0.1:{port}"
models = ["{messages}"]

[[upstreams]]
name = "chat"
kind = "openai_compatible"
base_url = "http://127.0.0.1:{port}/v1"
models = ["{chat}"]
cache = "reported"
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One way to the upstream: medians of the rounds."""

    name: str
    events_per_second: int
    events_per_cpu_second: int
    first_p50_ms: float
    first_p99_ms: float


def main(arguments: Sequence[str]) -> int:
    """Measure and print; 2 where something is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=64, help="at the same time (default 64)")
    parser.add_argument("--events", type=int, default=2_000, help="of each stream (default 2000)")
    parser.add_argument("--rounds", type=int, default=3, help="the medians count (default 3)")
    parser.add_argument("--no-delay", action="store_true", help="leave the first bytes out")
    parser.add_argument("--folder", type=Path, help="where the database lies (default .jeton/bench)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)
    if not shutil.which("nginx"):
        print("Missing here: apt-get install nginx-light", file=sys.stderr)
        return 2
    print(f"Load of this machine: {os.getloadavg()[0]:.2f}", file=sys.stderr)
    home = options.folder or ROOT / ".jeton" / "bench"
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(dir=home))
    folder.chmod(0o755)  # PostgreSQL runs as another user when we are root
    pin(os.getpid(), OTHER_CORE)
    figures = _measure(folder, options)
    shutil.rmtree(folder)
    print(json.dumps([asdict(figure) for figure in figures], indent=2) if options.json else _render(figures))
    return 0


def _measure(folder: Path, options: argparse.Namespace) -> list[Figure]:
    full = [[_run_full(way, options) for _ in range(options.rounds)] for way in _ways(folder / "full", 0)]
    for runs in full:
        print(
            "events/s, by CPU:", *(f"{speed:,.0f} {by_cpu:,.0f}" for speed, by_cpu in runs), file=sys.stderr
        )
    # Half of what Jeton relayed on this machine now.
    half = int(statistics.median(speed for speed, _ in full[2]) / 2)
    unknown = [(math.nan, math.nan)] * len(full)
    delays = (
        unknown
        if options.no_delay
        else [_run_half(way, options.streams, folder) for way in _ways(folder / "half", half)]
    )
    direct = delays[0]
    return [
        Figure(
            name,
            round(statistics.median(speed for speed, _ in runs)),
            round(statistics.median(by_cpu for _, by_cpu in runs)),
            round(p50 - direct[0], 2) if number else round(p50, 2),
            round(p99 - direct[1], 2) if number else round(p99, 2),
        )
        for number, (name, runs, (p50, p99)) in enumerate(
            zip(("direct", "nginx", "jeton", "jeton, translated"), full, delays, strict=True)
        )
    ]


def _ways(folder: Path, per_second: int) -> Iterator[Way]:
    """Every way, with what it needs running while it is looked at."""
    folder.mkdir()
    with _flood(folder, per_second) as port:
        yield Way("direct", port, "", MESSAGES_MODEL, ())
        with nginx.reverse_proxy(folder / "nginx", RELAY_CORE, port, is_buffered=False) as (proxy, pids):
            yield Way("nginx", proxy, "", MESSAGES_MODEL, tuple(pids))
        config = folder / "jeton.toml"
        config.write_text(CONFIG.format(port=port, messages=MESSAGES_MODEL, chat=CHAT_MODEL))
        with jeton.serving(
            folder, port, gateway_core=RELAY_CORE, other_core=OTHER_CORE, config=config
        ) as server:
            yield Way("jeton", server.port, server.key, MESSAGES_MODEL, (server.pid,))
            yield Way("jeton, translated", server.port, server.key, CHAT_MODEL, (server.pid,))


@contextmanager
def _flood(folder: Path, per_second: int) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "parts.flood", str(port), str(per_second)]
    with running(command, folder / "flood.log", cwd=Path(__file__).parent) as process:
        wait_for_port(port, process)
        pin(process.pid, OTHER_CORE)
        os.setpriority(os.PRIO_PROCESS, process.pid, CROWD_NICE)
        yield port


def _run_full(way: Way, options: argparse.Namespace) -> tuple[float, float]:
    """Events a second, and events a second of CPU; 0 where nobody relays."""

    async def run() -> float:
        await _warm_up(way)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.gather(*(stream(way, options.events) for _ in range(options.streams)))
        return loop.time() - began

    before = cpu_us(way.pids)
    elapsed_s = _bounded(run)
    used_us = cpu_us(way.pids) - before
    events = options.streams * options.events
    return events / elapsed_s, events * 1e6 / used_us if used_us else 0


def _run_half(way: Way, streams: int, folder: Path) -> tuple[float, float]:
    """The p50 and p99 of a first byte in ms, while another process's streams carry the events."""

    async def run() -> tuple[float, float]:
        await _warm_up(way)
        crowd = [sys.executable, "-m", "parts.streams", str(way.port), way.key, way.model, str(streams)]
        with running(crowd, folder / "crowd.log", cwd=Path(__file__).parent) as process:
            pin(process.pid, OTHER_CORE)
            os.setpriority(os.PRIO_PROCESS, process.pid, CROWD_NICE)
            await asyncio.sleep(SETTLING_S)
            firsts = sorted([await stream(way, PROBE_EVENTS) for _ in range(PROBES)])
        return firsts[PROBES // 2] * 1e3, firsts[PROBES * 99 // 100] * 1e3

    return _bounded(run)


async def _warm_up(way: Way) -> None:
    """Ask until it is answered: a key that is known and credit that is leased are what a busy server has."""
    while True:
        try:
            for _ in range(WARM_UPS):
                await stream(way, PROBE_EVENTS)
        except RuntimeError as problem:
            print(f"Not ready yet: {str(problem).splitlines()[0]}", file=sys.stderr)
            await asyncio.sleep(1)
        else:
            return


def _bounded(run: Callable[[], Awaitable[_Result]]) -> _Result:
    async def bounded() -> _Result:
        async with asyncio.timeout(PATIENCE_S):
            return await run()

    return uvloop.run(bounded())


def _render(figures: Sequence[Figure]) -> str:
    lines = [f"{'':20}{'events/s':>12}{'by CPU':>12}{'first p50 ms':>15}{'p99 ms':>10}"]
    lines += [
        f"{figure.name:20}{figure.events_per_second:>12,}{figure.events_per_cpu_second:>12,}"
        f"{figure.first_p50_ms:>15.2f}{figure.first_p99_ms:>10.2f}"
        for figure in figures
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
