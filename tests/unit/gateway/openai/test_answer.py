"""A message as a chat completion."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from jeton.gateway.openai.answer import translate_message

AT = datetime(2026, 11, 23, tzinfo=UTC)
USAGE = {
    "input_tokens": 1_000,
    "cache_creation_input_tokens": 500,
    "cache_read_input_tokens": 7_000,
    "output_tokens": 40,
    "output_tokens_details": {"thinking_tokens": 10},
}


def translate(content: list[dict[str, Any]], **fields: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    message = {
        "id": "msg_1",
        "model": "m",
        "content": content,
        "stop_reason": "end_turn",
        "usage": USAGE,
        **fields,
    }
    return msgspec.json.decode(translate_message(msgspec.json.encode(message), AT))


def test_a_text_with_its_usage() -> None:
    assert translate([{"type": "text", "text": "Hello."}]) == {
        "id": "chatcmpl-msg_1",
        "object": "chat.completion",
        "created": 1_795_392_000,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello.", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 8_500,
            "completion_tokens": 40,
            "total_tokens": 8_540,
            "prompt_tokens_details": {"cached_tokens": 7_000, "cache_write_tokens": 500},
            "completion_tokens_details": {"reasoning_tokens": 10},
        },
    }


def test_tools_and_thinking() -> None:
    content: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": "Hm.", "signature": "x"},
        {"type": "tool_use", "id": "a", "name": "look", "input": {"at": 1}},
    ]
    choice = translate(content, stop_reason="tool_use")["choices"][0]
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "reasoning_content": "Hm.",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "look", "arguments": '{"at":1}'}}
        ],
    }
    assert choice["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("stop_reason", "finish_reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
    ],
)
def test_finish_reasons(stop_reason: str, finish_reason: str) -> None:
    assert translate([], stop_reason=stop_reason)["choices"][0]["finish_reason"] == finish_reason


def test_usage_that_is_unknown_stays_unknown() -> None:
    assert translate([], usage=None)["usage"] is None


def test_what_is_no_message_passes_as_it_is() -> None:
    assert translate_message(b"<html>", AT) == b"<html>"
