"""The events of a message as chunks of a chat completion."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.gateway.openai.events import ChunkTranslator
from jeton.upstreams.openai_compatible.events import EventTranslator

AT = datetime(2026, 11, 23, tzinfo=UTC)
GOLDEN = Path(__file__).parents[3] / "golden" / "streams"
STREAMS = {path.stem: path.read_bytes() for path in sorted(GOLDEN.glob("*.sse"))}
USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}


def translate(*pieces: bytes, includes_usage: bool = False) -> bytes:
    translator = ChunkTranslator("m", AT, includes_usage=includes_usage)
    return b"".join(translator.feed(piece) for piece in pieces)


def chunks(stream: bytes) -> list[Any]:
    lines = stream.removesuffix(b"data: [DONE]\n\n").split(b"\n\n")[:-1]
    return [msgspec.json.decode(line.removeprefix(b"data: ")) for line in lines]


def event(kind: str, **fields: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **fields}))


TOOLS = (
    event(
        "message_start",
        message={"id": "msg_1", "model": "m", "usage": {"input_tokens": 5, "output_tokens": 1}},
    )
    + event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    + event("content_block_delta", index=0, delta={"type": "text_delta", "text": "I look."})
    + event("content_block_stop", index=0)
    + event("ping")
    + event(
        "content_block_start",
        index=1,
        content_block={"type": "tool_use", "id": "a", "name": "look", "input": {}},
    )
    + event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": '{"at":1}'})
    + event("content_block_stop", index=1)
    + event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 9})
    + event("message_stop")
)


def test_a_text_and_a_tool() -> None:
    stream = translate(TOOLS)
    assert stream.endswith(b"data: [DONE]\n\n")
    found = chunks(stream)
    assert {(chunk["id"], chunk["object"], chunk["model"]) for chunk in found} == {
        ("chatcmpl-msg_1", "chat.completion.chunk", "m")
    }
    deltas = [chunk["choices"][0]["delta"] for chunk in found]
    assert deltas == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "I look."},
        {
            "tool_calls": [
                {"index": 0, "id": "a", "type": "function", "function": {"name": "look", "arguments": ""}}
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"at":1}'}}]},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in found] == [None, None, None, None, "tool_calls"]
    assert all("usage" not in chunk for chunk in found)


def test_usage_comes_last_to_those_who_asked_for_it() -> None:
    found = chunks(translate(TOOLS, includes_usage=True))
    assert found[-1]["choices"] == []
    assert (found[-1]["usage"]["prompt_tokens"], found[-1]["usage"]["completion_tokens"]) == (5, 9)
    assert all(chunk["usage"] is None for chunk in found[:-1])


def test_an_error_ends_the_stream_without_done() -> None:
    error = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    stream = translate(TOOLS[: TOOLS.index(b"event: message_delta")], error)
    assert chunks(stream)[-1]["error"]["message"] == "Overloaded"
    assert b"[DONE]" not in stream


@pytest.mark.parametrize("name", STREAMS)
def test_real_streams_are_understood(name: str) -> None:
    stream = translate(STREAMS[name], includes_usage=True)
    assert chunks(stream)


@given(st.lists(st.integers(0, 1_500), max_size=10))
def test_cuts_change_nothing(cuts: list[int]) -> None:
    places = [0, *sorted(cut for cut in cuts if cut < len(TOOLS)), len(TOOLS)]
    assert translate(*(TOOLS[start:end] for start, end in pairwise(places))) == translate(TOOLS)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_a_stream_survives_both_translations(texts: list[str]) -> None:
    """From a server of this dialect to a client of this dialect, by way of the Messages API."""
    parts: list[dict[str, Any]] = [
        {"id": "c", "choices": [{"index": 0, "delta": {"content": text}}]} for text in texts
    ]
    parts.append(
        {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "length"}], "usage": USAGE}
    )
    sent = b"".join(b"data: %b\n\n" % msgspec.json.encode(part) for part in parts) + b"data: [DONE]\n\n"
    found = chunks(translate(EventTranslator("m", shows_thinking=False).feed(sent), includes_usage=True))
    assert [chunk["choices"][0]["delta"]["content"] for chunk in found[1:-2]] == texts
    assert found[-2]["choices"][0]["finish_reason"] == "length"
    assert {name: found[-1]["usage"][name] for name in USAGE} == USAGE
