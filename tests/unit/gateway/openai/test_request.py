"""A chat completion as a Messages request."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.gateway.errors import InvalidRequestError
from jeton.gateway.openai.request import parse_chat, translate_chat
from jeton.gateway.parsing import parse_messages
from jeton.upstreams.openai_compatible.request import Dialect, translate_request

TURN = {"role": "user", "content": "Hello"}


def translate(**fields: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    body = msgspec.json.encode({"model": "m", "messages": [TURN], **fields})
    chat = translate_chat(parse_chat(body), 64_000)
    # Whatever comes out must be a request that the gateway takes.
    parse_messages(chat.body, "2023-06-01")
    return msgspec.json.decode(chat.body)


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def test_the_smallest_request_gets_a_bound_that_a_hold_can_know() -> None:
    assert translate() == {
        "model": "m",
        "max_tokens": 8_192,
        "messages": [{"role": "user", "content": [text("Hello")]}],
    }


def test_the_newer_name_of_the_limit_wins() -> None:
    assert translate(max_tokens=5)["max_tokens"] == 5
    assert translate(max_tokens=5, max_completion_tokens=7)["max_tokens"] == 7


def test_a_model_that_writes_little_is_asked_for_little() -> None:
    chat = translate_chat(parse_chat(msgspec.json.encode({"model": "m", "messages": [TURN]})), 100)
    assert msgspec.json.decode(chat.body)["max_tokens"] == 100


def test_system_messages_come_first() -> None:
    asked = translate(
        messages=[
            {"role": "system", "content": "Be brief."},
            TURN,
            {
                "role": "developer",
                "content": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}],
            },
        ]
    )
    assert asked["system"] == [
        text("Be brief."),
        {**text("Be kind."), "cache_control": {"type": "ephemeral"}},
    ]
    assert asked["messages"] == [{"role": "user", "content": [text("Hello")]}]


def test_a_round_of_tools() -> None:
    calls = [
        {"id": "a", "type": "function", "function": {"name": "look", "arguments": '{"at": "it"}'}},
        {"id": "b", "type": "function", "function": {"name": "wait", "arguments": ""}},
    ]
    asked = translate(
        messages=[
            TURN,
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "a", "content": "dark"},
            {"role": "tool", "tool_call_id": "b", "content": ""},
            {"role": "user", "content": "Go on."},
        ]
    )
    assert asked["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "a", "name": "look", "input": {"at": "it"}},
                {"type": "tool_use", "id": "b", "name": "wait", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": [text("dark")]},
                {"type": "tool_result", "tool_use_id": "b", "content": []},
            ],
        },
        {"role": "user", "content": [text("Go on.")]},
    ]


def test_images_and_files() -> None:
    parts = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBOR", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}},
    ]
    assert translate(messages=[{"role": "user", "content": parts}])["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBOR"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {
            "type": "document",
            "title": "a.pdf",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
        },
    ]


def test_tools_and_their_choice() -> None:
    function = {"name": "look", "description": "Looks.", "parameters": {"type": "object"}, "strict": True}
    tools = [{"type": "function", "function": function}]
    asked = translate(tools=tools, tool_choice="required", parallel_tool_calls=False)
    tool = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}, "strict": True}
    assert asked["tools"] == [tool]
    assert asked["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    named = translate(tools=tools, tool_choice={"type": "function", "function": {"name": "look"}})
    assert named["tool_choice"] == {"type": "tool", "name": "look"}
    assert translate(tools=tools, tool_choice="none", parallel_tool_calls=False)["tool_choice"] == {
        "type": "none"
    }


def test_what_shapes_the_answer_travels_on() -> None:
    schema = {"type": "object"}
    asked = translate(
        stop="END",
        temperature=0.5,
        top_p=0.9,
        user="u1",
        reasoning_effort="minimal",
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": schema, "strict": True},
        },
        stream=True,
    )
    assert (asked["stop_sequences"], asked["temperature"], asked["top_p"]) == (["END"], 0.5, 0.9)
    assert (asked["metadata"], asked["stream"]) == ({"user_id": "u1"}, True)
    assert asked["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": schema}}


def test_advice_is_left_out() -> None:
    assert (
        translate(seed=7, store=True, presence_penalty=0.5, n=1, service_tier="auto", logit_bias={})
        == translate()
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"n": 2}, "n: one answer"),
        ({"logprobs": True}, "logprobs: not served"),
        ({"modalities": ["text", "audio"]}, "modalities: only text"),
        ({"functions": [{"name": "x"}]}, "functions: use tools"),
        ({"web_search_options": {}}, "web_search_options: not served"),
        ({"response_format": {"type": "json_object"}}, "response_format: json_object is not"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools.0: only tools of type function"),
        ({"tool_choice": "sometimes", "tools": []}, "tool_choice: must be"),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages.0.content.0: parts of type input_audio",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}
                ]
            },
            "messages.0.content.0.image_url.url: must be data:",
        ),
        (
            {
                "messages": [
                    TURN,
                    {
                        "role": "assistant",
                        "tool_calls": [{"id": "a", "function": {"name": "x", "arguments": "[1]"}}],
                    },
                ]
            },
            r"messages.1.tool_calls.0.function.arguments: must be a JSON object",
        ),
        ({"messages": "Hello"}, "messages: Expected"),
        ({"model": None}, "model: Expected"),
    ],
)
def test_what_would_be_missed_is_refused_by_its_field(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidRequestError, match=sentence):
        translate(**fields)


words = st.text(st.characters(codec="utf-8"), min_size=1)


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "system"]), words), min_size=1))
def test_a_chat_survives_both_translations(said: list[tuple[str, str]]) -> None:
    """In by one dialect and out by the same: every word arrives, in its order and role."""
    turns = [{"role": role, "content": content} for role, content in said]
    body = msgspec.json.encode({"model": "m", "messages": turns, "max_tokens": 9})
    chat = translate_chat(parse_chat(body), 100)
    back = msgspec.json.decode(translate_request(chat.body, Dialect()).body)["messages"]
    system = [content for role, content in said if role == "system"]
    spoken = [turn for turn in turns if turn["role"] != "system"]
    assert back[1:] == spoken if system else back == spoken
    if system:
        assert back[0] == {"role": "system", "content": "\n\n".join(system)}
