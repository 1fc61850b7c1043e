"""A Messages request as a chat completion: everything that can be said there is said."""

from typing import Any

import msgspec
import pytest

from jeton.upstreams.openai_compatible.content import UntranslatableError
from jeton.upstreams.openai_compatible.request import Dialect, translate_request

PLAIN = Dialect()
TURN = {"role": "user", "content": "Hello"}


def translate(dialect: Dialect = PLAIN, **fields: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    request = {"model": "m", "max_tokens": 9, "messages": [TURN], **fields}
    return msgspec.json.decode(translate_request(msgspec.json.encode(request), dialect).body)


def messages(*turns: object, **fields: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    return translate(messages=list(turns), **fields)["messages"]


def test_the_smallest_request() -> None:
    assert translate() == {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}


def test_the_servers_own_names_are_used() -> None:
    dialect = Dialect((("m", "org/m-8b"),), "max_completion_tokens")
    asked = translate(dialect)
    assert (asked["model"], asked["max_completion_tokens"]) == ("org/m-8b", 9)
    assert "max_tokens" not in asked


def test_a_stream_is_asked_for_its_usage() -> None:
    asked = translate(stream=True)
    assert (asked["stream"], asked["stream_options"]) == (True, {"include_usage": True})


def test_system_comes_first_as_one_text() -> None:
    blocks = [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}]
    assert messages(TURN, system=blocks)[0] == {"role": "system", "content": "Be brief.\n\nBe kind."}


def test_texts_of_a_turn_become_one_that_every_template_takes() -> None:
    blocks = [
        {"type": "text", "text": "One.", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "Two."},
    ]
    assert messages({"role": "user", "content": blocks}) == [{"role": "user", "content": "One.\n\nTwo."}]


def test_images_keep_their_place_among_the_texts() -> None:
    blocks = [
        {"type": "text", "text": "What is this?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBOR"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
    ]
    assert messages({"role": "user", "content": blocks})[0]["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBOR"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]


def test_a_round_of_tools() -> None:
    turns = [
        TURN,
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "x"},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "call_1", "name": "look", "input": {"at": "it"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "call_1",
                    "is_error": True,
                    "content": [
                        {"type": "text", "text": "too dark"},
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": "AA"},
                        },
                    ],
                },
                {"type": "text", "text": "Go on."},
            ],
        },
    ]
    assert messages(*turns)[1:] == [
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at":"it"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "Error: too dark"},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
                {"type": "text", "text": "Go on."},
            ],
        },
    ]


def test_tools_and_their_choice() -> None:
    tool = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}, "strict": True}
    asked = translate(tools=[tool], tool_choice={"type": "any", "disable_parallel_tool_use": True})
    function = {"name": "look", "description": "Looks.", "parameters": {"type": "object"}, "strict": True}
    assert asked["tools"] == [{"type": "function", "function": function}]
    assert (asked["tool_choice"], asked["parallel_tool_calls"]) == ("required", False)
    named = translate(tools=[tool], tool_choice={"type": "tool", "name": "look"})
    assert named["tool_choice"] == {"type": "function", "function": {"name": "look"}}


def test_what_shapes_the_answer_travels_on() -> None:
    schema = {"type": "object", "properties": {}}
    asked = translate(
        stop_sequences=["END"],
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        metadata={"user_id": "u1"},
        output_config={"effort": "low", "format": {"type": "json_schema", "schema": schema}},
    )
    assert asked["stop"] == ["END"]
    assert (asked["temperature"], asked["top_p"], asked["top_k"], asked["user"]) == (0.5, 0.9, 40, "u1")
    assert asked["reasoning_effort"] == "low"
    assert asked["response_format"]["json_schema"] == {"name": "answer", "schema": schema, "strict": True}


def test_advice_that_has_no_counterpart_is_left_out() -> None:
    plain = translate()
    advised = translate(
        thinking={"type": "adaptive"},
        cache_control={"type": "ephemeral"},
        diagnostics={"previous_message_id": None},
        service_tier="auto",
        inference_geo="global",
    )
    assert advised == plain


def test_documents_of_text_are_texts_and_pdfs_are_files() -> None:
    blocks = [
        {
            "type": "document",
            "title": "Notes",
            "source": {"type": "text", "media_type": "text/plain", "data": "a"},
        },
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}},
    ]
    assert messages({"role": "user", "content": blocks})[0]["content"] == [
        {"type": "text", "text": "Notes\n\na"},
        {
            "type": "file",
            "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,JVBE"},
        },
    ]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
            "tools.0: web_search_20250305 is",
        ),
        ({"mcp_servers": [{"url": "https://x"}]}, "mcp_servers: not known"),
        ({"speed": "fast"}, "speed: this upstream has one speed"),
        ({"inference_geo": "us"}, "inference_geo: this upstream does not say"),
        (
            {"messages": [{"role": "user", "content": [{"type": "container_upload", "file_id": "f"}]}]},
            "messages.0.content.0: container_upload is not known",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file"}}]}]},
            "messages.0.content.0.source: file is not known",
        ),
        ({"output_config": {"format": {"type": "grammar"}}}, "output_config.format: this upstream knows"),
        ({"tools": [{"name": 7}]}, r"tools\[0\].name: Expected"),
    ],
)
def test_what_cannot_be_said_is_refused_by_its_field(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UntranslatableError, match=sentence):
        translate(**fields)


def test_filling_a_cache_is_asked_for_as_the_shortest_answer() -> None:
    assert translate(max_tokens=0)["max_tokens"] == 1
