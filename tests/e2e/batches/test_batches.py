"""Message Batches over the official SDK and the command line, unmodified, on a real server and a worker."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic.types.messages import MessageBatch
from tests.e2e.books import balance, get, prove, query
from tests.e2e.serving import ServerProcess, make_sdk, run_jeton, serving

END_TIMEOUT_S = 120
MODEL = "claude-haiku-4-5"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A fresh server with its demo organization, in rehearsal."""
    with serving(tmp_path_factory.mktemp("batches") / "data") as started:
        yield started


@pytest.fixture
def client(server: ServerProcess) -> Iterator[anthropic.Anthropic]:
    """The SDK as a developer would make it, refusing anything that is not the documented shape."""
    with make_sdk(server) as made:
        yield made


def request(custom_id: str, **params: object) -> Any:  # noqa: ANN401 - the SDK has a type of its own for it
    content = f"The lamp {custom_id} is green. What colour is the lamp {custom_id}?"
    usual = {"model": MODEL, "max_tokens": 20, "messages": [{"role": "user", "content": content}]}
    return {"custom_id": custom_id, "params": {**usual, **params}}


def wait(client: anthropic.Anthropic, batch: MessageBatch) -> MessageBatch:
    deadline = time.monotonic() + END_TIMEOUT_S
    while batch.processing_status != "ended":
        assert time.monotonic() < deadline, batch
        time.sleep(0.2)
        batch = client.messages.batches.retrieve(batch.id)
        counts = batch.request_counts
        if batch.processing_status != "ended":
            assert (counts.succeeded, counts.errored, counts.canceled, counts.expired) == (0, 0, 0, 0)
    return batch


def test_the_sdks_helpers_take_a_batch_from_creation_to_deletion(
    server: ServerProcess, client: anthropic.Anthropic
) -> None:
    before = balance(server)
    requests = [request(f"r{number}") for number in range(280)]
    batch = client.messages.batches.create(requests=[*requests, request("bad", model="nobody")])
    assert batch.type == "message_batch"
    assert batch.request_counts.processing == 281
    assert batch.results_url is None
    assert (batch.expires_at - batch.created_at).total_seconds() == 86_400
    batch = wait(client, batch)
    counts = batch.request_counts
    assert (counts.processing, counts.succeeded, counts.errored) == (0, 280, 1)
    results = {line.custom_id: line.result for line in client.messages.batches.results(batch.id)}
    assert len(results) == 281
    first = results["r0"]
    assert first.type == "succeeded"
    assert first.message.usage.service_tier == "batch"
    assert results["bad"].type == "errored"
    check_money(server, batch.id, before["available"])
    assert client.messages.batches.list(limit=1).data[0].id == batch.id
    deleted = client.messages.batches.delete(batch.id)
    assert (deleted.id, deleted.type) == (batch.id, "message_batch_deleted")
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.retrieve(batch.id)
    assert prove(server)["findings"] == []


def check_money(server: ServerProcess, batch_id: str, available_before: Decimal) -> None:
    """Cost = sum of charges = what the balance lost; half of the list amount; a receipt for an item."""
    ((net_nano,),) = query(
        server, "SELECT sum(net_nano) FROM charges WHERE request_id LIKE %s", f"req_{batch_id[9:36]}%"
    )
    cost = get_cost(server, batch_id)
    assert Decimal(cost["net_amount"]) * 10**9 == net_nano
    assert Decimal(cost["saved_by_batch"]) == Decimal(cost["net_amount"])
    assert Decimal(cost["list_amount"]) == 2 * Decimal(cost["net_amount"])
    after = balance(server)
    assert after["held"] == 0
    assert available_before - after["available"] == Decimal(cost["net_amount"])
    receipt = get(server, f"/v1/receipts/req_{batch_id.removeprefix('msgbatch_')}")
    assert Decimal(receipt["list_amount"]) == 2 * Decimal(receipt["net_amount"])


def get_cost(server: ServerProcess, batch_id: str) -> dict[str, Any]:
    cost: dict[str, Any] = call(server, "GET", f"/{batch_id}/cost")[1]
    return cost


def call(server: ServerProcess, method: str, path: str, body: bytes | None = None, **headers: str) -> Any:  # noqa: ANN401 - as JSON comes
    """Status and JSON of a call with the demo's key."""
    made = urllib.request.Request(  # noqa: S310 - our own server
        f"{server.base_url}/v1/messages/batches{path}",
        method=method,
        data=body,
        headers={
            "x-api-key": server.demo["ANTHROPIC_API_KEY"],
            "anthropic-version": "2023-06-01",
            "content-type": "application/json",
            **headers,
        },
    )
    try:
        with urllib.request.urlopen(made, timeout=60) as answer:  # noqa: S310 - our own server
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_a_canceled_batch_ends_with_every_request_accounted_for(
    server: ServerProcess, client: anthropic.Anthropic
) -> None:
    batch = client.messages.batches.create(requests=[request(f"c{number}") for number in range(1_500)])
    canceled = client.messages.batches.cancel(batch.id)
    assert canceled.processing_status in {"canceling", "ended"}
    batch = wait(client, canceled)
    assert batch.cancel_initiated_at is not None
    counts = batch.request_counts
    assert counts.succeeded + counts.canceled == 1_500
    kinds = [line.result.type for line in client.messages.batches.results(batch.id)]
    assert kinds.count("canceled") == counts.canceled
    assert balance(server)["held"] == 0


def test_a_quote_is_what_is_held_and_what_ended_well_is_not_retried(
    server: ServerProcess, client: anthropic.Anthropic, tmp_path: Path
) -> None:
    requests = [request("q1"), request("q2"), request("q3", model="nobody")]
    status, quote = call(server, "POST", "/quote", json.dumps({"requests": requests}).encode())
    assert (status, quote["requests"], quote["problems"][0]["first_custom_id"]) == (200, 3, "q3")
    file = tmp_path / "requests.jsonl"
    file.write_text("\n".join(map(json.dumps, requests)))
    environment = {
        "ANTHROPIC_BASE_URL": server.base_url,
        "ANTHROPIC_API_KEY": server.demo["ANTHROPIC_API_KEY"],
    }
    said = run_jeton("batch", "quote", str(file), "--json", environment=environment)
    assert json.loads(said.stdout) == quote
    assert "problems" not in run_jeton("batch", "quote", str(file), environment=environment).stdout
    _, sent = call(server, "POST", "", json.dumps({"requests": requests}).encode())
    batch = wait(client, client.messages.batches.retrieve(sent["id"]))
    assert get_cost(server, batch.id)["held_amount"] == quote["batch_amount_max"]
    status, answer = call(server, "POST", f"/{batch.id}/retry")
    assert (status, answer["error"]["details"]["error_code"]) == (409, "nothing_to_retry")


def test_refusals_are_those_that_are_documented(server: ServerProcess, client: anthropic.Anthropic) -> None:
    # 5,000 times 64,000 output tokens at $2.50 a million are $800; the trial is $5.
    dear = [request(f"d{number}", max_tokens=64_000) for number in range(5_000)]
    status, answer = call(server, "POST", "", json.dumps({"requests": dear}).encode())
    assert (status, answer["error"]["type"]) == (402, "billing_error")
    details = answer["error"]["details"]
    assert Decimal(details["needed"]) > 800
    assert Decimal(details["available"]) <= 5
    status, answer = call(server, "POST", "", json.dumps({"requests": [request("x"), request("x")]}).encode())
    assert (status, answer["error"]["details"]["error_code"]) == (400, "duplicate_custom_id")
    status, answer = call(server, "POST", "", b'{"requests":[' + b"{}," * 100_000 + b"{}]}")
    assert status == 400
    status, answer = call(server, "POST", "", b"{}", **{"content-length": "268435457"})
    assert (status, answer["error"]["type"]) == (413, "request_too_large")
    batch = client.messages.batches.create(requests=[request("early")])
    status, answer = call(server, "GET", f"/{batch.id}/results")
    if status != 200:
        assert (status, answer["error"]["details"]["error_code"]) == (409, "batch_not_ended")
    assert call(server, "GET", "/msgbatch_nothing")[0] == 404
    assert call(server, "PUT", "")[0] == 405
    assert call(server, "GET", "?limit=0")[0] == 400
    wait(client, batch)


def test_the_command_line_sends_watches_and_fetches_silently_in_a_pipe(
    server: ServerProcess, tmp_path: Path
) -> None:
    environment = {"JETON_DATA_DIR": str(server.data_dir)}
    file = tmp_path / "requests.jsonl"
    file.write_text("\n\n".join(json.dumps(request(f"f{number}")) for number in range(3)), encoding="utf-8")
    sent = run_jeton("batch", "submit", str(file), environment=environment)
    assert (sent.returncode, sent.stderr) == (0, "")
    batch_id = sent.stdout.strip()
    watched = run_jeton("batch", "watch", batch_id, "--json", environment=environment)
    assert (watched.returncode, watched.stderr) == (0, "")
    found = json.loads(watched.stdout)
    assert (found["processing_status"], found["cost"]["requests_done"]) == ("ended", 3)
    fetched = run_jeton("batch", "results", batch_id, environment=environment)
    assert {json.loads(line)["custom_id"] for line in fetched.stdout.splitlines()} == {"f0", "f1", "f2"}
    shown = run_jeton("batch", "show", batch_id, environment=environment)
    assert "saved by batch" in shown.stdout
    assert batch_id in run_jeton("batch", "list", environment=environment).stdout
    assert run_jeton("batch", "cancel", "msgbatch_none", environment=environment).returncode == 1
