"""Batches: how fast a batch is received and worked on, what CPU that takes, and whether memory stays flat.

A server with its embedded PostgreSQL, rehearsing the embedded upstream, and ``--workers`` processes beside
it. ``--items`` requests are sent as one batch by the command line and watched to their end; a batch of a
tenth of that comes first, for the comparison of memory. CPU is that of all processes, so a busy machine
changes the wall clock and hardly the CPU. At the end the proof is asked.

    python bench/batches.py [--items 100000] [--workers 1] [--json]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from parts.jeton import verify
from parts.processes import cpu_us, descendants, free_port, running, wait_for_port

_US_PER_S = 1_000_000
_KB_PER_MB = 1_024
_POLL_S = 0.1
_START_S_MAX = 60


@dataclass(frozen=True, slots=True)
class Figure:
    """One batch."""

    items: int
    upload_s: float
    run_s: float
    items_per_s: int
    upload_cpu_us_per_item: int
    run_cpu_us_per_item: int
    peak_mb: dict[str, int]


def make_lines(items: int) -> Iterator[str]:
    """Requests that differ, as requests do."""
    for number in range(items):
        content = f"Order {number} left on Monday by ship. It holds cups. When did order {number} leave?"
        params = {
            "model": "claude-haiku-4-5",
            "max_tokens": 32,
            "messages": [{"role": "user", "content": content}],
        }
        yield json.dumps({"custom_id": f"order-{number}", "params": params}) + "\n"


def measure(folder: Path, items: int, processes: dict[str, int]) -> Figure:
    """Send one batch and watch it to its end."""
    file = folder / f"{items}.jsonl"
    with file.open("w", encoding="utf-8") as sink:
        sink.writelines(make_lines(items))
    started, cpu_started = time.perf_counter(), read_cpu_us(processes)
    batch_id = jeton(folder, "submit", str(file)).strip()
    sent, cpu_sent = time.perf_counter(), read_cpu_us(processes)
    found = json.loads(jeton(folder, "watch", batch_id, "--json"))
    ended, cpu_ended = time.perf_counter(), read_cpu_us(processes)
    if found["request_counts"]["succeeded"] != items:
        raise SystemExit(f"{found['request_counts']} of {items}")
    return Figure(
        items=items,
        upload_s=round(sent - started, 1),
        run_s=round(ended - sent, 1),
        items_per_s=round(items / (ended - sent)),
        upload_cpu_us_per_item=(cpu_sent - cpu_started) // items,
        run_cpu_us_per_item=(cpu_ended - cpu_sent) // items,
        peak_mb={name: read_peak_mb(pid) for name, pid in processes.items()},
    )


def read_cpu_us(processes: dict[str, int]) -> int:
    """CPU of the server, its PostgreSQL and the workers so far."""
    return cpu_us([*processes.values(), *descendants(processes["serve"])])


def jeton(folder: Path, *arguments: str) -> str:
    """One ``jeton batch`` command; what it printed."""
    command = [sys.executable, "-m", "jeton", "batch", *arguments, "--data-dir", str(folder / "jeton")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def read_peak_mb(pid: int) -> int:
    """The most memory that a process had so far."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // _KB_PER_MB


def wait_until_healthy(port: int) -> None:
    """Return once requests can be billed."""
    deadline = time.monotonic() + _START_S_MAX
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except OSError:
            time.sleep(_POLL_S)
    raise SystemExit("The server did not get healthy; see jeton.log.")


def play(folder: Path, chosen: argparse.Namespace) -> tuple[list[Figure], str]:
    """A small batch, the large one, and what the proof says."""
    base = [sys.executable, "-m", "jeton"]
    options = ["--data-dir", str(folder / "jeton"), "--log-level", "warning"]
    port = free_port()
    with ExitStack() as stack:
        serve = [*base, "serve", "--port", str(port), "--trial-amount-usd", "1000000", "--rehearsal", "on"]
        server = stack.enter_context(running([*serve, *options], folder / "jeton.log"))
        wait_for_port(port, server)
        wait_until_healthy(port)
        processes = {"serve": server.pid}
        for number in range(chosen.workers):
            log = folder / f"work{number}.log"
            worker = stack.enter_context(running([*base, "work", *options], log))
            processes[f"work {number}"] = worker.pid
        figures = [measure(folder, items, processes) for items in (chosen.items // 10, chosen.items)]
        return figures, verify(folder / "jeton")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jeton-batches-") as name:
        figures, problem = play(Path(name), chosen)
    if chosen.json:
        print(json.dumps({"figures": [asdict(figure) for figure in figures], "problem": problem}))
    else:
        for figure in figures:
            for field, value in asdict(figure).items():
                print(f"{field:24} {value}")
            print()
        print(problem or "Every item is billed, and the books are right.")
    raise SystemExit(1 if problem else 0)


if __name__ == "__main__":
    main()
