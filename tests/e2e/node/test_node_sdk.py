"""The official ``@anthropic-ai/sdk`` of Node, unmodified, on a real server, and what the books say of it."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.books import balance, get, prove, query
from tests.e2e.node.installing import SDK, install_sdk
from tests.e2e.node.waiting import USAGE, waiting_upstream
from tests.e2e.serving import ServerProcess, serving

SCENARIO_TIMEOUT_S = 180
SETTLE_TIMEOUT_S = 20
ANSWER = "The text says: “A jeton is a counter.”"
CONFIG = """
credit_status = 402

[[rate_limits]]
group = "sonnet"
requests_per_minute = 1
"""
pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="node or npm is not installed here"
)


@pytest.fixture(scope="module")
def program() -> Path:
    """The scenarios beside an installed SDK."""
    return Path(shutil.copy(SDK / "scenarios.mjs", install_sdk() / "scenarios.mjs"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server in rehearsal that says 402 where credit ends, and limits one group of models."""
    folder = tmp_path_factory.mktemp("node")
    (folder / "jeton.toml").write_text(CONFIG, encoding="utf-8")
    with serving(folder / "data", arguments=("--config", str(folder / "jeton.toml"))) as started:
        yield started


def play(program: Path, server: ServerProcess, scenario: str) -> dict[str, Any]:
    """What a scenario printed."""
    environment = {
        "ANTHROPIC_BASE_URL": server.base_url,
        "ANTHROPIC_API_KEY": server.demo["ANTHROPIC_API_KEY"],
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(
        ["node", program, scenario],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SCENARIO_TIMEOUT_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def test_a_message_and_its_count(program: Path, server: ServerProcess) -> None:
    seen = play(program, server, "messages")
    message = seen["message"]
    assert [block["text"] for block in message["content"]] == [ANSWER]
    assert message["stop_reason"] == "end_turn"
    assert seen["counted"]["input_tokens"] == message["usage"]["input_tokens"]
    receipt = get(server, f"/v1/receipts/{seen['request_id']}")
    assert receipt["net_amount"] == seen["cost"]
    assert receipt["usage"]["counts"]["output_tokens"] == message["usage"]["output_tokens"]


def test_the_streaming_helper_puts_the_same_message_together(program: Path, server: ServerProcess) -> None:
    seen = play(program, server, "streaming")
    assert len(seen["deltas"]) > 1
    assert "".join(seen["deltas"]) == seen["text"] == ANSWER
    usage = seen["message"]["usage"]
    counts = get(server, f"/v1/receipts/{seen['request_id']}")["usage"]["counts"]
    assert (counts["input_tokens"], counts["output_tokens"]) == (
        usage["input_tokens"],
        usage["output_tokens"],
    )
    told = [kind for kind in seen["kinds"] if kind not in {"ping", "content_block_delta"}]
    assert told == [
        *("message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop")
    ]


def test_a_program_that_leaves_a_stream_is_billed_by_the_contract(
    program: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # The upstream is still in its answer when the program goes: an abort after the last event is not always
    # noticed by Node's own fetch, which then ends the program without an answer.
    data = tmp_path_factory.mktemp("leaving") / "data"
    with waiting_upstream() as url, serving(data, arguments=("--upstream-url", url)) as server:
        seen = play(program, server, "leaving")
        assert seen["failure"]["class"] == "APIUserAbortError"
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while (receipt := get(server, f"/v1/receipts/{seen['request_id']}"))["rule"] is None:
            assert time.monotonic() < deadline, "The request is not settled."
        assert receipt["rule"]["id"] == "client_left_during_output"
        assert receipt["usage"]["counts"]["input_tokens"] == USAGE["input_tokens"]
        assert balance(server)["held"] == 0


def test_batches_from_creation_to_deletion(program: Path, server: ServerProcess) -> None:
    seen = play(program, server, "batches")
    assert seen["batch"]["request_counts"]["processing"] == 3
    assert seen["early"]["class"] in {"none", "AnthropicError", "ConflictError"}
    counts = seen["done"]["request_counts"]
    assert (counts["succeeded"], counts["errored"]) == (2, 1)
    results = {line["custom_id"]: line["result"] for line in seen["lines"]}
    assert {name: result["type"] for name, result in results.items()} == {
        "a": "succeeded",
        "b": "succeeded",
        "bad": "errored",
    }
    assert results["a"]["message"]["usage"]["service_tier"] == "batch"
    # Pages of one, newest first, followed to the end.
    assert seen["listed"][:2] == [seen["second"], seen["batch"]["id"]]
    assert len(seen["listed"]) == len(set(seen["listed"]))
    assert seen["deleted"] == {"id": seen["second"], "type": "message_batch_deleted"}
    assert (seen["gone"]["class"], seen["gone"]["status"]) == ("NotFoundError", 404)


def test_a_canceled_batch_accounts_for_every_request(program: Path, server: ServerProcess) -> None:
    seen = play(program, server, "canceling")
    assert seen["canceling"]["processing_status"] in {"canceling", "ended"}
    counts = seen["done"]["request_counts"]
    assert counts["canceled"] == seen["canceled"]
    assert counts["succeeded"] + counts["canceled"] == seen["lines"] == 1_000


def test_models_are_listed_over_all_pages_and_found(program: Path, server: ServerProcess) -> None:
    seen = play(program, server, "models")
    assert "jeton-extract-1" in seen["listed"]
    assert len(seen["listed"]) == len(set(seen["listed"])) > 5
    assert (seen["found"]["id"], seen["found"]["type"]) == ("claude-haiku-4-5", "model")
    assert seen["none"]["class"] == "NotFoundError"


def test_errors_are_the_classes_that_programs_catch(program: Path, server: ServerProcess) -> None:
    seen = play(program, server, "errors")
    assert seen["first"]["class"] == "none"
    errors = {name: error for name, error in seen.items() if name != "first"}
    found = {name: (error["class"], error["status"], error["type"]) for name, error in errors.items()}
    assert found == {
        "unknown_key": ("AuthenticationError", 401, "authentication_error"),
        "unknown_model": ("NotFoundError", 404, "not_found_error"),
        "beyond_credit": ("PaymentRequiredError", 402, "billing_error"),
        "beyond_credit_streamed": ("PaymentRequiredError", 402, "billing_error"),
        "malformed": ("BadRequestError", 400, "invalid_request_error"),
        "limited": ("RateLimitError", 429, "rate_limit_error"),
    }
    assert all(error["request_id"].startswith("req_") for error in errors.values())
    credit = seen["beyond_credit"]
    assert credit["code"] == "credit_balance_too_low"
    # 128,000 tokens of output at $50 a million are $6.40; the trial is $5.
    assert Decimal(credit["details"]["needed"]) > Decimal("6.40")
    # Nothing was charged after it.
    assert Decimal(credit["details"]["available"]) == balance(server)["available"]
    assert seen["limited"]["code"] == "rate_limited"
    assert 1 <= int(seen["limited"]["retry_after"]) <= 60


def test_the_books_are_proven_after_all_of_it(server: ServerProcess) -> None:
    """Runs last: what the requests cost is what the balance lost."""
    ((net_nano,),) = query(server, "SELECT sum(net_nano) FROM charges")
    amounts = balance(server)
    assert amounts["used"] * 10**9 == net_nano
    assert amounts["held"] == 0
    assert prove(server)["findings"] == []
