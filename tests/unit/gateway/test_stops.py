"""A key that leaked: its requests in flight end, nobody else's."""

import asyncio

from tests.unit.gateway.fakes import BODY, START, TEXT, Gateway, sse, stream_script
from tests.unit.gateway.wire.lines import EVENTS, STREAM, Line, request


async def test_a_key_that_is_stopped_is_cut_off_as_if_its_client_had_left() -> None:
    gateway = Gateway(stream_script(*sse(START, TEXT), asyncio.Event()))
    client = gateway.client()
    call = asyncio.create_task(gateway.call({**BODY, "stream": True}, client=client))
    await gateway.journal.until("bytes", 2)
    key_id = gateway.charging.asks[0].key_id
    assert (gateway.deps.stops.stop("apikey_other"), gateway.deps.stops.stop(key_id)) == (0, 1)
    await gateway.journal.until("settle client_left_during_output")
    client.leave()
    await call
    assert gateway.deps.stops.stop(key_id) == 0


async def test_a_client_that_would_stay_is_cut_off_from_its_connection() -> None:
    line = Line(Gateway(stream_script(*EVENTS[:2], asyncio.Event())))
    line.feed(request(STREAM))
    await line.until(EVENTS[1])
    assert line.gateway.deps.stops.stop(line.gateway.charging.asks[0].key_id) == 1
    await line.gateway.journal.until("settle client_left_during_output")
    await line.closed()
    assert line.pipe.is_aborted
