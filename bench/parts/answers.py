"""Canned traffic: prompts of two sizes, and what a model would answer, with its usage."""

import json

MODEL = "claude-haiku-4-5"
SMALL_BYTES = 2_048
LARGE_BYTES = 100_000
INPUT_TOKENS = {SMALL_BYTES: 500, LARGE_BYTES: 25_000}
OUTPUT_TOKENS = 300
EVENTS = 60
# $1 and $5 per million tokens: 500 x 1,000 + 300 x 5,000 nano-dollars, and 25,000 x 1,000 + 1,500,000.
CHARGE_NANO = {SMALL_BYTES: 2_000_000, LARGE_BYTES: 26_500_000}
MAX_TOKENS = 512
# The header that tells the canned upstream to stream; a gateway forwards anthropic-beta untouched.
STREAM_BETA = "bench-sse"

_WORDS = "Counting every token twice and comparing both sums is slower than once but lets one sleep. "
_ID = "msg_01BenchBenchBenchBenchBench"


def prompt_body(size_bytes: int, *, stream: bool) -> bytes:
    """A Messages request whose body has exactly ``size_bytes``."""
    request = {
        "model": MODEL,
        "max_tokens": MAX_TOKENS,
        "stream": stream,
        "messages": [{"role": "user", "content": ""}],
    }
    room = size_bytes - len(json.dumps(request))
    request["messages"] = [{"role": "user", "content": (_WORDS * (room // len(_WORDS) + 1))[:room]}]
    return json.dumps(request).encode()


def json_answer(input_tokens: int) -> str:
    """A whole message of ``OUTPUT_TOKENS``, about 1.5 kB."""
    return json.dumps(
        {
            "id": _ID,
            "type": "message",
            "role": "assistant",
            "model": MODEL,
            "content": [{"type": "text", "text": _WORDS * 14}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": _usage(input_tokens, OUTPUT_TOKENS),
        }
    )


def sse_answer(input_tokens: int) -> str:
    """The same as a stream of ``EVENTS`` deltas, about 8 kB."""
    words = (_WORDS * 14).split(" ")
    step = len(words) // EVENTS + 1
    texts = [" ".join(words[at : at + step]) + " " for at in range(0, len(words), step)]
    start: dict[str, object] = {
        "id": _ID,
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(input_tokens, 1),
    }
    events: list[dict[str, object]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
            for text in texts
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": OUTPUT_TOKENS},
        },
        {"type": "message_stop"},
    ]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


def _usage(input_tokens: int, output_tokens: int) -> dict[str, object]:
    return {
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }
