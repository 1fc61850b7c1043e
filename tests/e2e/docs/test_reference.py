"""What the API reference says of answers is what a real server answers."""

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from openapi_schema_validator import OAS31Validator
from tests.e2e.serving import ServerProcess, serving

QUESTION = [{"role": "user", "content": "A jeton is a counter. What is a jeton?"}]
MESSAGE = {"model": "claude-sonnet-5-5", "max_tokens": 20, "messages": QUESTION}
BATCH = {"requests": [{"custom_id": "a", "params": MESSAGE}]}
WAIT_S = 60

# Bodies by operation; what an answer's id is called in the paths that follow.
CALLS: list[tuple[str, Any, str]] = [
    ("create_message", MESSAGE, ""),
    ("count_tokens", {"model": "claude-sonnet-5-5", "messages": QUESTION}, ""),
    ("create_chat_completion", MESSAGE, ""),
    ("list_models", None, ""),
    ("get_model", None, ""),
    ("create_batch", BATCH, "batch_id"),
    ("list_batches", None, ""),
    ("get_batch", None, ""),
    ("get_batch_cost", None, ""),
    ("get_receipt", None, ""),
    ("get_organization", None, ""),
    ("get_balance", None, ""),
    ("list_credits", None, ""),
    ("list_workspaces", None, ""),
    ("create_workspace", {"name": "docs"}, "workspace_id"),
    ("get_workspace", None, ""),
    ("change_workspace", {"name": "documents"}, ""),
    ("list_keys", None, ""),
    ("create_key", {"name": "docs"}, "key_id"),
    ("get_key", None, ""),
    ("change_key", {"name": "documents"}, ""),
    ("rotate_key", {}, ""),
    ("list_users", None, "user_id"),
    ("get_user", None, ""),
    ("list_invites", None, ""),
    ("list_budgets", None, ""),
    ("create_budget", {"limit": "5.00", "period": "month"}, "budget_id"),
    ("get_budget", None, ""),
    ("change_budget", {"limit": "6.00"}, ""),
    ("end_budget", None, ""),
    ("list_rate_limits", None, ""),
    ("list_workspace_rate_limits", None, ""),
    ("create_webhook", {"url": "http://127.0.0.1:9/hook"}, "webhook_id"),
    ("list_webhooks", None, ""),
    ("get_webhook", None, ""),
    ("change_webhook", {"is_enabled": True}, ""),
    ("test_webhook", None, ""),
    ("list_deliveries", None, ""),
    ("list_events", None, "event_id"),
    ("replay_event", {}, ""),
    ("delete_webhook", None, ""),
    ("archive_workspace", None, ""),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server in rehearsal; webhooks may go anywhere, since nothing has to arrive."""
    environment = {"JETON_WEBHOOK_PRIVATE_NETWORKS": "yes"}
    with serving(tmp_path_factory.mktemp("reference") / "data", environment=environment) as started:
        yield started


def test_every_answer_is_as_described(server: ServerProcess) -> None:
    document = httpx2.get(f"{server.base_url}/openapi.json").json()
    known = {
        operation["operationId"]: (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    ids = {"model": "claude-sonnet-5-5"}
    problems = []
    for name, body, id_name in CALLS:
        method, path, operation = known[name]
        answer = call(server, method, path.format_map(defaultdict(lambda: "missing", ids)), operation, body)
        if answer.status_code != 200:
            problems.append(f"{name}: {answer.status_code} {answer.text}")
            continue
        found = answer.json()
        problems += [f"{name}: {problem}" for problem in validate(document, operation, found)]
        if name == "create_message":
            ids["request_id"] = answer.headers["request-id"]
        if id_name:
            ids[id_name] = (found["data"][0] if "data" in found else found)["id"]
    assert not problems, "\n".join(problems)


def call(server: ServerProcess, method: str, path: str, operation: Any, body: Any) -> httpx2.Response:  # noqa: ANN401 - whatever JSON there is
    """One call with the key that the description names; again while something has not happened yet."""
    is_admin = "With an admin key." in operation["description"]
    key = server.demo["JETON_ADMIN_KEY" if is_admin else "ANTHROPIC_API_KEY"]
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
    deadline = time.monotonic() + WAIT_S
    while True:
        answer = httpx2.request(method.upper(), server.base_url + path, headers=headers, json=body)
        empty = path.endswith("/events") and not answer.json().get("data")
        if not empty or time.monotonic() > deadline:
            return answer


def validate(document: Any, operation: Any, found: Any) -> list[str]:  # noqa: ANN401 - whatever JSON there is
    """What of an answer is not as the description says."""
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    validator = OAS31Validator({**schema, "components": document["components"]})
    return [f"{error.json_path}: {error.message}"[:300] for error in validator.iter_errors(found)]
