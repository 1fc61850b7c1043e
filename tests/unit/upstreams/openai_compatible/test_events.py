"""A stream of chunks as a stream of events, wherever the bytes are cut."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.gateway.stream import StreamObserver
from jeton.metering.reported import read_reported
from jeton.upstreams.errors import UpstreamDialectError
from jeton.upstreams.openai_compatible.events import EventTranslator
from jeton.usage import Usage

USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
DONE = b"data: [DONE]\n\n"


def chunk(delta: object = None, finish_reason: str | None = None, **fields: object) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish_reason}]
    return b"data: " + msgspec.json.encode({"id": "c1", "choices": choices, **fields}) + b"\n\n"


def call(
    index: int | None, arguments: str, name: str | None = None, call_id: str | None = None
) -> dict[str, Any]:
    part: dict[str, Any] = {"function": {"arguments": arguments}}
    if index is not None:
        part["index"] = index
    if name:
        part["function"]["name"] = name
        part["id"] = call_id
    return {"tool_calls": [part]}


TEXT = (
    chunk({"role": "assistant", "content": ""})
    + chunk({"content": "Hel"})
    + b": keep-alive\n\n"
    + chunk({"content": "lo ü"})
    + chunk({}, "stop")
    + chunk(usage=USAGE)
    + DONE
)
TOOLS = (
    chunk({"role": "assistant", "content": "I look."})
    + chunk(call(0, "", "look", "call_1"))
    + chunk(call(0, '{"at":'))
    + chunk(call(0, "1}"))
    + chunk(call(1, "{}", "wait", "call_2"))
    + chunk({}, "tool_calls")
    + chunk(usage=USAGE)
    + DONE
)


def translate(*pieces: bytes, shows_thinking: bool = False) -> bytes:
    translator = EventTranslator("m", shows_thinking=shows_thinking)
    return b"".join([*(translator.feed(piece) for piece in pieces), translator.finish()])


def events(stream: bytes) -> list[dict[str, Any]]:
    found = []
    for event in stream.split(b"\n\n")[:-1]:
        name, data = event.split(b"\n")
        decoded = msgspec.json.decode(data.removeprefix(b"data: "))
        assert name == b"event: " + decoded["type"].encode()
        found.append(decoded)
    return found


def test_a_text() -> None:
    start, opened, first, second, closed, delta, stop = events(translate(TEXT))
    assert start["message"]["id"] == "msg_c1"
    assert start["message"]["model"] == "m"
    assert opened["content_block"]["type"] == "text"
    assert first["delta"] == {"type": "text_delta", "text": "Hel"}
    assert second == {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "lo ü"},
    }
    assert closed == {"type": "content_block_stop", "index": 0}
    assert delta["delta"]["stop_reason"] == "end_turn"
    assert (delta["usage"]["input_tokens"], delta["usage"]["output_tokens"]) == (12, 3)
    assert stop == {"type": "message_stop"}


def test_tools_one_after_the_other() -> None:
    found = events(translate(TOOLS))
    blocks = [event["content_block"] for event in found if event["type"] == "content_block_start"]
    assert [block["type"] for block in blocks] == ["text", "tool_use", "tool_use"]
    assert blocks[1] == {"type": "tool_use", "id": "call_1", "name": "look", "input": {}}
    inputs = [
        (event["index"], event["delta"]["partial_json"]) for event in found if "partial_json" in str(event)
    ]
    assert inputs == [(1, '{"at":'), (1, "1}"), (2, "{}")]
    order = [event["type"] for event in found if event["type"].startswith("content_block_st")]
    assert order == ["content_block_start", "content_block_stop"] * 3
    assert found[-2]["delta"]["stop_reason"] == "tool_use"


def test_calls_without_an_index_are_whole() -> None:
    """Ollama's way."""
    stream = (
        chunk(call(None, "{}", "look", "a")) + chunk(call(None, "{}", "look", "b")) + chunk({}, "stop") + DONE
    )
    found = events(translate(stream))
    blocks = [event["content_block"]["id"] for event in found if event["type"] == "content_block_start"]
    assert blocks == ["a", "b"]
    assert found[-2]["delta"]["stop_reason"] == "tool_use"


def test_thinking_is_shown_to_those_who_asked_for_it() -> None:
    stream = chunk({"reasoning_content": "Hm."}) + chunk({"content": "4"}) + chunk({}, "stop") + DONE
    shown = events(translate(stream, shows_thinking=True))
    assert [event["content_block"]["type"] for event in shown if "content_block" in event] == [
        "thinking",
        "text",
    ]
    hidden = events(translate(stream))
    assert [event["content_block"]["type"] for event in hidden if "content_block" in event] == ["text"]


@settings(max_examples=200)
@given(
    st.sampled_from([TEXT, TOOLS, TEXT.replace(b"\n", b"\r\n")]), st.lists(st.integers(0, 900), max_size=12)
)
def test_cuts_change_nothing(stream: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(places)]
    assert translate(*pieces) == translate(stream)


@given(st.text(min_size=1), st.text(min_size=1))
def test_every_text_arrives_as_it_was_sent(first: str, second: str) -> None:
    stream = chunk({"content": first}) + chunk({"content": second}) + chunk({}, "stop") + DONE
    texts = [
        event["delta"]["text"]
        for event in events(translate(stream))
        if "text_delta" in str(event.get("delta"))
    ]
    assert texts == [first, second]


def test_the_gateway_meters_what_was_reported() -> None:
    observer = StreamObserver()
    observer.feed(translate(TEXT))
    assert (observer.is_over, observer.stop_reason) == (True, "end_turn")
    assert read_reported(observer.usage).usage == Usage(input_tokens=12, output_tokens=3)


def test_usage_that_never_came_is_missing_and_not_zero() -> None:
    observer = StreamObserver()
    observer.feed(translate(chunk({"content": "x"}), chunk({}, "stop"), DONE))
    assert observer.is_over
    assert read_reported(observer.usage).is_missing


def test_the_last_of_several_reports_counts() -> None:
    """As vLLM can report running totals with every chunk; then the start knows the prompt."""
    early = {"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 13}
    found = events(translate(chunk({"content": "x"}, usage=early), chunk({}, "stop", usage=USAGE), DONE))
    assert found[0]["message"]["usage"]["input_tokens"] == 12
    assert found[-2]["usage"]["output_tokens"] == 3


def test_a_stream_may_end_without_done_once_it_has_a_reason() -> None:
    assert (
        events(translate(chunk({"content": "x"}), chunk({}, "stop", usage=USAGE)))[-1]["type"]
        == "message_stop"
    )


def test_a_stream_that_breaks_off_has_no_end() -> None:
    assert events(translate(chunk({"content": "x"})))[-1]["type"] == "content_block_delta"


def test_an_error_in_the_stream_is_an_error_event() -> None:
    error = b'data: {"error":{"message":"out of memory","code":500}}\n\n'
    found = events(translate(chunk({"content": "x"}), error, DONE))
    assert found[-1] == {"type": "error", "error": {"type": "api_error", "message": "out of memory"}}


@pytest.mark.parametrize(
    "stream",
    [
        b"data: <html>\n\n",
        chunk({"content": "x"}) + b'data: {"choices":[{"del',
        chunk({"content": "x"}) + DONE,
        chunk({"content": "x"}) + chunk(call(0, "{}")),
        b'data: {"choices":[{"index":0,"delta":{"content":[1]}}]}\n\n',
    ],
    ids=["html", "half-an-event", "no-reason", "call-without-a-name", "content"],
)
def test_what_is_no_stream_of_chunks_is_an_error(stream: bytes) -> None:
    with pytest.raises(UpstreamDialectError):
        translate(stream)


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_no_bytes_raise_anything_else(pieces: list[bytes]) -> None:
    translator = EventTranslator("m", shows_thinking=True)
    try:
        for piece in pieces:
            translator.feed(b"data: " + piece + b"\n")
        translator.finish()
    except UpstreamDialectError:
        return
