"""Nursery: a process that has imported Jeton and forks a server from itself on demand.

Importing takes longer than starting; a run that kills servers by the hundred would do little else. What
runs in a fork is what ``jeton serve`` and ``jeton work`` run, and a SIGKILL is one. Its lines are JSON:
``{"arguments": [...], "log": path}`` comes in, the fork's process id goes out.
"""

import json
import os
import signal
import sys

import typer

from jeton.cli import assemble

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)


def run(app: typer.Typer, arguments: list[str], log: str) -> None:
    """Become the command; never returns."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    sys.argv = ["jeton", *arguments]
    try:
        app(arguments, prog_name="jeton")
    except SystemExit as end:
        os._exit(int(end.code or 0) if isinstance(end.code, int | None) else 1)
    os._exit(0)


def main() -> None:
    """Fork for each line until there are no more."""
    # Whoever dies is not waited for here; the fleet watches by process id.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    app = assemble(["serve", "work"])
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if not pid:
            run(app, asked["arguments"], asked["log"])
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
