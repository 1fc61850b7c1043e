"""What is not ours goes to the protocol that serves the rest, with every byte."""

import asyncio

import pytest
from tests.unit.gateway.fakes import (
    Gateway,
    Script,
)
from tests.unit.gateway.wire.lines import Line, request


@pytest.mark.parametrize(
    "foreign",
    [
        pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", id="a page"),
        pytest.param(b"GET /v1/messages HTTP/1.1\r\nhost: a\r\n\r\n", id="a wrong method"),
        pytest.param(b"POST /v1/messagesx HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}", id="a longer path"),
        pytest.param(b"POST /%76%31/messages HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}", id="an escaped path"),
        pytest.param(
            b"POST /v1/messages HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\n"
            b"content-length: 2\r\n\r\n{}",
            id="an upgrade",
        ),
        pytest.param(b"POST /x HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}\x00garbage", id="garbage behind it"),
    ],
)
async def test_everything_else_is_handed_over_with_every_byte_wherever_it_is_split(foreign: bytes) -> None:
    for at in range(len(foreign)):
        line = Line()
        line.feed(foreign[:at])
        line.feed(foreign[at:])
        assert [other.received for other in line.foreign] == [foreign]
        assert line.foreign[0].transport is line.pipe
        assert line.pipe.protocol is line.foreign[0]
        assert line.pipe.reads
        assert not line.roster.connections
        assert not line.station.lines


async def test_a_page_after_an_answer_is_handed_over() -> None:
    line = Line()
    line.feed(request())
    await line.hear()
    await line.settled()
    page = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
    line.feed(page)
    assert line.foreign[0].received == page


async def test_a_page_behind_a_request_waits_for_its_answer() -> None:
    gate = asyncio.Event()
    line = Line(Gateway(Script(send_waits=gate)))
    page = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
    line.feed(request())
    line.feed(page)
    line.feed(page)
    await line.gateway.journal.until("send")
    assert not line.foreign
    gate.set()
    (answer,) = await line.hear()
    await line.settled()
    assert "connection" not in answer.headers
    assert line.foreign[0].received == page * 2


async def test_a_page_in_one_piece_with_a_request_has_to_be_asked_for_again() -> None:
    line = Line()
    line.feed(request() + b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    (answer,) = await line.hear()
    await line.settled()
    assert answer.headers["connection"] == "close"
    assert not line.foreign
    assert line.pipe.has_said_all
