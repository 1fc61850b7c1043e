"""What Jeton costs: requests a second and added latency, beside a direct call and beside bare nginx.

    .venv/bin/python bench/gateway.py [--seconds 3] [--rounds 3] [--quick] [--json]

Core 0 belongs to the gateway whose turn it is; core 1 to the canned upstream (a second nginx), to
PostgreSQL and to whoever asks. The turns are interleaved and the medians printed. Every request to
Jeton is held and billed; where its balance does not say so to the nano-dollar, the figure is void.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import mkdtemp

from parts.answers import LARGE_BYTES, SMALL_BYTES
from parts.report import render
from parts.turns import Bench, Case, measure

ROOT = Path(__file__).resolve().parent.parent
GATEWAY_CORE = 0
OTHER_CORE = 1
BUSY_MAX = 0.5
NEEDED = {"nginx": "nginx-light", "wrk": "wrk", "taskset": "util-linux"}
CASES = (
    Case("JSON, 2 kB", SMALL_BYTES, stream=False),
    Case("SSE, 2 kB", SMALL_BYTES, stream=True),
    Case("JSON, 100 kB", LARGE_BYTES, stream=False),
    Case("SSE, 100 kB", LARGE_BYTES, stream=True),
)


def main(arguments: Sequence[str]) -> int:
    """Measure and print; 1 where a figure is void, 2 where something is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=3, help="of each turn (default 3)")
    parser.add_argument("--rounds", type=int, default=3, help="of turns; the medians count (default 3)")
    parser.add_argument("--quick", action="store_true", help="one round of one second, 2 kB only")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)
    missing = [package for command, package in NEEDED.items() if not shutil.which(command)]
    if missing:
        print(f"Missing here: apt-get install {' '.join(missing)}", file=sys.stderr)
        return 2
    if len(os.sched_getaffinity(0)) < OTHER_CORE + 1:
        print("Two cores are needed: one for the gateway, one for everything else.", file=sys.stderr)
        return 2
    busy = os.getloadavg()[0]
    if busy > BUSY_MAX:
        print(f"Others keep this machine busy (load {busy:.2f}): times come out too long.", file=sys.stderr)
    if options.quick:
        options.seconds = options.rounds = 1
    home = ROOT / ".jeton" / "bench"
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(dir=home))
    folder.chmod(0o755)  # PostgreSQL runs as another user when we are root
    bench = Bench(folder, options.seconds, options.rounds, GATEWAY_CORE, OTHER_CORE)
    cases = [case for case in CASES if not options.quick or case.body_bytes == SMALL_BYTES]
    figures = measure(bench, cases)
    void = [line for figure in figures for line in figure.void]
    if void:
        print("\n".join(void), f"The logs are in {folder}.", sep="\n", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    print(json.dumps([asdict(figure) for figure in figures], indent=2) if options.json else render(figures))
    return 1 if void else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
