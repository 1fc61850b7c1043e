"""Charges followed live against a real server: by the API, on the command line, and to its end."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.e2e.serving import ServerProcess, serving

STREAM = "/v1/usage/stream"
WATCH_MAX_S = 60.0
SEND_EVERY_S = 0.5
BODY = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 20,
    "messages": [{"role": "user", "content": "A jeton is a counter. What is a jeton?"}],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A fresh server with its demo organization, in rehearsal."""
    with serving(tmp_path_factory.mktemp("e2e") / "data") as started:
        yield started


def send(server: ServerProcess) -> str:
    """Send a request; its id."""
    headers = {"x-api-key": server.demo["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"}
    answer = httpx2.post(f"{server.base_url}/v1/messages", json=BODY, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.headers["request-id"])


def read_events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and data of server-sent events."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_a_charge_is_told_while_the_stream_is_open_and_the_receipt_says_the_same(
    server: ServerProcess,
) -> None:
    headers = {"x-api-key": server.demo["JETON_ADMIN_KEY"]}
    refused = httpx2.get(f"{server.base_url}{STREAM}?token_class=__class__", headers=headers)
    assert refused.status_code == 400
    assert "output_tokens" in refused.json()["error"]["message"]
    address = f"{server.base_url}{STREAM}?token_class=output_tokens"
    with httpx2.stream("GET", address, headers=headers, timeout=60) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        events = read_events(stream.iter_lines())
        assert next(events)[0] == "ready"
        request_id = send(server)
        told = next(data for name, data in events if name == "charge" and data["request_id"] == request_id)
    receipt = httpx2.get(f"{server.base_url}/v1/receipts/{request_id}", headers=headers).json()
    for name in ("state", "model", "list_amount", "net_amount"):
        assert told[name] == receipt[name]


def test_the_command_line_prints_a_line_of_json_for_a_charge(server: ServerProcess) -> None:
    command = (sys.executable, "-m", "jeton", "charges", "watch", "--json", "--count", "1")
    deadline_s = time.monotonic() + WATCH_MAX_S
    ids: set[str] = set()
    with subprocess.Popen(
        [*command, "--data-dir", str(server.data_dir)], stdout=subprocess.PIPE, text=True
    ) as watching:
        # It may not listen yet when the first ones are sent.
        while watching.poll() is None and time.monotonic() < deadline_s:
            ids.add(send(server))
            with contextlib.suppress(subprocess.TimeoutExpired):
                watching.wait(timeout=SEND_EVERY_S)
        watching.terminate()
        printed, _ = watching.communicate()
    (line,) = printed.splitlines()
    assert json.loads(line)["request_id"] in ids


def test_a_server_that_stops_ends_the_streams_first(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("e2e") / "data") as server:
        headers = {"x-api-key": server.demo["JETON_ADMIN_KEY"]}
        with httpx2.stream("GET", f"{server.base_url}{STREAM}", headers=headers, timeout=60) as stream:
            events = read_events(stream.iter_lines())
            assert next(events)[0] == "ready"
            assert server.process is not None
            server.process.send_signal(signal.SIGINT)
            assert [data["reason"] for name, data in events if name == "end"] == ["stopping"]
        code, _ = server.wait()
        assert code == 0
