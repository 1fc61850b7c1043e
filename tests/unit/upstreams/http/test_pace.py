"""Many streams at once: a few are read in each turn of the event loop, in rotation, and none is forgotten."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.unit.upstreams.http.wires import Line

from jeton.upstreams.http.answer import UNREAD_BYTES_MAX
from jeton.upstreams.http.pace import STREAMS_A_TURN, Pace

BEGIN = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = b"5\r\nhello\r\n"
END = b"0\r\n\r\n"
STREAMS = 3 * STREAMS_A_TURN


@pytest.fixture
async def lines() -> AsyncIterator[list[Line]]:
    pace = Pace(asyncio.get_running_loop())
    lines = [Line(pace=pace) for _ in range(STREAMS)]
    for line in lines:
        line.ask()
        line.connection.data_received(BEGIN)
    await turns(STREAMS)
    assert count(lines) == STREAMS
    yield lines
    for line in lines:
        line.connection.fail(None)
        line.wire.close()


def count(lines: list[Line]) -> int:
    """How many are read."""
    return sum(line.wire.reads for line in lines)


async def turns(number: int) -> None:
    """Let the event loop turn so many times."""
    for _ in range(number):
        await asyncio.sleep(0)


async def test_so_many_are_read_in_a_turn_and_the_rest_go_on_in_the_order_in_which_they_came(
    lines: list[Line],
) -> None:
    for line in lines:
        line.connection.data_received(EVENT)
    seen = []
    for _ in range(3):
        seen.append([line.wire.reads for line in lines])
        await turns(1)
    for number, reads in enumerate(seen, start=1):
        assert reads == [place < number * STREAMS_A_TURN for place in range(STREAMS)]


async def test_a_stream_that_is_nearly_alone_never_waits(lines: list[Line]) -> None:
    for _ in range(20):
        for line in lines[:STREAMS_A_TURN]:
            line.connection.data_received(EVENT)
        assert count(lines) == STREAMS
        await turns(1)


async def test_a_reader_that_is_slow_is_waited_for_whether_or_not_its_turn_has_come(
    lines: list[Line],
) -> None:
    for line in lines[1:]:
        line.connection.data_received(EVENT)
    lines[0].connection.data_received(b"%x\r\n%b\r\n" % (UNREAD_BYTES_MAX + 1, b"a" * (UNREAD_BYTES_MAX + 1)))
    await turns(STREAMS)
    assert [line.wire.reads for line in lines] == [False] + [True] * (STREAMS - 1)
    # Read on by its reader, it waits for its turn.
    for line in lines[1:]:
        line.connection.data_received(EVENT)
    lines[0].connection.data_received(EVENT)
    lines[0].connection.resume()
    assert not lines[0].wire.reads
    await turns(STREAMS)
    assert count(lines) == STREAMS


async def test_an_answer_that_ends_while_it_waits_gives_back_a_connection_that_reads(
    lines: list[Line],
) -> None:
    for line in lines:
        line.connection.data_received(EVENT)
    last = lines[-1]
    assert not last.wire.reads
    # What a transport still hands over while it is paused may be the end.
    last.connection.data_received(END)
    assert last.is_kept
    assert last.wire.reads
    await turns(STREAMS)
    assert count(lines) == STREAMS


async def test_a_connection_that_is_closed_while_it_waits_is_left_alone(lines: list[Line]) -> None:
    for line in lines:
        line.connection.data_received(EVENT)
    lines[-1].connection.fail(None)
    await turns(STREAMS)
    assert [line.wire.reads for line in lines] == [True] * (STREAMS - 1) + [False]


async def test_a_whole_body_is_read_at_once() -> None:
    pace = Pace(asyncio.get_running_loop())
    lines = [Line(pace=pace) for _ in range(STREAMS)]
    readers = [asyncio.ensure_future(line.ask().read()) for line in lines]
    await turns(1)
    for line in lines:
        line.connection.data_received(BEGIN + EVENT)
        line.connection.data_received(EVENT)
    assert count(lines) == STREAMS
    for line in lines:
        line.connection.data_received(END)
        line.wire.close()
    assert await asyncio.gather(*readers) == [b"hellohello"] * STREAMS
