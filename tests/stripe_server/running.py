"""Running: the server as a process of a test, and how the test speaks to it."""

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 30
SECRET_KEY = "sk_test_jeton"
WEBHOOK_SECRET = "whsec_jeton"


@dataclass(frozen=True)
class StripeServer:
    """A running server."""

    url: str

    def control(self, name: str, **asked: object) -> Any:  # noqa: ANN401 - whatever JSON it is
        """What only a test may do; the answer's JSON."""
        return self._post(f"/_control/{name}", json.dumps(asked).encode(), "application/json")

    def form(self, path: str, **fields: str) -> str:
        """What a person's browser does on a page: the address that it ends at, without going there."""
        body = urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(f"{self.url}{path}", body)  # noqa: S310 - our own process
        opener = urllib.request.build_opener(_Stay)
        try:
            with opener.open(request, timeout=START_TIMEOUT_S) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return str(error.headers["location"])

    def save_card(self, customer: str, number: str = "4242424242424242") -> Any:  # noqa: ANN401 - whatever JSON it is
        """A card that somebody saved."""
        return self.control("card", customer=customer, number=number)

    def things(self, kind: str) -> list[dict[str, Any]]:
        """Every object of a kind, oldest first."""
        found: list[dict[str, Any]] = self.control("state", kinds=[kind])["things"]
        return found

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Every event of a type, oldest first."""
        return [one for one in self.control("state", kinds=[])["events"] if one["type"] == kind]

    def _post(self, path: str, body: bytes, kind: str) -> Any:  # noqa: ANN401 - whatever JSON it is
        request = urllib.request.Request(f"{self.url}{path}", body, {"content-type": kind})  # noqa: S310 - our own process
        with urllib.request.urlopen(request, timeout=START_TIMEOUT_S) as answer:  # noqa: S310 - as above
            return json.loads(answer.read())


class _Stay(urllib.request.HTTPRedirectHandler):
    """Go nowhere: where a page leads to is what the test wants to know."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        del args, kwargs


@contextlib.contextmanager
def stripe_server(webhook_url: str = "") -> Iterator[StripeServer]:
    """The server on a free port, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tests.stripe_server", "--port", str(port), "--webhook-url", webhook_url]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        until = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.05)
        yield StripeServer(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)
