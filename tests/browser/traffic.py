"""Traffic: what a busy organization sends in a morning, so that no page has nothing to show."""

import contextlib
import time
from typing import Any

import anthropic
import httpx2
from tests.e2e.serving import ServerProcess, make_sdk

MODELS = ("jeton-extract-1", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-4-8")
QUESTION: Any = {"role": "user", "content": "A jeton is a counter. What is a jeton?"}
# Longer than the shortest prefix that any model caches.
SHARED: Any = [
    {"type": "text", "text": "The abacus gave way to ink. " * 1_200, "cache_control": {"type": "ephemeral"}}
]
BATCH_MODEL = "claude-haiku-4-5"
BATCH_TIMEOUT_S = 60
POLL_S = 0.1


def send_traffic(server: ServerProcess) -> list[str]:
    """Several models, a stream, a cache write with its hits, a batch, errors and budgets; ids of requests."""
    with make_sdk(server) as client:
        sent = [ask(client, model) for model in MODELS]
        sent += [ask(client, "claude-sonnet-5-5", system=SHARED) for _ in range(2)]
        with client.messages.stream(model=MODELS[1], max_tokens=60, messages=[QUESTION]) as stream:
            stream.until_done()
        send_batch(client)
        refuse_some(server, client)
    return sent


def ask(client: anthropic.Anthropic, model: str, **options: Any) -> str:  # noqa: ANN401 - parameters of a request
    """The id of one answered request."""
    answer = client.messages.with_raw_response.create(
        model=model, max_tokens=50, messages=[QUESTION], **options
    )
    return str(answer.headers["request-id"])


def send_batch(client: anthropic.Anthropic) -> None:
    """A batch with an item that fails, until it has ended."""
    params: Any = {"model": BATCH_MODEL, "max_tokens": 20, "messages": [QUESTION]}
    requests: Any = [{"custom_id": f"item-{number}", "params": params} for number in range(4)]
    requests.append({"custom_id": "bad", "params": {**params, "model": "nobody"}})
    batch = client.messages.batches.create(requests=requests)
    deadline = time.monotonic() + BATCH_TIMEOUT_S
    while client.messages.batches.retrieve(batch.id).processing_status != "ended":
        assert time.monotonic() < deadline, "The batch does not end."
        time.sleep(POLL_S)


def refuse_some(server: ServerProcess, client: anthropic.Anthropic) -> None:
    """A model that nobody has, and a hard budget that is too small; then one with room and a soft one."""
    with contextlib.suppress(anthropic.NotFoundError):
        client.messages.create(model="nobody", max_tokens=5, messages=[QUESTION])
    small = manage(server, "POST", "/v1/organizations/budgets", limit="0.0001", period="day")
    with contextlib.suppress(anthropic.BadRequestError):
        client.messages.create(model="claude-opus-4-8", max_tokens=500, messages=[QUESTION])
    manage(server, "POST", f"/v1/organizations/budgets/{small['id']}", limit="2.50")
    manage(server, "POST", "/v1/organizations/budgets", limit="40.00", period="month", is_hard=False)


def manage(server: ServerProcess, method: str, path: str, **body: Any) -> dict[str, Any]:  # noqa: ANN401 - a body of the Admin API
    """What the Admin API answers to the demo's admin key."""
    headers = {"x-api-key": server.demo["JETON_ADMIN_KEY"]}
    answer = httpx2.request(method, f"{server.base_url}{path}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown
