"""The billing contract, row by row: each end of a request is brought about, and costs what is written.

A real server, a real client, and an upstream that misbehaves. Prices of claude-sonnet-5-5 in nano-dollars
a token: input 2,000, cache write for five minutes 2,500, cache read 100, output 10,000.
"""

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.e2e.books import balance, get, prove, query
from tests.e2e.contract.cutting import Cutter
from tests.e2e.contract.misbehaving import Behavior, Talk, Upstream
from tests.e2e.serving import ServerProcess, serving

from jeton.metering.contract import CONTRACT, Rule

MODEL = "claude-sonnet-5-5"
ASKED: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 2_000,
    "messages": [{"role": "user", "content": "What is a jeton? " * 2_000}],
}
# 2,000 × 2,000 + 100,000 × 100 + 1,500 × 10,000: the first worked example of the published prices, $0.029.
USAGE = {"input_tokens": 2_000, "cache_read_input_tokens": 100_000, "output_tokens": 1_500}
USAGE_NANO = 29_000_000
# The same prompt, and the text of TEXT: two tokens.
BROKEN_OFF_NANO = 14_020_000
SETTLE_TIMEOUT_S = 20
UPSTREAM_TIMEOUT_S = 2

MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "stop_sequence": None,
    "content": [{"type": "text", "text": "A counter."}], "stop_reason": "end_turn", "usage": USAGE,
}  # fmt: skip
START = {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None,
         "usage": {**USAGE, "output_tokens": 1}}}  # fmt: skip
OPEN = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
TEXT = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello world"}}
CLOSE = {"type": "content_block_stop", "index": 0}
STOP = {"type": "message_stop"}
ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def end(stop_reason: str = "end_turn", **usage: int) -> dict[str, Any]:
    """The event that carries the final usage."""
    return {
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason},
        "usage": usage or {"output_tokens": 1_500},
    }


def say(status: int, body: dict[str, Any] | None = None, **changes: object) -> Behavior:
    """Answer in one piece: this body, or the message with changes (None: without the field)."""
    whole = {**MESSAGE, **changes} if body is None else body
    return lambda talk: talk.say(status, {name: value for name, value in whole.items() if value is not None})


def stream(*events: dict[str, Any]) -> Behavior:
    """Stream these events and close the connection."""
    return lambda talk: talk.stream(*events)


def stall(*events: dict[str, Any]) -> Behavior:
    """Stream these events, if any, and then say nothing more."""

    def behave(talk: Talk) -> None:
        if events:
            talk.stream(*events)
        talk.wait_until_left()

    return behave


def hang_up(_: Talk) -> None:
    """Close the connection without a word."""


def answer_when_told(talk: Talk) -> None:
    """Take the request, and answer it once the test says so."""
    assert talk.upstream.may_go_on.wait(SETTLE_TIMEOUT_S)
    talk.say(200, MESSAGE)


@dataclass(frozen=True, slots=True)
class Client:
    """What a client sends, when it leaves, and what it gets if it stays."""

    asks: dict[str, Any]
    leaves: str = ""
    status: int = 200


STAYS = Client(ASKED)
STREAMS = Client({**ASKED, "stream": True})
LEAVES_EARLY = Client({**ASKED, "stream": True}, leaves="before")
LEAVES_LATE = Client({**ASKED, "stream": True}, leaves="during")
LEAVES_AN_ANSWER = Client(ASKED, leaves="whole")
PREWARMS = Client({**ASKED, "max_tokens": 0})


def fails(status: int, *, is_stream: bool = False) -> Client:
    """A client that is answered with this status."""
    return Client({**ASKED, "stream": is_stream}, status=status)


@dataclass(frozen=True, slots=True)
class Situation:
    """What the upstream does and the client, and what it costs (nano) in which state."""

    rule: Rule
    name: str
    behave: Behavior
    client: Client
    nano: int = 0
    state: str = "released"


PREWARM_USAGE = {
    "input_tokens": 20, "output_tokens": 0, "cache_read_input_tokens": 50_000,
    "cache_creation_input_tokens": 1_000,
    "cache_creation": {"ephemeral_5m_input_tokens": 1_000, "ephemeral_1h_input_tokens": 0},
}  # fmt: skip
SITUATIONS = (
    Situation(Rule.COMPLETED, "json", say(200), STAYS, USAGE_NANO, "settled"),
    Situation(
        Rule.COMPLETED,
        "stream",
        stream(START, OPEN, TEXT, CLOSE, end(), STOP),
        STREAMS,
        USAGE_NANO,
        "settled",
    ),
    Situation(Rule.COMPLETED, "left-json", answer_when_told, LEAVES_AN_ANSWER, USAGE_NANO, "settled"),
    # 20 × 2,000 + 1,000 × 2,500 + 50,000 × 100.
    Situation(
        Rule.CACHE_PREWARMED,
        "json",
        say(200, content=[], stop_reason="max_tokens", usage=PREWARM_USAGE),
        PREWARMS,
        7_540_000,
        "settled",
    ),
    Situation(Rule.CLIENT_LEFT_BEFORE_OUTPUT, "stream", stall(), LEAVES_EARLY),
    Situation(
        Rule.CLIENT_LEFT_DURING_OUTPUT,
        "counted",
        stall(START, OPEN, TEXT),
        LEAVES_LATE,
        BROKEN_OFF_NANO,
        "settled",
    ),
    Situation(
        Rule.CLIENT_LEFT_DURING_OUTPUT,
        "reported",
        stall(START, OPEN, end(output_tokens=7), TEXT),
        LEAVES_LATE,
        14_070_000,
        "settled",
    ),
    Situation(Rule.UPSTREAM_REFUSED, "400", say(400, ERROR), fails(400)),
    Situation(Rule.UPSTREAM_REFUSED, "429", say(429, ERROR), fails(429)),
    Situation(Rule.UPSTREAM_REFUSED, "429-stream", say(429, ERROR), fails(429, is_stream=True)),
    Situation(Rule.UPSTREAM_REFUSED, "our key", say(401, ERROR), fails(500)),
    Situation(Rule.UPSTREAM_FAILED, "500", say(500, ERROR), fails(500)),
    Situation(Rule.UPSTREAM_FAILED, "529", say(529, ERROR), fails(529)),
    Situation(Rule.UPSTREAM_FAILED, "hangs up", hang_up, fails(500)),
    Situation(Rule.UPSTREAM_FAILED, "times out", stall(), fails(504)),
    Situation(Rule.UPSTREAM_FAILED, "times out in a stream", stall(), fails(504, is_stream=True)),
    Situation(Rule.UPSTREAM_FAILED, "stream without events", stream(), fails(500, is_stream=True)),
    Situation(Rule.UPSTREAM_FAILED, "error first", stream(ERROR), STREAMS),
    Situation(Rule.UPSTREAM_FAILED_DURING_OUTPUT, "breaks off", stream(START, OPEN, TEXT), STREAMS),
    Situation(Rule.UPSTREAM_FAILED_DURING_OUTPUT, "error event", stream(START, OPEN, TEXT, ERROR), STREAMS),
    Situation(
        Rule.TIME_LIMIT_DURING_OUTPUT, "stalls", stall(START, OPEN, TEXT), STREAMS, BROKEN_OFF_NANO, "settled"
    ),
    Situation(Rule.REFUSAL_BEFORE_OUTPUT, "json", say(200, content=[], stop_reason="refusal"), STAYS),
    Situation(
        Rule.REFUSAL_BEFORE_OUTPUT, "stream", stream(START, end("refusal", output_tokens=3), STOP), STREAMS
    ),
    Situation(
        Rule.REFUSAL_DURING_OUTPUT, "json", say(200, stop_reason="refusal"), STAYS, USAGE_NANO, "settled"
    ),
    Situation(
        Rule.REFUSAL_DURING_OUTPUT,
        "stream",
        stream(START, OPEN, TEXT, CLOSE, end("refusal"), STOP),
        STREAMS,
        USAGE_NANO,
        "settled",
    ),
    Situation(Rule.USAGE_MISSING, "json", say(200, usage=None), STAYS, 0, "quarantined"),
    Situation(
        Rule.USAGE_CONTRADICTORY,
        "json",
        say(200, usage={**PREWARM_USAGE, "cache_creation_input_tokens": 1_001}),
        STAYS,
        0,
        "quarantined",
    ),
)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """The upstream of every server here."""
    with Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def server(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server for all situations in which it stays alive."""
    options = ("--upstream-url", upstream.url, "--upstream-timeout-s", str(UPSTREAM_TIMEOUT_S))
    with serving(tmp_path_factory.mktemp("contract") / "data", arguments=options) as server:
        yield server


def send(server: ServerProcess, content: dict[str, Any]) -> socket.socket:
    """A request on a connection of its own, past any client library."""
    body = json.dumps(content).encode()
    head = (
        f"POST /v1/messages HTTP/1.1\r\nhost: a\r\nx-api-key: {server.demo['ANTHROPIC_API_KEY']}\r\n"
        f"anthropic-version: 2023-06-01\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=SETTLE_TIMEOUT_S)
    connection.sendall(head.encode() + body)
    return connection


def stay(server: ServerProcess, content: dict[str, Any], **headers: str) -> int:
    """Ask and read to the end; the status."""
    answer = httpx2.post(
        f"{server.base_url}/v1/messages",
        json=content,
        headers={
            "x-api-key": server.demo["ANTHROPIC_API_KEY"],
            "anthropic-version": "2023-06-01",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        },
        timeout=SETTLE_TIMEOUT_S,
    )
    return answer.status_code


def leave(server: ServerProcess, upstream: Upstream, client: Client) -> None:
    """Ask, and close the connection before the first byte, or after the first text."""
    with send(server, client.asks) as connection, connection.makefile("rb") as answer:
        assert upstream.was_asked.wait(SETTLE_TIMEOUT_S)
        if client.leaves == "during":
            while b"Hello world" not in answer.readline():
                pass
    if client.leaves == "whole":
        upstream.may_go_on.set()
    else:
        assert upstream.was_left.wait(UPSTREAM_TIMEOUT_S), "The upstream was not cancelled."


def wait_for_charge(server: ServerProcess, known: set[str]) -> str:
    """The id of the one charge that was not there before."""
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while not (fresh := charged(server) - known):
        assert time.monotonic() < deadline, "The request was not settled."
        time.sleep(0.02)  # polls another process
    (request_id,) = fresh
    return request_id


def charged(server: ServerProcess) -> set[str]:
    """The requests that have a charge."""
    return {row[0] for row in query(server, "SELECT request_id FROM charges")}


def check(server: ServerProcess, request_id: str, expected: tuple[Rule, int, str]) -> None:
    """The charge, its receipt and the ledger say the rule, the amount to the nano and the sentence."""
    rule, nano, state = expected
    row = query(server, "SELECT rule_id, net_nano, state FROM charges WHERE request_id = %s", request_id)
    assert row == [(rule.value, nano, state)]
    receipt = get(server, f"/v1/receipts/{request_id}")
    assert receipt["rule"] == {"id": rule.value, "sentence": CONTRACT[rule].sentence}
    assert (receipt["state"], int(Decimal(receipt["net_amount"]) * 10**9)) == (state, nano)
    posted = query(
        server,
        """SELECT coalesce(-sum(amount_nano), 0) FROM postings
           WHERE request_id = %s AND account IN ('revenue', 'promotion')""",
        request_id,
    )
    assert posted == [(nano,)]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: f"{one.rule}-{one.name}")
def test_an_end_costs_what_the_contract_says(
    server: ServerProcess, upstream: Upstream, situation: Situation
) -> None:
    known = charged(server)
    before = balance(server)["available"]
    upstream.expect(situation.behave)
    if situation.client.leaves:
        leave(server, upstream, situation.client)
    else:
        assert stay(server, situation.client.asks) == situation.client.status
    request_id = wait_for_charge(server, known)
    check(server, request_id, (situation.rule, situation.nano, situation.state))
    assert len(upstream.asked) == 1
    after = balance(server)
    assert after["held"] == 0
    assert (before - after["available"]) * 10**9 == situation.nano


def test_a_request_that_is_sent_again_is_another_request(server: ServerProcess, upstream: Upstream) -> None:
    """Whatever a client calls it: there is no stored answer that could be given again."""
    known = charged(server)
    upstream.expect(say(200))
    for _ in range(2):
        assert stay(server, ASKED, idempotency_key="the-same") == 200
    fresh = charged(server) - known
    assert len(fresh) == len(upstream.asked) == 2
    for request_id in fresh:
        check(server, request_id, (Rule.COMPLETED, USAGE_NANO, "settled"))


def test_a_request_that_is_refused_before_it_runs_has_no_charge(
    server: ServerProcess, upstream: Upstream
) -> None:
    known = charged(server)
    upstream.expect(say(200))
    assert stay(server, {**ASKED, "max_tokens": -1}) == 400
    assert stay(server, {**ASKED, "max_tokens": 128_000, "model": "claude-fable-5"}) == 400
    assert stay(server, {**ASKED, "model": "gpt-99"}) == 404
    assert (charged(server), upstream.asked) == (known, [])


def test_the_books_are_proven(server: ServerProcess) -> None:
    """After everything above."""
    prove(server)


def test_a_server_that_dies_with_a_request(upstream: Upstream, tmp_path: Path) -> None:
    options = (
        *("--upstream-url", upstream.url, "--upstream-timeout-s", "2"),
        *("--hold-validity-s", "3", "--sweep-interval-s", "1"),
    )
    with serving(tmp_path / "data", arguments=options) as server:
        upstream.expect(Talk.wait_until_left)
        with send(server, ASKED):
            assert upstream.was_asked.wait(SETTLE_TIMEOUT_S)
            server.stop(signal.SIGKILL)
        server.start()
        request_id = wait_for_charge(server, set())
        check(server, request_id, (Rule.NODE_LOST, 0, "unconfirmed"))
        assert balance(server)["held"] == 0
        prove(server)


def test_a_database_that_goes_away_while_it_confirms_a_hold(
    upstream: Upstream, database_url: str, tmp_path: Path
) -> None:
    """The hold was committed, but nobody was told; the upstream was never called."""
    with Cutter(database_url) as cutter:
        options = ("--upstream-url", upstream.url, "--database-url", cutter.url)
        with serving(tmp_path / "data", arguments=options) as server:
            upstream.expect(say(200))
            cutter.cut_after(b"write_books")
            assert stay(server, ASKED) == 529
            cutter.mend()
            request_id = wait_for_charge(server, set())
            check(server, request_id, (Rule.HOLD_UNCONFIRMED, 0, "released"))
            assert upstream.asked == []
            assert balance(server)["held"] == 0
            prove(server)


# What is brought about in a test of its own, because a server or a database does not survive it.
ELSEWHERE: dict[Rule, Callable[..., None]] = {
    Rule.NODE_LOST: test_a_server_that_dies_with_a_request,
    Rule.HOLD_UNCONFIRMED: test_a_database_that_goes_away_while_it_confirms_a_hold,
}


def test_every_row_of_the_contract_is_brought_about() -> None:
    assert {situation.rule for situation in SITUATIONS} | set(ELSEWHERE) == set(Rule) == set(CONTRACT)
