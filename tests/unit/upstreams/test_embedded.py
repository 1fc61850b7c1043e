import asyncio
import json

import msgspec
import pytest
from anthropic.types import Message, RawMessageStreamEvent, TextBlock, TextDelta
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from jeton.tokens.exact import count_prompt, count_text
from jeton.upstreams.embedded import INLINE_BODY_BYTES_MAX, MODEL, EmbeddedUpstream, ServedModel
from jeton.upstreams.interface import Ask, MessagesRequest

EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)
TEXT = "Paris is the capital of France. Rome is old. What is the capital of France?"
ANSWER = "The text says: “Paris is the capital of France.”"
ANSWER_TOKENS = 12


def ask(content: object = TEXT, **fields: object) -> Ask:
    body = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": content}], **fields}
    raw = msgspec.json.encode(body)
    return Ask("req_1", msgspec.json.decode(raw, type=MessagesRequest), raw, {})


def upstream(**served: object) -> EmbeddedUpstream:
    model = msgspec.convert(served, ServedModel) if served else None
    return EmbeddedUpstream(lambda _model: model)


async def message(request: Ask) -> Message:
    answer = await upstream().send(request)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    return Message.model_validate_json(await answer.read(), strict=True)


def text_of(found: Message) -> str:
    return "".join(block.text for block in found.content if isinstance(block, TextBlock))


async def events(request: Ask) -> list[RawMessageStreamEvent]:
    answer = await upstream().send(request)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    found = []
    for text in (await answer.read()).decode().strip().split("\n\n"):
        name, data = text.split("\n")
        assert name == f"event: {json.loads(data.removeprefix('data: '))['type']}"
        found.append(EVENT.validate_json(data.removeprefix("data: ")))
    return found


async def test_a_message_has_every_field_of_the_messages_api() -> None:
    answer = await upstream().send(ask(inference_geo="us", speed="fast"))
    found = json.loads(await answer.read())
    assert found.pop("id").startswith("msg_")
    assert found == {
        "type": "message",
        "role": "assistant",
        "model": "jeton-extract-1",
        "content": [{"type": "text", "text": ANSWER, "citations": None}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
        "diagnostics": None,
        "usage": {
            "input_tokens": 3 + 4 + count_text(TEXT),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": ANSWER_TOKENS,
            "output_tokens_details": {"thinking_tokens": 0},
            "server_tool_use": None,
            "service_tier": "standard",
            "inference_geo": "us",
            "speed": "fast",
        },
    }


async def test_the_official_types_accept_it_strictly() -> None:
    found = await message(ask())
    assert found.usage.output_tokens == ANSWER_TOKENS
    assert (found.usage.inference_geo, found.usage.speed) == ("global", "standard")


async def test_any_model_is_rehearsed_under_its_own_name() -> None:
    assert (await message(ask(model="claude-sonnet-5-5"))).model == "claude-sonnet-5-5"


async def test_the_same_prompt_gets_the_same_answer_under_a_new_id() -> None:
    first, second = await message(ask()), await message(ask())
    assert first.id != second.id
    assert first.content == second.content


@pytest.mark.parametrize("max_tokens", [1, 2, 5, 11])
async def test_max_tokens_cuts_at_exactly_that_token(max_tokens: int) -> None:
    found = await message(ask(max_tokens=max_tokens))
    assert found.stop_reason == "max_tokens"
    assert found.usage.output_tokens == max_tokens
    assert count_text(text_of(found)) == max_tokens


async def test_an_answer_of_exactly_max_tokens_is_complete() -> None:
    found = await message(ask(max_tokens=ANSWER_TOKENS))
    assert found.stop_reason == "end_turn"
    assert found.usage.output_tokens == ANSWER_TOKENS


async def test_zero_max_tokens_writes_nothing() -> None:
    found = await message(ask(max_tokens=0))
    assert (found.content, found.stop_reason, found.usage.output_tokens) == ([], "max_tokens", 0)


@pytest.mark.parametrize(
    ("stop_sequences", "text", "stopped"),
    [
        pytest.param([" capital"], "The text says: “Paris is the", " capital", id="before-it"),
        pytest.param(["France", "Paris"], "The text says: “", "Paris", id="the-first-in-the-text"),
        pytest.param([" is", " is the"], "The text says: “Paris", " is the", id="the-longer-at-one-place"),
    ],
)
async def test_a_stop_sequence_ends_the_text_before_it(
    stop_sequences: list[str], text: str, stopped: str
) -> None:
    found = await message(ask(stop_sequences=stop_sequences))
    assert text_of(found) == text
    assert (found.stop_reason, found.stop_sequence) == ("stop_sequence", stopped)
    assert found.usage.output_tokens == count_text(text)


async def test_a_stop_sequence_at_the_very_beginning_leaves_no_content() -> None:
    found = await message(ask(stop_sequences=["The"]))
    assert (found.content, found.stop_reason, found.usage.output_tokens) == ([], "stop_sequence", 0)


async def test_max_tokens_before_the_stop_sequence_wins() -> None:
    found = await message(ask(stop_sequences=["France"], max_tokens=3))
    assert (found.stop_reason, found.stop_sequence) == ("max_tokens", None)


async def test_a_stream_is_the_message_in_several_deltas() -> None:
    found = await events(ask(stream=True))
    assert [event.type for event in found] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    start, end = found[0], found[-2]
    assert start.type == "message_start"
    assert start.message.content == []
    assert start.message.usage.input_tokens == 3 + 4 + count_text(TEXT)
    assert start.message.usage.output_tokens == 1
    assert end.type == "message_delta"
    assert end.usage.output_tokens == ANSWER_TOKENS
    assert end.usage.input_tokens == start.message.usage.input_tokens
    assert end.delta.stop_reason == "end_turn"
    deltas = [event.delta for event in found if event.type == "content_block_delta"]
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == ANSWER


async def test_even_two_tokens_come_in_two_deltas() -> None:
    found = await events(ask(stream=True, max_tokens=2))
    assert sum(event.type == "content_block_delta" for event in found) == 2


async def test_a_stream_without_text_has_no_block() -> None:
    found = await events(ask(stream=True, stop_sequences=["The"]))
    assert [event.type for event in found] == ["message_start", "message_delta", "message_stop"]


async def test_a_prompt_over_the_models_maximum_is_refused() -> None:
    answer = await upstream(max_input_tokens=20).send(ask())
    assert answer.status == 400
    tokens = 3 + 4 + count_text(TEXT)
    assert json.loads(await answer.read()) == {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": f"prompt is too long: {tokens} tokens > 20 maximum",
        },
        "request_id": "req_1",
    }


async def test_images_count_by_the_tier_of_the_model_that_is_rehearsed() -> None:
    request = ask([{"type": "image", "source": {"type": "url", "url": "https://a"}}])
    standard = await upstream(family="claude-3").count_tokens({}, request.request.prompt, request.body)
    high = await upstream(family="claude-4.7").count_tokens({}, request.request.prompt, request.body)
    assert (standard, high) == (7 + 1568, 7 + 4784)


@settings(deadline=None)
@given(st.text(max_size=200), st.integers(1, 30))
def test_what_is_reported_is_what_is_counted(text: str, max_tokens: int) -> None:
    request = ask(text, max_tokens=max_tokens)
    found = asyncio.run(message(request))
    assert found.usage.input_tokens == count_prompt(request.request.prompt)
    assert found.usage.output_tokens <= max_tokens
    assert found.usage.output_tokens == count_text(text_of(found))


async def test_a_closed_answer_stops_at_once() -> None:
    answer = await EmbeddedUpstream(lambda _model: None, delta_delay_s=3600).send(ask(stream=True))
    chunks = answer.chunks()
    assert b"message_start" in await anext(chunks)
    waiting = asyncio.ensure_future(anext(chunks, b"the end"))
    await asyncio.sleep(0)
    await answer.close()
    await answer.close()
    assert await asyncio.wait_for(waiting, 5) == b"the end"


async def test_a_stream_lets_others_run_between_its_deltas() -> None:
    ran = 0

    async def count() -> None:
        nonlocal ran
        while True:
            ran += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count())
    answer = await upstream().send(ask(stream=True))
    deltas = [chunk async for chunk in answer.chunks()]
    other.cancel()
    assert ran >= len(deltas) - 1


async def test_a_long_prompt_is_read_in_a_thread_and_answered_the_same() -> None:
    text = "Nothing of note happens here. " * 2000 + TEXT
    request = ask(text)
    assert len(request.body) > INLINE_BODY_BYTES_MAX
    found = await message(request)
    assert text_of(found) == ANSWER
    assert found.usage.input_tokens == 3 + 4 + count_text(text)
    counted = await upstream().count_tokens({}, request.request.prompt, request.body)
    assert counted == found.usage.input_tokens


async def test_a_delay_between_deltas_changes_nothing_but_time() -> None:
    slow = await EmbeddedUpstream(lambda _model: None, delta_delay_s=0.001).send(ask(stream=True))
    chunks = [chunk async for chunk in slow.chunks()]
    assert len(chunks) == 5
    assert chunks[-1].endswith(b'data: {"type":"message_stop"}\n\n')
