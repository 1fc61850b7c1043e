"""An upstream that streams: ``max_tokens`` events to each request, each in a write of its own.

    cd bench && ../.venv/bin/python -m parts.flood PORT EVENTS_PER_SECOND

It answers ``/v1/messages`` with events and ``/v1/chat/completions`` with chunks; 0 events per second is
as fast as they are taken. A process of its own, so that its time is nobody else's.
"""

import asyncio
import json
import re
import sys
from typing import cast

import uvloop
from parts.answers import INPUT_TOKENS, SMALL_BYTES

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
UNSENT_BYTES_MAX = 65_536
TICK_S = 0.001
_EVENTS = re.compile(rb'"max_tokens": ?(\d+)')
_LENGTH = re.compile(rb"content-length: ?(\d+)", re.IGNORECASE)
_TEXT = " counters"


def _chunk(data: str) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data.encode())


def _event(kind: str, **fields: object) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"


def _data(**fields: object) -> str:
    return f"data: {json.dumps({'id': 'c1', 'object': 'chat.completion.chunk', **fields})}\n\n"


def _messages() -> tuple[bytes, bytes, str]:
    usage = {"input_tokens": INPUT_TOKENS[SMALL_BYTES], "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "usage": usage}
    block = {"type": "text", "text": ""}
    first = _event("message_start", message=message)
    first += _event("content_block_start", index=0, content_block=block)
    delta = _event("content_block_delta", index=0, delta={"type": "text_delta", "text": _TEXT})
    last = _event("content_block_stop", index=0)
    last += _event("message_delta", delta={"stop_reason": "max_tokens"}, usage={"output_tokens": -1})
    return _chunk(first), _chunk(delta), last + _event("message_stop")


def _chat() -> tuple[bytes, bytes, str]:
    first = _data(choices=[{"index": 0, "delta": {"role": "assistant", "content": ""}}])
    delta = _data(choices=[{"index": 0, "delta": {"content": _TEXT}, "finish_reason": None}])
    last = _data(choices=[{"index": 0, "delta": {}, "finish_reason": "length"}])
    usage = {"prompt_tokens": INPUT_TOKENS[SMALL_BYTES], "completion_tokens": -1}
    return _chunk(first), _chunk(delta), last + _data(choices=[], usage=usage) + "data: [DONE]\n\n"


MESSAGES, CHAT = _messages(), _chat()


class Stream(asyncio.Protocol):
    """One connection, a request after the other."""

    def __init__(self, active: "set[Stream]") -> None:
        self._active = active
        self._received = b""
        self._left = self._events = 0
        self._said = MESSAGES
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop."""
        del exc
        self._active.discard(self)

    def data_received(self, data: bytes) -> None:
        """Begin the answer once the request is whole."""
        self._received += data
        head, ended, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not ended or length is None or len(body) < int(length[1]) or self._transport is None:
            return
        asked = _EVENTS.search(body)
        self._events = self._left = int(asked[1]) if asked else 1
        self._said = CHAT if head.startswith(b"POST /v1/chat") else MESSAGES
        self._received = b""
        self._transport.write(HEAD + self._said[0])
        self._active.add(self)

    def step(self) -> int:
        """Send one event, if the other side keeps up; how many were sent."""
        transport = self._transport
        if transport is None or transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            return 0
        transport.write(self._said[1])
        self._left -= 1
        if not self._left:
            transport.write(_chunk(self._said[2].replace("-1", str(self._events))) + b"0\r\n\r\n")
            self._active.discard(self)
        return 1


async def serve(port: int, per_second: int) -> None:
    """Stream to everybody who asks, for ever."""
    loop = asyncio.get_running_loop()
    active: set[Stream] = set()
    await loop.create_server(lambda: Stream(active), "127.0.0.1", port, backlog=1024)
    began, sent = loop.time(), 0
    while True:
        due = int((loop.time() - began) * per_second) - sent if per_second else len(active)
        if not active or due <= 0:
            # What was not due while nobody asked is not made up for.
            began, sent = (loop.time(), 0) if not active else (began, sent)
            await asyncio.sleep(TICK_S)
            continue
        for stream in tuple(active)[:due]:
            sent += stream.step()
        # At a given rate it leaves the core to others in between.
        await asyncio.sleep(TICK_S if per_second else 0)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
