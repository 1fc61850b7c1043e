"""Observed accuracy on real servers: what /metrics says, and what a provider does that counts too much."""

import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.e2e.books import prove, query
from tests.e2e.serving import ServerProcess, serving

MODEL = "claude-sonnet-5-5"
OWN_MODEL = "jeton-extract-1"
OBSERVED_TIMEOUT_S = 30
POLL_S = 0.1
QUESTION = "A jeton is a counter. What is a jeton?"
# The bound of the question is below 1,000 tokens.
REPORTED = 5_000


class Provider(BaseHTTPRequestHandler):
    """Answers every request alike, and reports ``REPORTED`` tokens for any prompt."""

    protocol_version = "HTTP/1.1"
    answer: ClassVar[bytes] = (
        b'{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-5-5",'
        b'"content":[{"type":"text","text":"A counter."}],"stop_reason":"end_turn","stop_sequence":null,'
        b'"usage":{"input_tokens":4000,"cache_creation_input_tokens":600,"cache_read_input_tokens":400,'
        b'"output_tokens":3}}'
    )

    def do_POST(self) -> None:
        """Read the request and answer it."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server has
        """Say nothing."""


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of a provider that counts more than the bound of any prompt here."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with the built-in model."""
    with serving(tmp_path_factory.mktemp("own") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def front(provider: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server whose upstream is that provider, with a token of the operator's for the metrics."""
    with serving(
        tmp_path_factory.mktemp("front") / "data",
        arguments=("--upstream-url", provider),
        environment={"JETON_METRICS_TOKEN": "a token of ours"},
    ) as server:
        yield server


def send(server: ServerProcess, model: str) -> httpx2.Response:
    answer = httpx2.post(
        f"{server.base_url}/v1/messages",
        json={"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": QUESTION}]},
        headers={"x-api-key": server.demo["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"},
    )
    assert answer.status_code == 200, answer.text
    return answer


class Metrics:
    """One scrape."""

    def __init__(self, server: ServerProcess, token: str = "") -> None:
        token = token or (server.data_dir / "metrics.token").read_text(encoding="utf-8").strip()
        answer = httpx2.get(
            f"{server.base_url}/metrics", headers={"authorization": f"Bearer {token}"}
        ).raise_for_status()
        self._samples = [
            sample for family in text_string_to_metric_families(answer.text) for sample in family.samples
        ]

    def sum(self, name: str, **labels: str) -> float:
        """The sum of a metric over all labels that are not given."""
        return sum(
            sample.value
            for sample in self._samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def wait_for(server: ServerProcess, name: str, value: float, *, token: str = "") -> Metrics:
    """Scrape until the metric has come that far."""
    deadline = time.monotonic() + OBSERVED_TIMEOUT_S
    while True:
        metrics = Metrics(server, token)
        if metrics.sum(name) >= value:
            return metrics
        assert time.monotonic() < deadline, f"{name} stays at {metrics.sum(name)}"
        time.sleep(POLL_S)


def sign_in(client: httpx2.Client, server: ServerProcess) -> None:
    """Enter the Console as the demo's member."""
    form = {
        "form_token": form_token(client.get("/console/sign-in").text),
        "email": server.demo["JETON_CONSOLE_EMAIL"],
        "password": server.demo["JETON_CONSOLE_PASSWORD"],
    }
    client.post("/console/sign-in", data=form).raise_for_status()


def form_token(page: str) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', page)
    assert found
    return found[1]


def test_the_metrics_are_closed_without_the_token(own: ServerProcess) -> None:
    answer = httpx2.get(f"{own.base_url}/metrics")
    assert answer.status_code == 401
    assert "jeton_requests" not in answer.text


def test_the_built_in_models_prompts_are_counted_without_error(own: ServerProcess) -> None:
    for _ in range(3):
        send(own, OWN_MODEL)
    send(own, MODEL)
    name = "jeton_token_estimate_error_ratio"
    metrics = wait_for(own, f"{name}_count", 3)
    assert metrics.sum(f"{name}_count", model=OWN_MODEL, method="exact") == 3
    assert metrics.sum(f"{name}_sum") == 0
    assert metrics.sum(f"{name}_bucket", le="0.001") == 3
    assert metrics.sum("jeton_requests_total", rule="completed") == 4
    assert metrics.sum("jeton_token_bound_checks_total") == 4
    assert metrics.sum("jeton_token_bound_exceeded_total") == 0
    assert metrics.sum("jeton_token_observations_dropped_total", reason="rehearsal") == 1
    assert metrics.sum("process_resident_memory_bytes") > 0


def test_a_provider_that_counts_more_than_the_bound_raises_an_alarm(front: ServerProcess) -> None:
    """The whole charge is settled past its hold; the alarm is on the page until it is acknowledged."""
    send(front, MODEL)
    send(front, MODEL)
    token = "a token of ours"
    metrics = wait_for(front, "jeton_alarms_open", 1, token=token)
    assert metrics.sum("jeton_token_bound_exceeded_total", model=MODEL) == 2
    # Counted again, by whatever is the surest method here: far below what this provider says.
    name = "jeton_token_estimate_error_ratio"
    assert metrics.sum(f"{name}_count", model=MODEL) == 2
    assert metrics.sum(f"{name}_bucket", model=MODEL, le="0.5") == 0
    charges: list[Any] = query(
        front, "SELECT state, net_nano - held_nano, overrun_nano FROM charges ORDER BY request_id"
    )
    assert [state for state, _, _ in charges] == ["settled", "settled"]
    assert all(over == overrun > 0 for _, over, overrun in charges)
    with httpx2.Client(base_url=front.base_url, follow_redirects=True) as console:
        sign_in(console, front)
        page = console.get("/console/accuracy").raise_for_status().text
        [alarm] = console.get("/console/accuracy.json").json()["alarms"]
        assert (alarm["code"], alarm["subject"], alarm["acknowledged_at"]) == ("bound_exceeded", MODEL, None)
        assert alarm["details"]["reported_tokens"] == REPORTED > alarm["details"]["bound_tokens"]
        assert alarm["details"]["request_id"] in page
        place = f"/console/alarms/{alarm['id']}/acknowledge"
        console.post(place, data={"form_token": form_token(page)}).raise_for_status()
        [alarm] = console.get("/console/accuracy.json").json()["alarms"]
        assert alarm["acknowledged_by"] == front.demo["JETON_CONSOLE_EMAIL"]
    prove(front)
