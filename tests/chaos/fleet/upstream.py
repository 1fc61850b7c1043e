"""Upstream: a server of the Messages API that always answers the same, in one piece or as a stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

MODEL = "claude-haiku-4-5"
INPUT_TOKENS, OUTPUT_TOKENS = 500, 300
# $1 and $5 a million: 500 x 1,000 + 300 x 5,000 nano-dollars.
CHARGE_NANO = 2_000_000
PIECES = 6
_USAGE = {"input_tokens": INPUT_TOKENS, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
_MESSAGE = {"id": "msg_chaos", "type": "message", "role": "assistant", "model": MODEL, "stop_sequence": None}


def body(*, is_stream: bool) -> dict[str, object]:
    """A request for it."""
    text = "Coins clink. Counters count. " * 40
    message = {"role": "user", "content": text}
    return {"model": MODEL, "max_tokens": 512, "stream": is_stream, "messages": [message]}


@asynccontextmanager
async def open_upstream(seed: int, *, slow_s: float = 0.2) -> AsyncIterator[int]:
    """Its port, for the length of a block; each answer takes up to ``slow_s``."""
    random = Random(seed)  # noqa: S311 - a seed, so that a run can be repeated

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _answer(reader, writer, random.uniform(0, slow_s)):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wait_s: float) -> bool:
    """One request; False when there is none any more."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        ),
        0,
    )
    asked = json.loads(await reader.readexactly(length) or b"{}")
    if asked.get("stream"):
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for event in _events():
            await asyncio.sleep(wait_s / PIECES)
            content = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
            writer.write(b"%x\r\n%b\r\n" % (len(content), content))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
    else:
        await asyncio.sleep(wait_s)
        message = {
            **_MESSAGE,
            "content": [{"type": "text", "text": "Counters count. " * 20}],
            "stop_reason": "end_turn",
            "usage": {**_USAGE, "output_tokens": OUTPUT_TOKENS},
        }
        content = json.dumps(message).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(content)
        )
        writer.write(content)
    await writer.drain()
    return True


def _events() -> list[dict[str, object]]:
    start: dict[str, object] = {
        **_MESSAGE,
        "content": [],
        "stop_reason": None,
        "usage": {**_USAGE, "output_tokens": 1},
    }
    text = {"type": "text_delta", "text": "Counters count. " * 4}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": text} for _ in range(PIECES)),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": OUTPUT_TOKENS}},
        {"type": "message_stop"},
    ]
