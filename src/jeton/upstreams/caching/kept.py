"""Kept: an upstream for which Jeton keeps the prompt-cache account.

A request without any mark goes straight through. For the others the account is asked while the upstream
already works, so nobody waits for it; before the first byte goes on it is written.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

from jeton import clock
from jeton.caching.plan import Plan
from jeton.caching.shared.account import Account, Look
from jeton.tokens.counter.counting import Counter
from jeton.tokens.prompt import Prompt
from jeton.upstreams.caching.counting import count_prefixes
from jeton.upstreams.caching.rewriting import EventCutter, find_event, find_message
from jeton.upstreams.caching.tally import Tally
from jeton.upstreams.interface import Answer, Ask, CountMethod, Upstream

# A longer prompt is counted in a thread, so that other requests are not kept waiting.
INLINE_BODY_BYTES_MAX = 16_384
_OK = 200
_EVENT_STREAM = "text/event-stream"


class KeptUpstream:
    """An upstream whose answers say what the account says of them."""

    def __init__(
        self, upstream: Upstream, account: Account, *, counter: Counter, find_family: Callable[[str], str]
    ) -> None:
        """``find_family`` names the tokenizer family by which this upstream counts a model."""
        self._upstream = upstream
        self._account = account
        self._counter = counter
        self._find_family = find_family

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
        plan = ask.cache
        if plan is None:
            return await self._upstream.send(ask)
        tally = asyncio.create_task(self._open(plan, ask, clock.read_us()))
        try:
            answer = await self._upstream.send(ask)
        except BaseException:
            tally.cancel()
            raise
        if answer.status != _OK:
            # A request that failed has neither read nor written.
            tally.cancel()
            return answer
        return KeptAnswer(answer, tally)

    async def count_tokens(self, headers: Mapping[str, str], prompt: Prompt, body: bytes) -> int:
        """The upstream's own count."""
        return await self._upstream.count_tokens(headers, prompt, body)

    async def close(self) -> None:
        """Close the upstream."""
        await self._upstream.close()

    async def _open(self, plan: Plan, ask: Ask, started_us: int) -> Tally:
        look = await self._account.look(plan, started_us)
        if len(ask.body) > INLINE_BODY_BYTES_MAX:
            counted = await asyncio.to_thread(self._count, look, ask.request.prompt)
        else:
            counted = self._count(look, ask.request.prompt)
        whole = counted[len(plan.layout.blocks)]
        return Tally(self._account, look, counted, whole=whole, request_id=ask.request_id)

    def _count(self, look: Look, prompt: Prompt) -> dict[int, int]:
        plan = look.plan
        lengths = {mark.position + 1 for mark in plan.breakpoints} | {len(plan.layout.blocks)}
        if look.hit is not None:
            lengths.add(look.hit + 1)
        family = self._find_family(plan.scope.model)
        return count_prefixes(prompt, plan.layout.blocks, lengths, counter=self._counter, family=family)


class KeptAnswer:
    """An answer of 200 whose usage is rewritten on its way."""

    def __init__(self, answer: Answer, tally: asyncio.Task[Tally]) -> None:
        """``tally`` may still be under way."""
        self.status = answer.status
        self._answer = answer
        self._tally = tally

    @property
    def headers(self) -> Mapping[str, str]:
        """The upstream's."""
        return self._answer.headers

    async def read(self) -> bytes:
        """The whole body; returns when the account is written."""
        body = await self._answer.read()
        carrier = find_message(body)
        if carrier is None:
            return body
        tally = await self._tally
        await tally.begin(carrier)
        tally.change(carrier)
        return carrier.render()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The events as they arrive; the first one with usage waits until the account is written."""
        if not self.headers.get("content-type", "").startswith(_EVENT_STREAM):
            yield await self.read()
            return
        cutter = EventCutter()
        tally: Tally | None = None
        async for chunk in self._answer.chunks():
            pieces = cutter.feed(chunk)
            for position, piece in enumerate(pieces):
                carrier = find_event(piece)
                if carrier is None:
                    continue
                if tally is None:
                    tally = await self._tally
                    await tally.begin(carrier)
                tally.change(carrier)
                pieces[position] = carrier.render()
            if pieces:
                yield b"".join(pieces)
        if cutter.rest:
            yield cutter.rest

    async def close(self) -> None:
        """Let go of the upstream; what was not written by now is not."""
        self._tally.cancel()
        await self._answer.close()
