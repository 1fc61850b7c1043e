"""The official ``openai`` package, unmodified: every kind of upstream behind it, one billing path."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import anthropic
import openai
import pytest
from tests.e2e.books import get, prove
from tests.e2e.contract.misbehaving import Behavior, Talk
from tests.e2e.upstreams.conftest import CHAT_MODEL, MODEL, Stage

QUESTION: Any = [{"role": "user", "content": "A jeton is a counter. What is a jeton?"}]
EMBEDDED = "The text says: “A jeton is a counter.”"
TOOL: Any = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}},
}
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "stop_sequence": None,
    "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "it"}}],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 20, "cache_read_input_tokens": 80, "output_tokens": 5},
}  # fmt: skip
# 20 × 2,000 + 80 × 100 + 5 × 10,000 nano.
CHARGE = Decimal("0.000098")
COMPLETION = {
    "id": "c1",
    "object": "chat.completion",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "A counter."}}
    ],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 4,
        "total_tokens": 104,
        "prompt_tokens_details": {"cached_tokens": 90},
    },
}
# Haiku 4.5: 10 × $1 + 90 × $0.10 + 4 × $5 a million.
CHAT_CHARGE = Decimal("0.000039")


@pytest.fixture
def client(stage: Stage) -> Iterator[openai.OpenAI]:
    """The package as a developer would make it."""
    with openai.OpenAI(
        base_url=f"{stage.server.base_url}/v1",
        api_key=stage.server.demo["ANTHROPIC_API_KEY"],
        max_retries=0,
    ) as made:
        yield made


def receipt_of(stage: Stage, request_id: str) -> dict[str, Any]:
    return get(stage.server, f"/v1/receipts/{request_id}")


def say(body: dict[str, Any], status: int = 200) -> Behavior:
    return lambda talk: talk.say(status, body)


def chat_stream(talk: Talk) -> None:
    """A stream as servers of that dialect send it: data lines only."""
    talk.stream()
    parts: list[dict[str, Any]] = [
        {"id": "c1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "A "}}]},
        {"id": "c1", "choices": [{"index": 0, "delta": {"content": "counter."}}]},
        {"id": "c1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"id": "c1", "choices": [], "usage": COMPLETION["usage"]},
    ]
    for part in parts:
        talk.send(f"data: {json.dumps(part)}\n\n".encode())
    talk.send(b"data: [DONE]\n\n")


def test_the_embedded_model(stage: Stage, client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="jeton-extract-1", max_tokens=50, messages=QUESTION
    )
    completion = raw.parse()
    assert completion.choices[0].message.content == EMBEDDED
    assert completion.choices[0].finish_reason == "stop"
    assert completion._request_id == raw.headers["request-id"]
    receipt = receipt_of(stage, raw.headers["request-id"])
    assert completion.usage is not None
    assert receipt["usage"]["counts"]["input_tokens"] == completion.usage.prompt_tokens
    assert receipt["net_amount"] == raw.headers["jeton-cost"]


def test_a_stream_of_the_embedded_model(stage: Stage, client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="jeton-extract-1",
        messages=QUESTION,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(raw.parse())
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == EMBEDDED
    usage = chunks[-1].usage
    assert usage is not None
    counts = receipt_of(stage, raw.headers["request-id"])["usage"]["counts"]
    assert (counts["input_tokens"], counts["output_tokens"]) == (usage.prompt_tokens, usage.completion_tokens)


def test_tools_of_an_anthropic_upstream(stage: Stage, client: openai.OpenAI) -> None:
    for upstream in (stage.first, stage.second):
        upstream.expect(say(MESSAGE))
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, max_tokens=50, messages=QUESTION, tools=[TOOL], tool_choice="auto"
    )
    completion = raw.parse()
    call = completion.choices[0].message.tool_calls
    assert call is not None
    assert call[0].type == "function"
    assert (call[0].function.name, call[0].function.arguments) == ("look", '{"at": "it"}')
    assert completion.choices[0].finish_reason == "tool_calls"
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == 100
    assert completion.usage.prompt_tokens_details is not None
    assert completion.usage.prompt_tokens_details.cached_tokens == 80
    assert Decimal(receipt_of(stage, raw.headers["request-id"])["net_amount"]) == CHARGE
    asked = (stage.first.asked or stage.second.asked)[0]
    assert asked["tools"][0]["input_schema"]["type"] == "object"


def test_a_server_of_the_same_dialect_in_both_dialects(stage: Stage, client: openai.OpenAI) -> None:
    """In, through the Messages API, and out again; and the same answer to a client of that API."""
    stage.chat.expect(say(COMPLETION))
    raw = client.chat.completions.with_raw_response.create(model=CHAT_MODEL, max_tokens=50, messages=QUESTION)
    assert raw.parse().choices[0].message.content == "A counter."
    assert stage.chat.asked[0]["model"] == "their/name"
    assert Decimal(receipt_of(stage, raw.headers["request-id"])["net_amount"]) == CHAT_CHARGE
    with anthropic.Anthropic(
        base_url=stage.server.base_url,
        api_key=stage.server.demo["ANTHROPIC_API_KEY"],
        max_retries=0,
        _strict_response_validation=True,
    ) as claude:
        message = claude.messages.with_raw_response.create(model=CHAT_MODEL, max_tokens=50, messages=QUESTION)
    assert (message.parse().usage.input_tokens, message.parse().usage.cache_read_input_tokens) == (10, 90)
    assert Decimal(receipt_of(stage, message.headers["request-id"])["net_amount"]) == CHAT_CHARGE


def test_a_stream_of_a_server_of_the_same_dialect(stage: Stage, client: openai.OpenAI) -> None:
    stage.chat.expect(chat_stream)
    raw = client.chat.completions.with_raw_response.create(
        model=CHAT_MODEL, max_tokens=50, messages=QUESTION, stream=True
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in raw.parse())
    assert text == "A counter."
    assert Decimal(receipt_of(stage, raw.headers["request-id"])["net_amount"]) == CHAT_CHARGE
    assert stage.chat.asked[0]["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("usage", "rule"),
    [
        (None, "usage_missing"),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, "usage_missing"),
        ({"prompt_tokens": -7, "completion_tokens": 4}, "usage_contradictory"),
        (
            {"prompt_tokens": 7, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 8}},
            "usage_contradictory",
        ),
    ],
    ids=["missing", "zeros", "negative", "cached-over-prompt"],
)
def test_usage_that_cannot_be_is_quarantined(
    stage: Stage, client: openai.OpenAI, usage: dict[str, Any] | None, rule: str
) -> None:
    stage.chat.expect(say({**COMPLETION, "usage": usage}))
    raw = client.chat.completions.with_raw_response.create(model=CHAT_MODEL, max_tokens=50, messages=QUESTION)
    assert raw.parse().choices[0].message.content == "A counter."
    receipt = receipt_of(stage, raw.headers["request-id"])
    assert (receipt["state"], receipt["rule"]["id"], receipt["net_amount"]) == ("quarantined", rule, "0.00")
    assert "jeton-cost" not in raw.headers


def test_html_is_an_error_that_costs_nothing(stage: Stage, client: openai.OpenAI) -> None:
    def behave(talk: Talk) -> None:
        page = b"<html><body>Welcome to nginx</body></html>"
        talk.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n" % len(page) + page
        )

    stage.chat.expect(behave)
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model=CHAT_MODEL, max_tokens=50, messages=QUESTION)
    assert caught.value.code == "upstream_dialect"
    assert caught.value.request_id is not None
    receipt = receipt_of(stage, caught.value.request_id)
    assert (receipt["rule"]["id"], receipt["net_amount"]) == ("upstream_failed", "0.00")


def test_half_an_event_fails_a_stream_that_has_begun(stage: Stage, client: openai.OpenAI) -> None:
    def behave(talk: Talk) -> None:
        talk.stream()
        talk.send(b'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"A "}}]}\n\ndata: {"id":"c')

    stage.chat.expect(behave)
    raw = client.chat.completions.with_raw_response.create(
        model=CHAT_MODEL, max_tokens=50, messages=QUESTION, stream=True
    )
    with pytest.raises(openai.APIError, match="dialect"):
        list(raw.parse())
    receipt = receipt_of(stage, raw.headers["request-id"])
    assert (receipt["rule"]["id"], receipt["net_amount"]) == ("upstream_failed_during_output", "0.00")


def test_errors_are_in_its_shape(stage: Stage, client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=QUESTION, n=2)
    assert (caught.value.type, caught.value.param) == ("invalid_request_error", "n")
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="nobody-serves-this", messages=QUESTION)
    with (
        openai.OpenAI(base_url=f"{stage.server.base_url}/v1", api_key="sk-wrong", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.chat.completions.create(model=MODEL, messages=QUESTION)


def test_models_are_listed_to_each_in_its_shape(stage: Stage, client: openai.OpenAI) -> None:
    models = {model.id: model for model in client.models.list()}
    assert {"jeton-extract-1", MODEL, CHAT_MODEL} <= set(models)
    assert (models[MODEL].object, models[MODEL].owned_by) == ("model", "sonnet")
    assert client.models.retrieve(MODEL).created == models[MODEL].created
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody-serves-this")
    with anthropic.Anthropic(
        base_url=stage.server.base_url, api_key=stage.server.demo["ANTHROPIC_API_KEY"]
    ) as claude:
        assert claude.models.retrieve(MODEL).type == "model"


def test_the_books_are_proven(stage: Stage) -> None:
    """Runs last."""
    prove(stage.server)
