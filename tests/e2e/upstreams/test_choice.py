"""Several upstreams for a model: one charge whatever was tried, every try a row with its own cost.

Both upstreams cost half of the list: the answer below is charged $0.029 and costs $0.0145.
"""

import json
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from tests.e2e.books import balance, prove, query
from tests.e2e.contract.misbehaving import Behavior, Talk, Upstream
from tests.e2e.serving import run_jeton
from tests.e2e.upstreams.conftest import MODEL, Stage

# 2,000 × $2 + 100,000 × $0.10 + 1,500 × $10 a million.
USAGE = {"input_tokens": 2_000, "cache_read_input_tokens": 100_000, "output_tokens": 1_500}
CHARGE = Decimal("0.029")
COST = Decimal("0.0145")
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "stop_sequence": None,
    "content": [{"type": "text", "text": "A counter."}], "stop_reason": "end_turn", "usage": USAGE,
}  # fmt: skip
START = {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}}
TEXT = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "A counter."}}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1_500}}
STOP = {"type": "message_stop"}
ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def say(status: int, body: dict[str, Any]) -> Behavior:
    return lambda talk: talk.say(status, body)


def stream(*events: dict[str, Any]) -> Behavior:
    return lambda talk: talk.stream(*events)


ANSWER, BUSY = say(200, MESSAGE), say(529, ERROR)
STREAM = stream(START, TEXT, END, STOP)


def ask(stage: Stage, first: Behavior, second: Behavior, *, is_stream: bool = False) -> httpx2.Response:
    """One request, with both upstreams told how to behave."""
    stage.first.expect(first)
    stage.second.expect(second)
    return httpx2.post(
        f"{stage.server.base_url}/v1/messages",
        json={
            "model": MODEL,
            "max_tokens": 2_000,
            "stream": is_stream,
            "messages": [{"role": "user", "content": "What is a jeton? " * 2_000}],
        },
        headers={"x-api-key": stage.server.demo["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"},
        timeout=30,
    )


def receipt_of(stage: Stage, answer: httpx2.Response) -> dict[str, Any]:
    """The operator's receipt."""
    environment = {"JETON_DATA_DIR": str(stage.server.data_dir)}
    done = run_jeton("receipt", answer.headers["request-id"], "--json", environment=environment)
    assert done.returncode == 0, done.stderr
    receipt: dict[str, Any] = json.loads(done.stdout)
    assert receipt["problems"] == []
    return receipt


def tried(receipt: dict[str, Any]) -> list[tuple[str, str, int | None, str | None]]:
    return [
        (attempt["upstream"], attempt["outcome"], attempt["status"], attempt["cost"])
        for attempt in receipt["operator"]["attempts"]
    ]


def was_asked(upstream: Upstream) -> bool:
    return bool(upstream.asked)


@pytest.mark.parametrize("is_stream", [False, True], ids=["json", "stream"])
def test_a_single_try_shows_its_margin(stage: Stage, *, is_stream: bool) -> None:
    answer = ask(stage, STREAM if is_stream else ANSWER, BUSY, is_stream=is_stream)
    receipt = receipt_of(stage, answer)
    assert Decimal(receipt["net_amount"]) == CHARGE
    assert tried(receipt) == [("first", "answered", 200, "0.0145")]
    assert receipt["operator"]["attempts"][0]["usage"]["cache_read"] == 100_000
    assert Decimal(receipt["operator"]["margin"]) == CHARGE - COST


def test_who_is_busy_is_followed_by_the_next_and_one_charge(stage: Stage) -> None:
    before = balance(stage.server)["used"]
    answer = ask(stage, BUSY, ANSWER)
    assert (answer.status_code, answer.headers["jeton-cost"]) == (200, "0.029")
    receipt = receipt_of(stage, answer)
    assert receipt["upstream"] == "second"
    assert tried(receipt) == [("first", "refused", 529, "0.00"), ("second", "answered", 200, "0.0145")]
    assert Decimal(receipt["operator"]["upstream_cost"]) == COST
    assert balance(stage.server)["used"] - before == CHARGE


def test_a_stream_that_ends_before_its_first_byte_is_tried_again(stage: Stage) -> None:
    answer = ask(stage, stream(), STREAM, is_stream=True)
    assert answer.content.count(b"event: message_stop") == 1
    receipt = receipt_of(stage, answer)
    assert [attempt[:2] for attempt in tried(receipt)] == [("first", "failed"), ("second", "answered")]
    # Nobody knows what the first one made before it broke off, so nobody claims a margin.
    assert (receipt["operator"]["upstream_cost"], receipt["operator"]["margin"]) == (None, None)


def test_after_a_first_byte_nobody_else_is_asked(stage: Stage) -> None:
    answer = ask(stage, stream(START, TEXT), STREAM, is_stream=True)
    assert answer.content.count(b"event: error") == 1
    assert not was_asked(stage.second)
    receipt = receipt_of(stage, answer)
    assert (receipt["rule"]["id"], receipt["net_amount"]) == ("upstream_failed_during_output", "0.00")
    assert tried(receipt) == [("first", "broken_off", 200, None)]


def test_a_stream_that_does_not_begin_in_time_is_left_for_the_next(stage: Stage) -> None:
    answer = ask(stage, Talk.wait_until_left, STREAM, is_stream=True)
    assert stage.first.was_left.wait(timeout=10)
    receipt = receipt_of(stage, answer)
    assert [attempt[:2] for attempt in tried(receipt)] == [("first", "timed_out"), ("second", "answered")]


def test_what_the_caller_did_wrong_is_final(stage: Stage) -> None:
    problem = {"type": "error", "error": {"type": "invalid_request_error", "message": "no such thing"}}
    answer = ask(stage, say(400, problem), ANSWER)
    assert answer.status_code == 400
    assert not was_asked(stage.second)
    assert tried(receipt_of(stage, answer)) == [("first", "refused", 400, "0.00")]


def test_when_all_fail_nothing_is_charged_and_every_try_is_kept(stage: Stage) -> None:
    before = balance(stage.server)
    answer = ask(stage, BUSY, BUSY)
    assert answer.status_code == 529
    rows = query(
        stage.server,
        "SELECT upstream, outcome, cost_nano FROM upstream_attempts WHERE request_id = %s ORDER BY attempt",
        answer.headers["request-id"],
    )
    assert rows == [("first", "refused", 0), ("second", "refused", 0)]
    assert balance(stage.server) == before


def test_the_books_are_proven(stage: Stage) -> None:
    """Runs last."""
    prove(stage.server)
    assert query(stage.server, "SELECT request_id FROM charges GROUP BY 1 HAVING count(*) > 1") == []
