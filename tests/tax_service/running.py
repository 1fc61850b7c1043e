"""Running: the tax service as a process of a test, and how the test speaks to it."""

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 30
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True)
class TaxServer:
    """A running service."""

    base_url: str

    @property
    def url(self) -> str:
        """Where questions go."""
        return f"{self.base_url}/tax"

    def control(self, **told: object) -> None:
        """Tell it how to answer."""
        body = json.dumps(told).encode()
        request = urllib.request.Request(f"{self.base_url}/_control", body)  # noqa: S310 - our own process
        with urllib.request.urlopen(request, timeout=START_TIMEOUT_S):  # noqa: S310 - as above
            pass

    def state(self) -> Any:  # noqa: ANN401 - whatever JSON it is
        """What it was asked, and how often it refused."""
        with urllib.request.urlopen(f"{self.base_url}/_control", timeout=START_TIMEOUT_S) as answer:  # noqa: S310 - as above
            return json.loads(answer.read())


@contextlib.contextmanager
def tax_server() -> Iterator[TaxServer]:
    """The service on a free port, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "tests.tax_service", "--port", str(port)], cwd=ROOT)
    server = TaxServer(f"http://127.0.0.1:{port}")
    try:
        until = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                server.state()
                break
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > until or process.poll() is not None:
                    raise
                time.sleep(0.05)
        yield server
    finally:
        process.kill()
        process.wait()
