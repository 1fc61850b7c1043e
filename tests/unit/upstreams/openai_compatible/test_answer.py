"""A chat completion as a message."""

from typing import Any

import msgspec
import pytest

from jeton.upstreams.errors import UpstreamDialectError
from jeton.upstreams.openai_compatible.answer import translate_answer

USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}


def completion(finish_reason: str | None = "stop", *, usage: object = USAGE, **message: object) -> bytes:
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", **message}}
    return msgspec.json.encode(
        {"id": "chatcmpl-1", "model": "their/name", "choices": [choice], "usage": usage}
    )


def translate(body: bytes, **how: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    return msgspec.json.decode(translate_answer(body, **{"model": "m", "shows_thinking": False, **how}))


def test_a_text() -> None:
    message = translate(completion(content="Hello."))
    assert message["content"] == [{"type": "text", "text": "Hello.", "citations": None}]
    assert (message["id"], message["model"], message["role"]) == ("msg_chatcmpl-1", "m", "assistant")
    assert (message["stop_reason"], message["stop_sequence"]) == ("end_turn", None)
    assert (message["usage"]["input_tokens"], message["usage"]["output_tokens"]) == (10, 4)


def test_tools_are_used() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": [1]}'}}
    message = translate(completion("stop", content=None, tool_calls=[call]))
    assert message["content"] == [{"type": "tool_use", "id": "call_1", "name": "look", "input": {"at": [1]}}]
    assert message["stop_reason"] == "tool_use"


def test_arguments_that_are_no_object_are_shown_as_they_are() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": '{"at": '}}
    message = translate(completion("length", tool_calls=[call]))
    assert message["content"][0]["input"] == {"unparsed_arguments": '{"at": '}
    assert message["stop_reason"] == "max_tokens"


@pytest.mark.parametrize(
    ("finish_reason", "stop_reason"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("content_filter", "refusal"),
        ("function_call", "tool_use"),
        ("eos", "end_turn"),
        (None, "end_turn"),
    ],
)
def test_stop_reasons(finish_reason: str | None, stop_reason: str) -> None:
    assert translate(completion(finish_reason, content="x"))["stop_reason"] == stop_reason


def test_the_stop_sequence_is_named_where_the_server_names_it() -> None:
    body = msgspec.json.decode(completion(content="x"))
    body["choices"][0]["stop_reason"] = "END"
    message = translate(msgspec.json.encode(body))
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "END")


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thinking_is_shown_to_those_who_asked_for_it(field: str) -> None:
    body = completion(content="4", **{field: "2 + 2"})
    assert [block["type"] for block in translate(body)["content"]] == ["text"]
    shown = translate(body, shows_thinking=True)["content"]
    assert shown[0] == {"type": "thinking", "thinking": "2 + 2", "signature": ""}


def test_usage_that_is_missing_stays_missing() -> None:
    assert translate(completion(content="x", usage=None))["usage"] is None


def test_filling_a_cache_shows_and_counts_no_output() -> None:
    message = translate(completion("length", content="x"), is_prewarming=True)
    assert (message["content"], message["stop_reason"]) == ([], "max_tokens")
    assert (message["usage"]["input_tokens"], message["usage"]["output_tokens"]) == (10, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Bad gateway</body></html>",
        b'{"choices":[]}',
        b'{"choices":[{"index":0}]}',
        b"[]",
        b"",
        b"\xff",
        b'{"choices":',
        b'data: {"choices":[]}\n\n',
    ],
)
def test_what_is_no_completion_is_an_error(body: bytes) -> None:
    with pytest.raises(UpstreamDialectError, match="does not speak the dialect"):
        translate(body)
