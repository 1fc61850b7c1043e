"""Tight: lower bounds of a prompt's cost, tried when credit is too short for the cheap one.

Cheapest first: the model's own tokenizer where it is here, then the upstream's count. Each is a
bound (P1); an estimate's upper limit is none, and never sizes a hold.
"""

import asyncio
from collections.abc import AsyncIterator

import msgspec

from jeton.errors import UpstreamError
from jeton.gateway.catalog import ModelRoute
from jeton.gateway.counting.counts import INLINE_BODY_BYTES_MAX, CountAsk
from jeton.tokens.bound import bound_counted
from jeton.tokens.counter.counting import Counter

# An upstream's count is an estimate (claude-api 2.1), so a hold by it takes a little more.
COUNT_MARGIN_DIVISOR = 20
COUNT_MARGIN_TOKENS = 64
COUNT_FIELDS = frozenset(
    {
        "cache_control",
        "messages",
        "model",
        "output_config",
        "speed",
        "system",
        "thinking",
        "tool_choice",
        "tools",
    }
)


async def tighter_bounds(
    ask: CountAsk, route: ModelRoute, *, family: str, counter: Counter
) -> AsyncIterator[int]:
    """Bounds of the prompt's tokens, the cheapest to find first; none when nothing can count now."""
    method = route.upstream.count_method
    # Where the upstream's count is what it bills and is made here, it is both the best and the cheapest.
    if method != "exact" and counter.can_count(family) == "exact":
        tokens = await _count_here(ask, family, counter)
        if tokens is not None:
            yield tokens
    if method is not None:
        try:
            tokens = await route.upstream.count_tokens(ask.headers, ask.prompt, _count_body(ask.body))
        except UpstreamError:
            return
        if method != "exact":
            tokens += tokens // COUNT_MARGIN_DIVISOR + COUNT_MARGIN_TOKENS
        yield tokens


async def _count_here(ask: CountAsk, family: str, counter: Counter) -> int | None:
    def bound() -> int | None:
        return bound_counted(
            ask.prompt,
            body_bytes=len(ask.body),
            family=family,
            count_text=lambda text: counter.count_text(text, family),
        )

    return bound() if len(ask.body) <= INLINE_BODY_BYTES_MAX else await asyncio.to_thread(bound)


def _count_body(body: bytes) -> bytes:
    """The body of a count: the Messages API refuses there what belongs to an answer only."""
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({name: raw for name, raw in fields.items() if name in COUNT_FIELDS})
