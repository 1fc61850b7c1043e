"""A real server process for end-to-end tests: started, asked, stopped or killed like an operator's."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import anthropic

from jeton.app.demo import read_env

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
POLL_S = 0.02
HTTP_TIMEOUT_S = 10.0


class ServerProcess:
    """One ``jeton serve`` on a data directory; its port stays the same over restarts."""

    def __init__(
        self, data_dir: Path, *, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        self.data_dir = data_dir
        self.port = find_free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[str] | None = None
        self.arguments = arguments
        self._environment = environment or {}

    def start(self, *, wait: bool = True) -> None:
        """Start the process; with ``wait`` return once it is healthy."""
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jeton", "serve", "--port", str(self.port)),
                *("--data-dir", str(self.data_dir), *self.arguments),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **self._environment},
        )
        if wait:
            self.wait_until_healthy()

    def wait_until_healthy(self) -> None:
        """Poll ``/healthz`` until it says 200; fails when the process ends instead."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.status("/healthz") != 200:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"The server ended: {self.process.communicate()[0]}")
            assert time.monotonic() < deadline, "The server does not get healthy."
            time.sleep(POLL_S)

    def status(self, path: str) -> int:
        """The HTTP status of a path; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(self.base_url + path, timeout=HTTP_TIMEOUT_S) as answer:  # noqa: S310 - our own server
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return 0

    def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Send a signal and wait; the exit code and everything the process said."""
        assert self.process is not None
        process, self.process = self.process, None
        process.send_signal(number)
        output, _ = process.communicate(timeout=STOP_TIMEOUT_S)
        return process.returncode, output

    def wait(self, timeout_s: float = STOP_TIMEOUT_S) -> tuple[int, str]:
        """Wait for the process to end by itself; one that does not is stopped, and its code is 0."""
        assert self.process is not None
        try:
            output, _ = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return self.stop()
        process, self.process = self.process, None
        return process.returncode, output

    @property
    def demo(self) -> dict[str, str]:
        """What ``demo.env`` holds."""
        return read_env(self.data_dir / "demo.env")


@contextlib.contextmanager
def serving(
    data_dir: Path, *, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[ServerProcess]:
    """A healthy server for the length of a block."""
    server = ServerProcess(data_dir, arguments=arguments, environment=environment)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None:
            server.stop()


def run_jeton(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one jeton command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "jeton", *arguments],
        capture_output=True,
        text=True,
        timeout=STOP_TIMEOUT_S,
        check=False,
        env={**os.environ, **(environment or {})},
    )


def find_free_port() -> int:
    """A TCP port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_sdk(server: ServerProcess) -> anthropic.Anthropic:
    """The SDK as a developer would make it, refusing anything that is not the documented shape."""
    return anthropic.Anthropic(
        base_url=server.base_url,
        api_key=server.demo["ANTHROPIC_API_KEY"],
        max_retries=0,
        _strict_response_validation=True,
    )
