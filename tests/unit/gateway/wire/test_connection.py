"""Our own wire: bytes in, bytes out."""

import asyncio

import pytest
from tests.unit.gateway.fakes import (
    ANSWER,
    BODY,
    HEADERS,
    Gateway,
    Script,
)
from tests.unit.gateway.wire.lines import EVENTS, STREAM, Line, request, streaming

from jeton.gateway.wire import connection, turn
from jeton.gateway.wire.connection import (
    HEAD_TIMEOUT_S,
    KEEP_ALIVE_TIMEOUT_S,
    LINGER_S,
    UNREAD_BYTES_MAX,
)

LIMIT = 33_554_432


async def test_an_answer_is_one_write_with_a_date_and_without_a_close() -> None:
    line = Line()
    line.feed(request())
    (answer,) = await line.hear()
    assert (answer.status, answer.body) == (200, ANSWER)
    assert answer.headers["jeton-cost"] == "0.029"
    assert answer.headers["date"].endswith(" GMT")
    assert "connection" not in answer.headers
    assert len(line.pipe.writes) == 1
    await line.settled()
    assert not line.pipe.is_closing()


async def test_the_upstream_gets_the_body_as_it_came() -> None:
    line = Line()
    body = b'{"model": "claude-sonnet-5-5","max_tokens":1,"messages":[{"role":"user","content":"a"}],"x":1.0}'
    line.feed(request(body))
    await line.hear()
    assert line.gateway.upstream.asks[0].body == body


async def test_a_count_is_answered_and_a_query_ignored() -> None:
    line = Line(Gateway(Script(count=2095)))
    line.feed(request(path="/v1/messages/count_tokens?beta=true"))
    (answer,) = await line.hear()
    assert answer.json == {"input_tokens": 2095}


async def test_a_stream_is_chunked_and_begins_with_its_head() -> None:
    line = Line(streaming())
    line.feed(request(STREAM))
    (answer,) = await line.hear()
    assert answer.body == b"".join(EVENTS)
    assert answer.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in answer.headers
    assert line.pipe.writes[0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert EVENTS[0] in line.pipe.writes[0]


@pytest.mark.parametrize("chunks", [False, True], ids=["length", "chunks"])
async def test_a_request_may_be_split_anywhere(chunks: bool) -> None:  # noqa: FBT001 - a parametrized test
    line = Line()
    whole = request(chunks=chunks)
    for number, at in enumerate(range(1, len(whole)), start=1):
        line.feed(whole[:at])
        await asyncio.sleep(0)
        line.feed(whole[at:])
        answers = await line.hear(number)
        await line.settled()
        assert (answers[-1].status, answers[-1].body) == (200, ANSWER)
    assert len(line.gateway.charging.charges) == len(whole) - 1


async def test_a_request_may_come_byte_by_byte() -> None:
    line = Line()
    for byte in request(chunks=True):
        line.feed(bytes([byte]))
        await asyncio.sleep(0)
    (answer,) = await line.hear()
    assert answer.body == ANSWER


async def test_trailers_are_no_headers() -> None:
    line = Line()
    head, body = request(chunks=True, headers={"anthropic-version": "2023-06-01"}).split(b"\r\n\r\n", 1)
    line.feed(head + b"\r\n\r\n" + body.removesuffix(b"\r\n") + b"x-api-key: sk-jtn-good\r\n\r\n")
    (answer,) = await line.hear()
    assert answer.status == 401


async def test_an_error_keeps_the_connection() -> None:
    line = Line()
    line.feed(request(headers={}))
    (answer,) = await line.hear()
    await line.settled()
    assert (answer.status, answer.json["error"]["type"]) == (401, "authentication_error")
    line.feed(request())
    assert (await line.hear(2))[1].status == 200


async def test_a_body_that_nobody_wants_is_dropped_and_the_connection_kept() -> None:
    line = Line()
    whole = request(headers={})
    line.feed(whole[:-10])
    await line.hear()
    line.feed(whole[-10:] + request()[:20])
    line.feed(request()[20:])
    assert [answer.status for answer in await line.hear(2)] == [401, 200]


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01", id="TLS"),
        pytest.param(b"POST /v1/messages HTTP/1.1\nhost: a\n\n", id="no carriage return"),
        pytest.param(b"POST /v1/messages HTTP/1.1\r\nx y: 1\r\n\r\n", id="a space in a name"),
        pytest.param(b"POST /v1/messages HTTP/1.1\r\nx: 1\r\n 2\r\n\r\n", id="a folded line"),
        pytest.param(b"POST /v1/messages HTTP/1.1\r\ncontent-length: -1\r\n\r\n", id="negative"),
        pytest.param(
            b"POST /v1/messages HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", id="two lengths"
        ),
        pytest.param(
            b"POST /v1/messages HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n",
            id="length and chunks",
        ),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
    ],
)
async def test_what_is_not_http_is_refused_and_the_connection_closed(garbage: bytes) -> None:
    line = Line()
    line.feed(garbage)
    (answer,) = await line.hear()
    assert answer.status == 400
    assert answer.headers["connection"] == "close"
    assert line.pipe.has_said_all
    line.feed(b"more")
    line.end_input()
    await line.closed()
    assert not line.roster.connections
    assert not line.foreign


async def test_a_broken_chunk_is_answered_in_the_envelope() -> None:
    line = Line()
    line.feed(request(chunks=True).removesuffix(b"0\r\n\r\n"))
    await asyncio.sleep(0)
    line.feed(b"zz\r\n")
    (answer,) = await line.hear()
    assert (answer.status, answer.json["error"]["type"]) == (400, "invalid_request_error")
    assert answer.headers["connection"] == "close"
    assert line.pipe.has_said_all
    assert "hold" not in line.gateway.journal


async def test_an_endless_head_is_refused() -> None:
    line = Line()
    line.feed(b"POST /v1/messages HTTP/1.1\r\nx: ")
    for _ in range(17):
        line.feed(b"y" * 4096)
    (answer,) = await line.hear()
    assert answer.status == 431


async def test_a_large_head_in_one_piece_is_refused_and_a_large_body_not() -> None:
    line = Line()
    line.feed(request(headers={**HEADERS, "x": "y" * 65_536}))
    assert [answer.status for answer in await line.hear()] == [431]
    line = Line()
    line.feed(request({**BODY, "metadata": {"x": "y" * 65_536}}))
    assert [answer.status for answer in await line.hear()] == [200]


async def test_an_announced_body_over_the_limit_is_refused_before_it_comes() -> None:
    line = Line()
    line.feed(request(b"x" * 100, headers={**HEADERS, "content-length": str(LIMIT + 1)}))
    (answer,) = await line.hear()
    assert (answer.status, answer.json["error"]["type"]) == (413, "request_too_large")
    assert answer.headers["connection"] == "close"
    # The client may go on sending for a while, so that it comes to read this.
    assert line.pipe.has_said_all
    assert line.pipe.reads
    assert not line.pipe.is_closing()
    line.feed(b"x" * 100)
    line.connection.expire(asyncio.get_running_loop().time() + LINGER_S + 1)
    await line.closed()


async def test_a_chunked_body_over_the_limit_is_refused_when_it_passes_it() -> None:
    line = Line()
    head = request(b"", chunks=True).removesuffix(b"0\r\n\r\n")
    line.feed(head)
    for _ in range(33):
        line.feed(b"100000\r\n" + b"x" * (1 << 20) + b"\r\n")
        await asyncio.sleep(0)
    (answer,) = await line.hear()
    assert answer.status == 413
    assert line.pipe.has_said_all


async def test_an_endless_body_behind_its_answer_ends_the_connection() -> None:
    line = Line()
    line.feed(request(b"", chunks=True, headers={}).removesuffix(b"0\r\n\r\n"))
    await line.hear()
    assert not line.pipe.has_said_all
    for _ in range(33):
        line.feed(b"100000\r\n" + b"x" * (1 << 20) + b"\r\n")
    assert line.pipe.has_said_all


async def test_an_unread_body_is_not_piled_up() -> None:
    """Whoever has no key yet may make us keep a quarter of a megabyte, not 32."""
    line = Line()
    head = request(b"", headers={**HEADERS, "content-length": "1000000"})
    line.feed(head + b"x" * (UNREAD_BYTES_MAX + 1))
    assert not line.pipe.reads
    for _ in range(5):
        await asyncio.sleep(0)
    assert line.pipe.reads


async def test_a_body_that_does_not_arrive_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "BODY_TIMEOUT_S", 0)
    line = Line()
    line.feed(request()[:-1])
    (answer,) = await line.hear()
    assert (answer.status, answer.headers["connection"]) == (408, "close")


async def test_a_client_that_waits_for_continue_is_told_to() -> None:
    line = Line()
    head, body = request(headers={**HEADERS, "Expect": "100-continue"}).split(b"\r\n\r\n", 1)
    line.feed(head + b"\r\n\r\n")
    await line.until(b"Continue")
    assert line.pipe.writes == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    line.feed(body)
    (answer,) = await line.hear()
    assert answer.body == ANSWER
    assert "connection" not in answer.headers


async def test_a_client_that_waits_for_continue_may_be_refused_at_once() -> None:
    line = Line()
    line.feed(request(b"", headers={"expect": "100-continue", "content-length": "9"}))
    (answer,) = await line.hear()
    # Whether the body will still come nobody can know.
    assert (answer.status, answer.headers["connection"]) == (401, "close")
    assert not line.written.startswith(b"HTTP/1.1 100")


def test_the_limits_are_those_of_the_docs() -> None:
    assert (connection.HEAD_BYTES_MAX, HEAD_TIMEOUT_S, KEEP_ALIVE_TIMEOUT_S) == (65_536, 30, 75)
