"""Counts: a prompt's tokens from the surest source that answers.

The upstream's own count comes first, for it is what will be billed; then the model's tokenizer in
this process; then the estimate. A ceiling is no count, and nobody is told one.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import structlog

from jeton.errors import UpstreamError
from jeton.gateway.catalog import ModelRoute
from jeton.gateway.errors import InvalidRequestError
from jeton.tokens.count import Count
from jeton.tokens.counter.counting import Counter
from jeton.tokens.prompt import Prompt

# Above this a prompt is counted in a thread, so that other requests are not kept waiting.
INLINE_BODY_BYTES_MAX = 16_384

# What ``jeton-count`` may say.
Source = Literal["upstream", "exact", "reconstructed", "estimated"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CountAsk:
    """A prompt to be counted: parsed, as it came, and the headers that travel on to the upstream."""

    prompt: Prompt
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """The tokens, and where they come from."""

    input_tokens: int
    source: Source


async def count_tokens(ask: CountAsk, route: ModelRoute, *, family: str, counter: Counter) -> Answer:
    """Count by the upstream, else here; raises UpstreamError when nothing but a ceiling is known here."""
    upstream = route.upstream
    problem = UpstreamError(f"The upstream {upstream.name} has no count of its own.")
    if upstream.count_method is not None:
        try:
            tokens = await upstream.count_tokens(ask.headers, ask.prompt, ask.body)
            return Answer(tokens, upstream.count_method)
        except UpstreamError as error:
            problem = error
    _log.info("upstream_did_not_count", upstream=upstream.name, problem=str(problem))
    count = await count_here(ask, family, counter)
    if count.method == "bounded":
        raise problem
    return Answer(count.value, count.method)


async def count_here(ask: CountAsk, family: str, counter: Counter) -> Count:
    """The count of this process alone; raises InvalidRequestError for a prompt that is nested too deeply."""
    try:
        if len(ask.body) > INLINE_BODY_BYTES_MAX:
            return await asyncio.to_thread(counter.count_prompt, ask.prompt, family)
        return counter.count_prompt(ask.prompt, family)
    except RecursionError:
        raise InvalidRequestError("The request body is nested too deeply.") from None
