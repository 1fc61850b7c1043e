"""One Jeton as the upstream of another: bytes pass through, and both sides bill the same tokens."""

import asyncio
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import anthropic
import httpx2
import pytest
from tests.e2e.books import balance, get, prove, query
from tests.e2e.serving import ServerProcess, make_sdk, serving

TURN: Any = {"role": "user", "content": "Salt was money once. Shells were money. What was money once?"}
SETTLE_TIMEOUT_S = 20
REQUEST: Any = {"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": [TURN]}


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The server behind: the embedded model in rehearsal."""
    with serving(tmp_path_factory.mktemp("upstream") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def front(upstream: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The server in front, with the other as upstream of every model."""
    with serving(
        tmp_path_factory.mktemp("front") / "data",
        arguments=("--upstream-url", upstream.base_url),
        environment={"JETON_UPSTREAM_API_KEY": upstream.demo["ANTHROPIC_API_KEY"]},
    ) as server:
        yield server


@pytest.fixture
def client(front: ServerProcess) -> Iterator[anthropic.Anthropic]:
    """The SDK at the server in front."""
    with make_sdk(front) as made:
        yield made


def ask(server: ServerProcess, **changes: object) -> httpx2.Response:
    """A request as bytes, past any SDK."""
    return httpx2.post(
        f"{server.base_url}/v1/messages",
        json={**REQUEST, **changes},
        headers={"x-api-key": server.demo["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"},
    )


def receipt_of(server: ServerProcess, request_id: str) -> dict[str, Any]:
    """A receipt by the admin key."""
    return get(server, f"/v1/receipts/{request_id}")


def without_ids(body: bytes) -> bytes:
    """The body with the one thing that differs between two answers: the message's id."""
    start = body.index(b'"msg_')
    return body[:start] + body[body.index(b'"', start + 1) :]


def test_both_sides_charge_the_same_request_once(
    front: ServerProcess, upstream: ServerProcess, client: anthropic.Anthropic
) -> None:
    before = balance(upstream)["used"]
    raw = client.messages.with_raw_response.create(**REQUEST)
    charge = Decimal(raw.headers["jeton-cost"])
    assert "jeton-rehearsal" not in raw.headers
    assert balance(upstream)["used"] - before == charge
    receipt = receipt_of(front, raw.headers["request-id"])
    assert Decimal(receipt["net_amount"]) == charge
    assert receipt["rule"]["id"] == "completed"


@pytest.mark.parametrize("is_stream", [False, True], ids=["json", "stream"])
def test_bytes_pass_through_untouched(
    front: ServerProcess, upstream: ServerProcess, *, is_stream: bool
) -> None:
    through, direct = ask(front, stream=is_stream), ask(upstream, stream=is_stream)
    assert without_ids(through.content) == without_ids(direct.content)
    assert through.headers["content-type"] == direct.headers["content-type"]


def test_a_refusal_of_the_upstream_reaches_the_caller_and_costs_nothing(front: ServerProcess) -> None:
    """The prompt is longer than the model takes, which only the upstream can know exactly."""
    before = balance(front)["used"]
    answer = ask(front, model="claude-haiku-4-5", messages=[{"role": "user", "content": "a b " * 250_000}])
    body = answer.json()
    assert (answer.status_code, body["error"]["type"]) == (400, "invalid_request_error")
    assert body["request_id"] == answer.headers["request-id"]
    assert balance(front)["used"] == before
    assert balance(front)["held"] == 0


async def test_leaving_a_stream_charges_what_was_made(front: ServerProcess) -> None:
    """A raw client takes the first bytes and hangs up."""
    text = " ".join(f"Coin {number} is worth {number} counters." for number in range(5_000))
    body = json.dumps(
        {
            **REQUEST,
            "max_tokens": 2_000,
            "stream": True,
            "messages": [{"role": "user", "content": f"{text} What is every coin worth?"}],
        }
    ).encode()
    head = (
        f"POST /v1/messages HTTP/1.1\r\nhost: jeton\r\nx-api-key: {front.demo['ANTHROPIC_API_KEY']}\r\n"
        f"anthropic-version: 2023-06-01\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(head.encode() + body)
    answered = await reader.readuntil(b"\r\n\r\n")
    request_id = answered.split(b"request-id: ", 1)[1].split(b"\r\n", 1)[0].decode()
    writer.transport.abort()
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while not query(front, "SELECT 1 FROM charges WHERE request_id = %s", request_id):
        assert time.monotonic() < deadline, "The request of a client that left is not settled."
    receipt = receipt_of(front, request_id)
    # The whole answer may have been on its way before the hang-up was noticed.
    assert receipt["rule"]["id"] in {"client_left_during_output", "completed"}
    assert receipt["usage"]["counts"]["input_tokens"] > 40_000
    assert balance(front)["held"] == 0


def test_a_dead_upstream_is_an_error_that_costs_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with serving(
        tmp_path_factory.mktemp("alone") / "data", arguments=("--upstream-url", "http://127.0.0.1:9")
    ) as server:
        answer = ask(server)
        assert answer.status_code in {500, 529}
        assert answer.json()["type"] == "error"
        assert query(server, "SELECT state, rule_id FROM charges") == [("released", "upstream_failed")]
        assert balance(server)["available"] == balance(server)["granted"]
        prove(server)


def test_the_books_of_both_are_proven(front: ServerProcess, upstream: ServerProcess) -> None:
    """Runs last."""
    prove(front)
    prove(upstream)
