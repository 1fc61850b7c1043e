"""Who leaves a stream before its usage was reported still pays for the prompt and the output so far."""

import asyncio
from typing import Any

from tests.unit.gateway.fakes import BODY, MODEL, TEXT, Gateway, sse, stream_script

from jeton.charging.words import Rule
from jeton.tokens.counter.counting import load_counter
from jeton.tokens.estimate import load_estimator

# As upstreams begin that report usage with their last event.
UNCOUNTED = ("message_start", {"message": {"usage": {"input_tokens": 0, "output_tokens": 0}}})
PROMPT = {"role": "user", "content": "A jeton is a counter with which accounts were reckoned. " * 20}


async def leave(gateway: Gateway, **fields: Any) -> None:  # noqa: ANN401 - JSON of any shape
    client = gateway.client()
    body = {**BODY, "messages": [PROMPT], "stream": True, **fields}
    call = asyncio.create_task(gateway.call(body, client=client))
    await gateway.journal.until("bytes", 2)
    client.leave()
    await call


async def test_the_prompt_is_counted_here() -> None:
    """Twenty sentences of ten words are 200 to 400 tokens by any tokenizer."""
    gateway = Gateway(
        stream_script(*sse(UNCOUNTED, TEXT), asyncio.Event()),
        counter=load_counter(find_estimator=load_estimator),
    )
    await leave(gateway)
    metered = gateway.charging.metered[0]
    assert (metered.rule, metered.source) == (Rule.CLIENT_LEFT_DURING_OUTPUT, "estimated")
    assert metered.usage is not None
    assert 180 <= metered.usage.input_tokens <= 400
    assert metered.usage.output_tokens == 2


async def test_a_ceiling_is_no_count() -> None:
    """Without any count of its own the gateway charges nothing, and shows it."""
    gateway = Gateway(stream_script(*sse(UNCOUNTED, TEXT), asyncio.Event()))
    await leave(gateway)
    metered = gateway.charging.metered[0]
    assert (metered.rule, metered.usage) == (Rule.USAGE_MISSING, None)


async def test_what_was_reported_is_not_counted_again() -> None:
    start = ("message_start", {"message": {"usage": {"input_tokens": 77, "output_tokens": 1}}})
    gateway = Gateway(
        stream_script(*sse(start, TEXT), asyncio.Event()), counter=load_counter(find_estimator=load_estimator)
    )
    await leave(gateway, model=MODEL)
    metered = gateway.charging.metered[0]
    assert metered.usage is not None
    assert metered.usage.input_tokens == 77
