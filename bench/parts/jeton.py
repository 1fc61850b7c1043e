"""Jeton as the gateway under test: a real server, its PostgreSQL, and proof that everything was billed."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from parts.processes import START_S_MAX, cpu_us, descendants, free_port, pin, running, wait_for_port

_TRIAL_USD = "1000000"
_SETTLE_S_MAX = 30
_POLL_S = 0.05
_NANO_PER_USD = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Jeton:
    """A running server: its port, keys and processes."""

    port: int
    key: str
    admin_key: str
    data_dir: Path
    pid: int

    def used_nano(self) -> int:
        """What the organization has used so far, by the public balance."""
        balance = self._balance()
        return int(Decimal(balance["used"]) * _NANO_PER_USD)

    def held_nano(self) -> int:
        """What is held for requests under way."""
        return int(Decimal(self._balance()["held"]) * _NANO_PER_USD)

    def gateway_cpu_us(self) -> int:
        """CPU of the server process so far."""
        return cpu_us([self.pid])

    def database_cpu_us(self) -> int:
        """CPU of PostgreSQL so far."""
        return cpu_us(descendants(self.pid))

    def _balance(self) -> dict[str, str]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/organizations/balance", headers={"x-api-key": self.admin_key}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own server on 127.0.0.1
            balance: dict[str, str] = json.load(answer)
        return balance


@contextmanager
def serving(
    folder: Path, upstream_port: int, *, gateway_core: int, other_core: int, config: Path | None = None
) -> Iterator[Jeton]:
    """`jeton serve` on one core, its embedded PostgreSQL on the other; fsync on, as delivered.

    A ``config`` names the upstreams in place of the one at ``upstream_port``.
    """
    port, data_dir = free_port(), folder / "jeton"
    command = [sys.executable, "-m", "jeton", "serve", "--port", str(port), "--data-dir", str(data_dir)]
    command += ["--trial-amount-usd", _TRIAL_USD]
    command += (
        ["--config", str(config)] if config else ["--upstream-url", f"http://127.0.0.1:{upstream_port}"]
    )
    command += ["--log-level", "warning"]
    with running(command, folder / "jeton.log") as process:
        _wait_until_ready(port, process)
        lines = (data_dir / "demo.env").read_text().splitlines()
        env = dict(line.removeprefix("export ").split("=", 1) for line in lines if "=" in line)
        below = descendants(process.pid)
        pin(process.pid, gateway_core)
        for pid in below:
            pin(pid, other_core)
        yield Jeton(
            port=port,
            key=env["ANTHROPIC_API_KEY"].strip("'\""),
            admin_key=env["JETON_ADMIN_KEY"].strip("'\""),
            data_dir=data_dir,
            pid=process.pid,
        )


def _wait_until_ready(port: int, process: "subprocess.Popen[bytes]") -> None:
    """The port is taken before requests can be billed; /healthz says when they can."""
    wait_for_port(port, process)
    deadline = time.monotonic() + START_S_MAX
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=START_S_MAX):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(_POLL_S)
    raise SystemExit("Jeton did not get ready; see jeton.log")


def settled_nano(server: Jeton) -> int:
    """What has been used once nothing is held any more; SystemExit if that does not come."""
    deadline = time.monotonic() + _SETTLE_S_MAX
    while server.held_nano():
        if time.monotonic() > deadline:
            raise SystemExit(f"{server.held_nano()} nano-dollars are still held after {_SETTLE_S_MAX} s")
        time.sleep(_POLL_S)
    return server.used_nano()


def verify(data_dir: Path) -> str:
    """`jeton ledger verify` over the whole run; empty when the books balance, else what it said."""
    command = [sys.executable, "-m", "jeton", "ledger", "verify", "--data-dir", str(data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr
