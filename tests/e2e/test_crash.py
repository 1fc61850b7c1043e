"""Crashes: the server is killed with SIGKILL at every labelled point of a request, JSON and stream.

After each crash the books are proven by the next start; at the end no hold has outlived its
validity, and whoever got a whole answer was charged for it.
"""

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import pytest
from tests.e2e.books import balance, find_faults, prove, query
from tests.e2e.serving import ServerProcess, serving

from jeton.charging.posting import CHECKPOINTS as POSTING_POINTS
from jeton.gateway.deps import CHECKPOINTS as GATEWAY_POINTS

POINTS = GATEWAY_POINTS + POSTING_POINTS
VALIDITY_S = 3
# Before its commit a settlement leaves nothing, after it everything.
UNSETTLED = {"request_parsed", "before_hold", "hold_written"}
HELD = {"after_hold", "upstream_called", "before_settle", "settle_written"}
SETTLED = {"after_settle", "last_byte_sent"}
ARGUMENTS = (
    *("--hold-validity-s", str(VALIDITY_S), "--upstream-timeout-s", "1"),
    *("--sweep-interval-s", "1"),
)
BODY = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Coins clink. Counters count. What do counters do?"}],
}


@dataclass(frozen=True, slots=True)
class Crash:
    """One request that met a SIGKILL: where, and what its client got."""

    point: str
    is_stream: bool
    exit_code: int
    body: bytes
    charges_before: int

    @property
    def is_answered(self) -> bool:
        """Whether the client has a whole answer."""
        if self.is_stream:
            return self.body.endswith(b"\n\n") and b"event: message_stop" in self.body
        return self.body.endswith(b"}")


@dataclass(frozen=True, slots=True)
class History:
    """All crashes of one data directory, and what the books say at the end."""

    crashes: tuple[Crash, ...]
    settled: int
    unconfirmed: int
    open_holds: int
    used_by_receipts: bool


def crash_at(server: ServerProcess, point: str, *, is_stream: bool) -> Crash:
    """Start the server so that it dies at ``point``, prove the books, send one request, bury it."""
    server.arguments = (*ARGUMENTS, "--crash-at", point)
    server.start()
    assert find_faults(server) == ()
    charges = query(server, "SELECT count(*) FROM charges WHERE state = 'settled'")[0][0]
    received = bytearray()
    headers = {"x-api-key": server.demo["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"}
    try:
        with httpx2.stream(
            "POST", f"{server.base_url}/v1/messages", json={**BODY, "stream": is_stream}, headers=headers
        ) as answer:
            for chunk in answer.iter_raw():
                received += chunk
    except httpx2.TransportError:
        pass  # the server died; what arrived until then is what counts
    exit_code, output = server.wait(10)
    assert exit_code == -signal.SIGKILL, f"At {point} (stream: {is_stream}) the server lived on: {output}"
    return Crash(point, is_stream, exit_code, bytes(received), charges)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """Twenty crashes one after the other, then a start that lives past every hold's validity."""
    data_dir = tmp_path_factory.mktemp("crashes") / "data"
    with serving(data_dir, arguments=ARGUMENTS) as server:
        server.stop()
        crashes = tuple(
            crash_at(server, point, is_stream=is_stream) for point in POINTS for is_stream in (False, True)
        )
        server.arguments = ARGUMENTS
        server.start()
        deadline = time.monotonic() + VALIDITY_S + 10
        while query(server, "SELECT count(*) FROM holds")[0][0] and time.monotonic() < deadline:
            time.sleep(0.1)  # polls the sweeper of another process
        prove(server)
        states = dict(query(server, "SELECT state, count(*) FROM charges GROUP BY state"))
        used = query(server, "SELECT coalesce(sum(net_nano), 0) FROM charges")[0][0]
        yield History(
            crashes=crashes,
            settled=states.get("settled", 0),
            unconfirmed=states.get("unconfirmed", 0),
            open_holds=query(server, "SELECT count(*) FROM holds")[0][0],
            used_by_receipts=balance(server)["used"] * 10**9 == used,
        )


def test_the_server_died_at_every_point(history: History) -> None:
    assert [crash.exit_code for crash in history.crashes] == [-signal.SIGKILL] * (2 * len(POINTS))


def test_no_answer_was_delivered_without_its_charge(history: History) -> None:
    """Each whole answer was settled before its client had it: the next start counts one more."""
    answered = [crash for crash in history.crashes if crash.is_answered]
    assert answered, "No crash came after a last byte."
    counts = [crash.charges_before for crash in history.crashes] + [history.settled]
    for number, crash in enumerate(history.crashes):
        if crash.is_answered:
            assert counts[number + 1] == counts[number] + 1, crash.point


def test_a_charge_exists_from_its_commit_on_and_not_before(history: History) -> None:
    counts = [crash.charges_before for crash in history.crashes] + [history.settled]
    for number, crash in enumerate(history.crashes):
        grown = counts[number + 1] - counts[number]
        if crash.point in SETTLED:
            assert grown == 1, crash
        elif crash.point in UNSETTLED | HELD:
            assert grown == 0, crash
            assert not crash.is_answered


def test_no_hold_outlives_its_validity(history: History) -> None:
    """What was held and never settled ended as unconfirmed, and its credit is back."""
    assert history.open_holds == 0
    held = [crash for crash in history.crashes if crash.point in HELD]
    # A stream sends its first byte before it is settled, JSON after.
    streamed = [crash for crash in history.crashes if crash.point == "first_byte_sent" and crash.is_stream]
    assert history.unconfirmed == len(held) + len(streamed)
    assert history.used_by_receipts
