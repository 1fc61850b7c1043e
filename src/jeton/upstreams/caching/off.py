"""Off: an upstream whose own prompt cache is not passed on. Every input token is uncached input."""

from collections.abc import AsyncIterator, Mapping

from jeton.caching.words import Split
from jeton.tokens.prompt import Prompt
from jeton.upstreams.caching.rewriting import Carrier, EventCutter, find_event, find_message
from jeton.upstreams.caching.tally import find_total, put_split
from jeton.upstreams.interface import Answer, Ask, CountMethod, Upstream

_OK = 200
_EVENT_STREAM = "text/event-stream"


class UncachedUpstream:
    """An upstream whose answers count all input alike."""

    def __init__(self, upstream: Upstream) -> None:
        """Closed together with ``upstream``."""
        self._upstream = upstream

    @property
    def name(self) -> str:
        """The upstream's own name."""
        return self._upstream.name

    @property
    def count_method(self) -> CountMethod | None:
        """How the upstream counts."""
        return self._upstream.count_method

    async def send(self, ask: Ask) -> Answer:
        """Send the request; raises UpstreamError if no answer begins."""
        answer = await self._upstream.send(ask)
        return UncachedAnswer(answer) if answer.status == _OK else answer

    async def count_tokens(self, headers: Mapping[str, str], prompt: Prompt, body: bytes) -> int:
        """The upstream's own count."""
        return await self._upstream.count_tokens(headers, prompt, body)

    async def close(self) -> None:
        """Close the upstream."""
        await self._upstream.close()


class UncachedAnswer:
    """An answer of 200 whose usage is rewritten on its way."""

    def __init__(self, answer: Answer) -> None:
        """Nothing was read yet."""
        self.status = answer.status
        self._answer = answer

    @property
    def headers(self) -> Mapping[str, str]:
        """The upstream's."""
        return self._answer.headers

    async def read(self) -> bytes:
        """The whole body."""
        body = await self._answer.read()
        return _change(find_message(body)) or body

    async def chunks(self) -> AsyncIterator[bytes]:
        """The events as they arrive."""
        if not self.headers.get("content-type", "").startswith(_EVENT_STREAM):
            yield await self.read()
            return
        cutter = EventCutter()
        async for chunk in self._answer.chunks():
            pieces = [_change(find_event(piece)) or piece for piece in cutter.feed(chunk)]
            if pieces:
                yield b"".join(pieces)
        if cutter.rest:
            yield cutter.rest

    async def close(self) -> None:
        """Let go of the upstream."""
        await self._answer.close()


def _change(carrier: Carrier | None) -> bytes:
    if carrier is None:
        return b""
    total = find_total(carrier.usage)
    if total:
        put_split(carrier.usage, Split(total, 0, 0, 0))
    return carrier.render()
