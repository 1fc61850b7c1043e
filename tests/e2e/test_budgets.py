"""Budgets against a real server: the official SDK is refused at once, told why, and let in again."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import anthropic
import httpx2
import pytest
from tests.e2e.books import prove
from tests.e2e.serving import ServerProcess, serving

TURN: Any = {"role": "user", "content": "A jeton is a counter. What is a jeton?"}
ANSWERED: Any = {"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": [TURN]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A fresh server with its demo organization, in rehearsal."""
    with serving(tmp_path_factory.mktemp("e2e") / "data") as started:
        yield started


def ask(server: ServerProcess, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What the Admin API answers."""
    headers = {"x-api-key": server.demo["JETON_ADMIN_KEY"]}
    answer = httpx2.request(method, f"{server.base_url}{path}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def test_a_budget_refuses_the_sdk_and_lets_it_in_again(server: ServerProcess) -> None:
    """A tenth of a cent a day does not cover 100 tokens of output at $10 a million; $1 does."""
    path = "/v1/organizations/budgets"
    budget = ask(server, "POST", path, {"limit": "0.001", "period": "day", "zone": "Europe/Berlin"})
    with anthropic.Anthropic(base_url=server.base_url, api_key=server.demo["ANTHROPIC_API_KEY"]) as client:
        with pytest.raises(anthropic.BadRequestError, match="specified API usage limits") as refusal:
            client.messages.create(**ANSWERED)
        error: Any = refusal.value.body["error"]  # type: ignore[index]  # the envelope
        assert error["type"] == "invalid_request_error"
        details = error["details"]
        assert (details["error_code"], details["budget"], details["left"]) == (
            "budget_exceeded",
            budget["id"],
            "0.001",
        )
        assert Decimal(details["needed"]) > Decimal("0.001")
        ends_at = budget["window"]["ends_at"]
        assert details["resets_at"] == ends_at.replace("+00:00", "Z")
        ask(server, "POST", f"{path}/{budget['id']}", {"limit": "1.00"})
        message = client.messages.create(**ANSWERED)
        with client.messages.stream(**ANSWERED) as stream:
            streamed = stream.get_final_message()
    spent = Decimal(0)
    for usage in (message.usage, streamed.usage):
        spent += usage.input_tokens * Decimal("0.000002") + usage.output_tokens * Decimal("0.00001")
    window = ask(server, "DELETE", f"{path}/{budget['id']}", {})["window"]
    assert (Decimal(window["settled"]), window["held"]) == (spent, "0.00")
    prove(server)
