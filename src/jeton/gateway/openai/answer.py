"""Answer: from a message to a chat completion. Pure: the time of its making is given."""

from datetime import datetime

import msgspec

from jeton.tokens.prompt import ABSENT

_FINISH_REASONS = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
Wire = dict[str, object]


class Block(msgspec.Struct):
    """A content block of a message, as far as this dialect can show it."""

    type: str
    text: str = ""
    thinking: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = ABSENT


class _Thinking(msgspec.Struct):
    thinking_tokens: int | None = None


class Usage(msgspec.Struct):
    """The Messages API's counts, of which ``input_tokens`` leaves cached ones out."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens_details: _Thinking | None = None


class Message(msgspec.Struct):
    """A message."""

    id: str = ""
    model: str = ""
    content: list[Block] = []
    stop_reason: str | None = None
    usage: Usage | None = None


_MESSAGE = msgspec.json.Decoder(Message)


def translate_message(body: bytes, at: datetime) -> bytes:
    """The chat completion; a body that is no message passes as it is."""
    try:
        message = _MESSAGE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # What an upstream makes of a 200 is shown, quarantined, to whoever asked for it.
        return body
    completion = {
        **render_frame(message.id, message.model, at=at, kind="chat.completion"),
        "choices": [
            {
                "index": 0,
                "message": _render_said(message.content),
                "logprobs": None,
                "finish_reason": find_finish_reason(message.stop_reason),
            }
        ],
        "usage": None if message.usage is None else render_usage(message.usage),
    }
    return msgspec.json.encode(completion)


def render_frame(message_id: str, model: str, *, at: datetime, kind: str) -> Wire:
    """What a completion and each of its chunks begin with."""
    return {
        "id": f"chatcmpl-{message_id}",
        "object": kind,
        "created": int(at.timestamp()),
        "model": model,
    }


def find_finish_reason(stop_reason: str | None) -> str:
    """Why the model stopped, in this dialect's words."""
    return _FINISH_REASONS.get(stop_reason or "", "stop")


def render_usage(usage: Usage) -> Wire:
    """Cached tokens are a subset here: 1,000 uncached and 7,000 read are 8,000 ``prompt_tokens``."""
    read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    prompt, output = (usage.input_tokens or 0) + read + written, usage.output_tokens or 0
    thinking = usage.output_tokens_details.thinking_tokens if usage.output_tokens_details else None
    return {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": thinking or 0},
    }


def _render_said(blocks: list[Block]) -> Wire:
    text = "".join(block.text for block in blocks if block.type == "text")
    thought = "".join(block.thinking for block in blocks if block.type == "thinking")
    calls = [
        {
            "id": block.id,
            "type": "function",
            "function": {"name": block.name, "arguments": bytes(block.input or b"{}").decode()},
        }
        for block in blocks
        if block.type == "tool_use"
    ]
    said: Wire = {"role": "assistant", "content": text if text or not calls else None, "refusal": None}
    if thought:
        said["reasoning_content"] = thought
    if calls:
        said["tool_calls"] = calls
    return said
