r"""Events: from the chunks of a streamed chat completion to the events of the Messages API. Pure.

Bytes in, bytes out; chunks may be cut anywhere. Blocks come one after the other: what begins
ends the one before it. The last events wait for ``[DONE]`` (or the end of the bytes), since
usage comes in a chunk of its own after the last choice.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from jeton.ids import new_id
from jeton.upstreams.errors import UpstreamDialectError
from jeton.upstreams.openai_compatible.answer import render_message
from jeton.upstreams.openai_compatible.problem import find_sentence, render_problem
from jeton.upstreams.openai_compatible.usage import translate_usage, usage_at_start
from jeton.upstreams.openai_compatible.words import (
    Choice,
    Completion,
    Function,
    Said,
    ToolCall,
    find_stop_reason,
)

LINE_BYTES_MAX = 33_554_432
_DATA = b"data:"
_DONE = b"[DONE]"
_CHUNK = msgspec.json.Decoder(Completion)
_ENCODER = msgspec.json.Encoder()
_encode = _ENCODER.encode
_BAD_GATEWAY = 502
Kind = Literal["text", "thinking", "tool_use"]


class EventTranslator:
    """The translation of one stream; ``feed`` it until it ends, then ``finish`` it."""

    __slots__ = (
        "_block",
        "_choice",
        "_has_tools",
        "_index",
        "_is_over",
        "_model",
        "_rest",
        "_rest_bytes",
        "_shows_thinking",
        "_started",
        "_tool",
        "_usage",
    )

    def __init__(self, model: str, *, shows_thinking: bool) -> None:
        """``model`` is the name that the caller gave it."""
        self._model = model
        self._shows_thinking = shows_thinking
        self._rest: list[bytes] = []
        self._rest_bytes = 0
        self._started = self._is_over = self._has_tools = False
        # The block that is open, its index, and of a tool's which call it is: index and id there.
        self._block: Kind | None = None
        self._index = -1
        self._tool: tuple[int | None, str | None] = (None, None)
        self._choice: Choice | None = None
        self._usage = b""

    def feed(self, data: bytes) -> bytes:
        """The next events; UpstreamDialectError for what is no stream of chunks."""
        head, newline, rest = data.rpartition(b"\n")
        if not newline:
            self._keep(rest)
            return b""
        lines = b"".join((*self._rest, head))
        self._rest.clear()
        self._rest_bytes = 0
        self._keep(rest)
        return self._take_lines(lines)

    def finish(self) -> bytes:
        """The last events, if the stream had come to its end; UpstreamDialectError for half an event."""
        events = self._take_lines(b"".join(self._rest))
        self._rest.clear()
        if self._is_over or self._choice is None:
            return events
        out = [events]
        self._end(out)
        return b"".join(out)

    def _keep(self, rest: bytes) -> None:
        self._rest.append(rest)
        self._rest_bytes += len(rest)
        if self._rest_bytes > LINE_BYTES_MAX:
            raise UpstreamDialectError(f"it sent a line of over {LINE_BYTES_MAX} bytes")

    def _take_lines(self, lines: bytes) -> bytes:
        out: list[bytes] = []
        for line in lines.split(b"\n"):
            if self._is_over:
                break
            # Comments, names of events and empty lines carry nothing here.
            if line.startswith(_DATA):
                self._take(line[len(_DATA) :].strip(), out)
        return b"".join(out)

    def _take(self, data: bytes, out: list[bytes]) -> None:
        if data == _DONE:
            if self._choice is None:
                raise UpstreamDialectError("its stream ended without a finish_reason")
            self._end(out)
            return
        if not data:
            return
        try:
            chunk = _CHUNK.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamDialectError("its stream has an event that is no chunk") from error
        if chunk.error and bytes(chunk.error) != b"null":
            sentence = find_sentence(data) or "The upstream ended the stream with an error."
            out.append(b"event: error\ndata: %b\n\n" % render_problem(_BAD_GATEWAY, sentence))
            self._is_over = True
            return
        if chunk.usage and bytes(chunk.usage) != b"null":
            # Running totals where a server sends several, so the last one wins.
            self._usage = bytes(chunk.usage)
        if not self._started:
            self._start(chunk, out)
        for choice in chunk.choices or ():
            if not choice.index:
                self._take_choice(choice, out)

    def _start(self, chunk: Completion, out: list[bytes]) -> None:
        self._started = True
        message = render_message(chunk.id, self._model)
        message["usage"] = usage_at_start(translate_usage(self._usage))
        out.append(_event("message_start", message=message))

    def _take_choice(self, choice: Choice, out: list[bytes]) -> None:
        said = choice.delta or choice.message
        if said is not None:
            self._take_delta(said, out)
        if choice.finish_reason is not None:
            self._choice = choice

    def _take_delta(self, said: Said, out: list[bytes]) -> None:
        if self._shows_thinking and said.thought:
            if self._block != "thinking":
                self._open("thinking", {"type": "thinking", "thinking": "", "signature": ""}, out)
            out.append(_render_delta(self._index, b"thinking_delta", b"thinking", said.thought))
        text = said.content if isinstance(said.content, str) and not said.refusal else said.text
        if text:
            if self._block != "text":
                self._open("text", {"type": "text", "text": "", "citations": None}, out)
            out.append(_render_delta(self._index, b"text_delta", b"text", text))
        for call in said.tool_calls or ():
            self._take_call(call, out)

    def _take_call(self, call: ToolCall, out: list[bytes]) -> None:
        function = call.function or Function()
        index, call_id = self._tool
        is_other = (call.index is not None and call.index != index) or (call.id and call.id != call_id)
        if self._block != "tool_use" or is_other or (call.index is None and function.name):
            if not function.name:
                # Blocks follow each other, so that a call that has ended cannot go on.
                raise UpstreamDialectError("its stream goes on with a tool call that it never began")
            call_id = call.id or new_id("toolu")
            self._tool = (call.index, call_id)
            self._has_tools = True
            block = {"type": "tool_use", "id": call_id, "name": function.name, "input": {}}
            self._open("tool_use", block, out)
        arguments = function.arguments
        if arguments:
            text = arguments if isinstance(arguments, str) else _encode(arguments).decode()
            out.append(_render_delta(self._index, b"input_json_delta", b"partial_json", text))

    def _open(self, kind: Kind, block: Mapping[str, object], out: list[bytes]) -> None:
        self._close(out)
        self._block = kind
        self._index += 1
        out.append(_event("content_block_start", index=self._index, content_block=block))

    def _close(self, out: list[bytes]) -> None:
        if self._block is not None:
            out.append(_event("content_block_stop", index=self._index))
            self._block = None

    def _end(self, out: list[bytes]) -> None:
        self._close(out)
        self._is_over = True
        stop_reason, stop_sequence = find_stop_reason(self._choice or Choice(), has_tools=self._has_tools)
        delta = {"stop_reason": stop_reason, "stop_sequence": stop_sequence, "stop_details": None}
        # Without usage the zero of the start stands, which metering takes for no count at all.
        usage = translate_usage(self._usage) or {"output_tokens": 0}
        out += (_event("message_delta", delta=delta, usage=usage), _event("message_stop"))


def _render_delta(index: int, kind: bytes, field: bytes, text: str) -> bytes:
    # Written out, since a stream is mostly this.
    return (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
        b'"delta":{"type":"%b","%b":%b}}\n\n' % (index, kind, field, _encode(text))
    )


def _event(name: str, **data: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _encode({"type": name, **data}))
