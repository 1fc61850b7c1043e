"""Embedded: ``jeton-extract-1`` in this process, on the wire exactly like any other upstream.

It answers the Messages API's JSON and event stream, counts with o200k and reports what it
counted. In rehearsal it serves any model of the price book in the same way.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from jeton.ids import new_id
from jeton.tokens.exact import count_prompt, count_text, cut_text, split_text
from jeton.tokens.families import O200K, find_family
from jeton.tokens.prompt import Prompt
from jeton.upstreams.extract import answer
from jeton.upstreams.interface import Ask, CountMethod, MessagesRequest

MODEL = "jeton-extract-1"
MAX_INPUT_TOKENS = 200_000
DELTA_TOKENS = 4
# Above this a prompt is read in a thread, so that other requests are not kept waiting.
INLINE_BODY_BYTES_MAX = 16_384

_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What the engine must know of a model that it stands in for."""

    max_input_tokens: int = MAX_INPUT_TOKENS
    family: str = O200K


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished answer, before it is put on the wire."""

    message_id: str
    request: MessagesRequest
    input_tokens: int
    text: str
    output_tokens: int
    stop_reason: Literal["end_turn", "max_tokens", "stop_sequence"]
    stop_sequence: str | None


class PromptTooLongError(Exception):
    """The prompt has more tokens than the model takes; only this module sees it."""


class EmbeddedAnswer:
    """An answer that is made from values in memory."""

    def __init__(
        self, status: int, content_type: str, *, pieces: list[bytes], delta_delay_s: float = 0
    ) -> None:
        self.status = status
        self.headers: Mapping[str, str] = {"content-type": content_type}
        self._pieces = pieces
        self._delta_delay_s = delta_delay_s
        self._closed = asyncio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, event by event; ends at once when the answer is closed."""
        for position, piece in enumerate(self._pieces):
            if position:
                await self._pause()
            if self._closed.is_set():
                return
            yield piece

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join(self._pieces)

    async def close(self) -> None:
        """Stop sending."""
        self._closed.set()

    async def _pause(self) -> None:
        """Let other requests run; for demonstrations, let a reader keep up."""
        if not self._delta_delay_s:
            await asyncio.sleep(0)
            return
        try:
            async with asyncio.timeout(self._delta_delay_s):
                await self._closed.wait()
        except TimeoutError:
            return


class EmbeddedUpstream:
    """The upstream named ``embedded``: the engine for its own model and for every rehearsed one."""

    name = "embedded"
    count_method: CountMethod | None = "exact"

    def __init__(self, find_model: Callable[[str], ServedModel | None], *, delta_delay_s: float = 0) -> None:
        """``find_model`` says what a model takes and how its images count; None for the engine's own.

        Both must be what the price book says, for that is what a hold is bounded by.
        """
        self._find_model = find_model
        self._delta_delay_s = delta_delay_s

    async def send(self, ask: Ask) -> EmbeddedAnswer:
        """Answer; a prompt that is too long is answered with status 400 like upstream does."""
        try:
            if len(ask.body) > INLINE_BODY_BYTES_MAX:
                reply = await asyncio.to_thread(self._reply, ask.request)
            else:
                reply = self._reply(ask.request)
        except PromptTooLongError as error:
            return EmbeddedAnswer(400, "application/json", pieces=[_render_error(str(error), ask.request_id)])
        if ask.request.stream:
            return EmbeddedAnswer(
                200,
                "text/event-stream; charset=utf-8",
                pieces=_render_events(reply),
                delta_delay_s=self._delta_delay_s,
            )
        return EmbeddedAnswer(200, "application/json", pieces=[_render_message(reply)])

    async def count_tokens(self, headers: Mapping[str, str], prompt: Prompt, body: bytes) -> int:
        """The exact count, the same that ``send`` reports."""
        del headers
        if len(body) > INLINE_BODY_BYTES_MAX:
            return await asyncio.to_thread(self._count, prompt)
        return self._count(prompt)

    async def close(self) -> None:
        """Nothing to close."""

    def _model(self, model: str) -> ServedModel:
        return self._find_model(model) or ServedModel()

    def _count(self, prompt: Prompt) -> int:
        return count_prompt(prompt, find_family(self._model(prompt.model).family))

    def _reply(self, request: MessagesRequest) -> Reply:
        prompt = request.prompt
        input_tokens = self._count(prompt)
        maximum = self._model(request.model).max_input_tokens
        if input_tokens > maximum:
            raise PromptTooLongError(f"prompt is too long: {input_tokens} tokens > {maximum} maximum")
        text = answer(prompt) if request.max_tokens else ""
        stopped = _find_stop(text, request.stop_sequences or [])
        if stopped is not None:
            text = text[: text.index(stopped)]
        cut = cut_text(text, request.max_tokens)
        was_cut = not request.max_tokens or len(cut) < len(text)
        if was_cut:
            stopped = None
        return Reply(
            message_id=new_id("msg"),
            request=request,
            input_tokens=input_tokens,
            text=cut,
            output_tokens=count_text(cut),
            stop_reason="max_tokens" if was_cut else "stop_sequence" if stopped is not None else "end_turn",
            stop_sequence=stopped,
        )


def _find_stop(text: str, stop_sequences: list[str]) -> str | None:
    """The stop sequence that comes first in ``text``; of two at one place, the longer."""
    found = [(text.index(stop), -len(stop), stop) for stop in stop_sequences if stop and stop in text]
    return min(found)[2] if found else None


def _usage(reply: Reply, output_tokens: int) -> dict[str, object]:
    return {
        "input_tokens": reply.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "output_tokens_details": {"thinking_tokens": 0},
        "server_tool_use": None,
        "service_tier": "standard",
        "inference_geo": reply.request.inference_geo or "global",
        "speed": reply.request.speed or "standard",
    }


def _message(reply: Reply) -> dict[str, object]:
    return {
        "id": reply.message_id,
        "type": "message",
        "role": "assistant",
        "model": reply.request.model,
        "content": [{"type": "text", "text": reply.text, "citations": None}] if reply.text else [],
        "stop_reason": reply.stop_reason,
        "stop_sequence": reply.stop_sequence,
        "stop_details": None,
        "container": None,
        "diagnostics": None,
        "usage": _usage(reply, reply.output_tokens),
    }


def _render_message(reply: Reply) -> bytes:
    return _encode(_message(reply))


def _render_events(reply: Reply) -> list[bytes]:
    """The event stream, one piece per delta; the frame's events travel with their neighbours."""
    start = {
        **_message(reply),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        # The count of a message that has only begun; message_delta has the total.
        "usage": _usage(reply, min(1, reply.output_tokens)),
    }
    pieces = [_event("message_start", message=start)]
    if reply.text:
        block = {"type": "text", "text": "", "citations": None}
        pieces[0] += _event("content_block_start", index=0, content_block=block)
        tokens_each = max(1, min(DELTA_TOKENS, reply.output_tokens // 2))
        pieces += [
            _event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
            for text in split_text(reply.text, tokens_each)
        ]
    usage = {name: count for name, count in _usage(reply, reply.output_tokens).items() if name in _CUMULATIVE}
    end = _event("content_block_stop", index=0) if reply.text else b""
    delta = {"stop_reason": reply.stop_reason, "stop_sequence": reply.stop_sequence, "stop_details": None}
    pieces.append(end + _event("message_delta", delta=delta, usage=usage) + _event("message_stop"))
    return pieces


_CUMULATIVE = frozenset(
    {
        "input_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "output_tokens",
        "output_tokens_details",
        "server_tool_use",
    }
)


def _event(name: str, **data: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), _encode({"type": name, **data}))


def _render_error(sentence: str, request_id: str) -> bytes:
    return _encode(
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": sentence},
            "request_id": request_id,
        }
    )
