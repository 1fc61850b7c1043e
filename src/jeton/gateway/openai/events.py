"""Events: from the events of a streamed message to chunks of a chat completion. Pure."""

from datetime import datetime

import msgspec

from jeton.gateway.openai.answer import (
    Block,
    Message,
    Usage,
    Wire,
    find_finish_reason,
    render_frame,
    render_usage,
)
from jeton.gateway.openai.problem import translate_envelope
from jeton.metering.reported import merge_reported
from jeton.tokens.prompt import ABSENT

DONE = b"data: [DONE]\n\n"
_DATA = b"data:"


class _Delta(msgspec.Struct):
    type: str = ""
    text: str = ""
    thinking: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class _Started(Message, kw_only=True):
    usage: msgspec.Raw = ABSENT  # type: ignore[assignment]  # kept as it came, to be merged


class _Event(msgspec.Struct):
    type: str = ""
    message: _Started | None = None
    content_block: Block | None = None
    delta: _Delta | None = None
    usage: msgspec.Raw = ABSENT


_EVENT = msgspec.json.Decoder(_Event)
_USAGE = msgspec.json.Decoder(Usage)
_encode = msgspec.json.encode


class ChunkTranslator:
    """The translation of one stream; chunks may be cut anywhere."""

    __slots__ = ("_calls", "_frame", "_includes_usage", "_model", "_rest", "_started_at", "_usage")

    def __init__(self, model: str, started_at: datetime, *, includes_usage: bool) -> None:
        """``includes_usage``: a chunk with the usage comes before the end."""
        self._model = model
        self._started_at = started_at
        self._includes_usage = includes_usage
        self._rest = b""
        self._frame = b""
        self._usage = b""
        self._calls = -1

    def feed(self, data: bytes) -> bytes:
        """The next chunks."""
        lines, _, self._rest = (self._rest + data).rpartition(b"\n")
        out: list[bytes] = []
        for line in lines.split(b"\n"):
            if line.startswith(_DATA):
                self._take(line[len(_DATA) :], out)
        return b"".join(out)

    def _take(self, data: bytes, out: list[bytes]) -> None:
        try:
            event = _EVENT.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        delta = event.delta
        match event.type:
            case "message_start":
                self._start(event.message or _Started(), out)
            case "content_block_delta" if delta is not None:
                self._grow(delta, out)
            case "content_block_start" if event.content_block is not None:
                self._open(event.content_block, out)
            case "message_delta":
                self._usage = merge_reported(self._usage, bytes(event.usage))
                if delta is not None:
                    out.append(self._chunk({}, find_finish_reason(delta.stop_reason)))
            case "message_stop":
                self._stop(out)
            case "error":
                out.append(b"data: %b\n\n" % translate_envelope(data))
            case _:
                # Pings, and the ends of blocks.
                pass

    def _start(self, message: _Started, out: list[bytes]) -> None:
        self._usage = bytes(message.usage)
        frame = render_frame(
            message.id, message.model or self._model, at=self._started_at, kind="chat.completion.chunk"
        )
        # Every chunk begins with the same, so it is written once.
        self._frame = _encode(frame)[:-1]
        out.append(self._chunk({"role": "assistant", "content": "", "refusal": None}))

    def _grow(self, delta: _Delta, out: list[bytes]) -> None:
        match delta.type:
            case "text_delta":
                out.append(self._chunk({"content": delta.text}))
            case "thinking_delta":
                out.append(self._chunk({"reasoning_content": delta.thinking}))
            case "input_json_delta":
                part = {"index": self._calls, "function": {"arguments": delta.partial_json}}
                out.append(self._chunk({"tool_calls": [part]}))
            case _:
                # Signatures and citations have no place here.
                pass

    def _open(self, block: Block, out: list[bytes]) -> None:
        if block.type != "tool_use":
            return
        self._calls += 1
        call = {
            "index": self._calls,
            "id": block.id,
            "type": "function",
            "function": {"name": block.name, "arguments": ""},
        }
        out.append(self._chunk({"tool_calls": [call]}))

    def _stop(self, out: list[bytes]) -> None:
        if self._includes_usage:
            try:
                usage: Wire | None = render_usage(_USAGE.decode(self._usage))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                usage = None
            out.append(b'data: %b,"choices":[],"usage":%b}\n\n' % (self._frame, _encode(usage)))
        out.append(DONE)

    def _chunk(self, delta: Wire, finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        usage = b',"usage":null' if self._includes_usage else b""
        return b'data: %b,"choices":[%b]%b}\n\n' % (self._frame, _encode(choice), usage)
