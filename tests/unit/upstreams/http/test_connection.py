"""One connection against a wire in memory: every split, every end, every surplus."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.upstreams.http.wires import HEAD, Line

from jeton.errors import UpstreamError
from jeton.upstreams.http.answer import UNREAD_BYTES_MAX, HttpAnswer
from jeton.upstreams.http.connection import OVERHEAD_BYTES_MAX, WRITTEN_AT_ONCE_BYTES

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n"
    b'2;name="a b"\r\nhe\r\n3\r\nllo\r\n0\r\nx-checksum: 1\r\n\r\n'
)
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Type: no\r\n\r\n" + PLAIN
EMPTY = b"HTTP/1.1 204 No Content\r\nContent-Type: text/plain\r\n\r\n"
UNENDING = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello"


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    line = Line()
    yield line
    line.connection.fail(None)
    line.wire.close()


async def receive(line: Line, pieces: Sequence[bytes]) -> bytes:
    """Feed an answer piece by piece; its body."""
    answer = line.ask()
    for piece in pieces:
        line.connection.data_received(piece)
    await answer.begin()
    assert answer.headers == {"type": "text/plain"}
    return await answer.read()


@pytest.mark.parametrize(
    ("wire", "body"),
    [(PLAIN, b"hello"), (CHUNKED, b"hello"), (INTERIM, b"hello"), (EMPTY, b"")],
    ids=["length", "chunked", "interim", "no content"],
)
async def test_an_answer_is_the_same_wherever_it_is_split(line: Line, wire: bytes, body: bytes) -> None:
    for cut in range(1, len(wire)):
        assert await receive(line, [wire[:cut], wire[cut:]]) == body
    assert await receive(line, [wire[i : i + 1] for i in range(len(wire))]) == body
    assert len(line.shelf.kept) == len(wire)
    assert not line.shelf.removed


@settings(deadline=None)
@given(chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=8), step=st.integers(1, 60))
def test_any_chunks_in_any_pieces_are_the_body(chunks: list[bytes], step: int) -> None:
    sent = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    wire = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n" + sent
    wire += b"0\r\n\r\n"

    async def run() -> tuple[bytes, bytes]:
        line = Line()
        whole = await receive(line, [wire[i : i + step] for i in range(0, len(wire), step)])
        answer = line.ask()
        line.connection.data_received(wire)
        parts = [part async for part in answer.chunks()]
        line.connection.fail(None)
        line.wire.close()
        return whole, b"".join(parts)

    assert asyncio.run(run()) == (b"".join(chunks), b"".join(chunks))


async def test_the_request_is_the_head_and_the_body(line: Line) -> None:
    line.ask(b'{"a": 1}')
    assert line.wire.written == HEAD + b'{"a": 1}'


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello",
    ],
    ids=["connection: close", "HTTP/1.0"],
)
async def test_a_server_that_will_close_is_not_asked_again(line: Line, wire: bytes) -> None:
    assert await receive(line, [wire]) == b"hello"
    assert not line.is_kept


async def test_http_1_0_may_keep_the_connection(line: Line) -> None:
    wire = PLAIN.replace(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n")
    assert await receive(line, [wire]) == b"hello"
    assert line.is_kept


@pytest.mark.parametrize(
    "surplus",
    [b"H", b"\0", b"garbage", b"\r\nHTTP/1.1 200 OK\r\n", PLAIN, CHUNKED],
    ids=["a letter", "a zero", "garbage", "a head", "an answer", "a chunked answer"],
)
async def test_what_follows_the_answer_is_never_another_answer(line: Line, surplus: bytes) -> None:
    assert await receive(line, [PLAIN + surplus]) == b"hello"
    assert not line.is_kept


async def test_what_comes_unasked_closes_the_connection(line: Line) -> None:
    assert await receive(line, [PLAIN]) == b"hello"
    line.connection.data_received(PLAIN)
    assert not line.wire.is_open
    assert line.shelf.removed


async def test_a_body_without_a_length_ends_with_the_connection(line: Line) -> None:
    answer = line.ask()
    line.connection.data_received(UNENDING)
    line.connection.eof_received()
    line.connection.connection_lost(None)
    await answer.begin()
    assert await answer.read() == b"hello"
    assert not line.is_kept


async def test_a_body_without_a_length_is_broken_when_the_connection_is(line: Line) -> None:
    answer = line.ask()
    line.connection.data_received(UNENDING)
    line.connection.connection_lost(ConnectionResetError())
    await answer.begin()
    with pytest.raises(UpstreamError, match=r"^The upstream u broke off its answer\.$") as caught:
        await answer.read()
    assert isinstance(caught.value.__cause__, ConnectionResetError)


@pytest.mark.parametrize("wire", [PLAIN, CHUNKED, INTERIM], ids=["length", "chunked", "interim"])
async def test_an_end_before_the_end_is_an_error(wire: bytes) -> None:
    for cut in range(len(wire)):
        line = Line()
        answer = line.ask()
        line.connection.data_received(wire[:cut])
        line.connection.eof_received()
        with pytest.raises(UpstreamError, match=r"(broke off its|closed the connection before it) answer"):
            await whole(answer)
        assert not line.is_kept
        line.wire.close()


async def whole(answer: HttpAnswer) -> bytes:
    await answer.begin()
    return await answer.read()


async def test_what_came_before_a_break_is_still_handed_out(line: Line) -> None:
    answer = line.ask()
    line.connection.data_received(PLAIN[:-2])
    line.connection.connection_lost(None)
    chunks = answer.chunks()
    assert await anext(chunks) == b"hel"
    with pytest.raises(UpstreamError, match=r"^The upstream u broke off its answer\.$"):
        await anext(chunks)


@pytest.mark.parametrize(
    "wire",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
    ],
    ids=["ssh", "status", "two lengths", "length and chunks", "chunk size", "upgrade"],
)
async def test_what_is_not_http_is_an_error(line: Line, wire: bytes) -> None:
    answer = line.ask()
    line.connection.data_received(wire)
    with pytest.raises(UpstreamError, match=r"^The upstream u sent what is not HTTP/1\.1\.$"):
        await whole(answer)
    assert not line.is_kept


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"x-more: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\nx-long: ", b"aaaaaaaa"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;", b"extension"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"x-trailer: 1\r\n"),
    ],
    ids=["headers", "one header", "interim answers", "chunk extension", "trailers"],
)
async def test_a_head_without_end_is_an_error(line: Line, start: bytes, more: bytes) -> None:
    answer = line.ask()
    line.connection.data_received(start)
    for _ in range(OVERHEAD_BYTES_MAX // len(more) - 10):
        line.connection.data_received(more)
    assert line.wire.is_open
    for _ in range(20):
        line.connection.data_received(more)
    with pytest.raises(UpstreamError, match=r"^The upstream u sent over 65536 bytes of head\.$"):
        await whole(answer)
    assert not line.is_kept


async def test_a_reader_that_is_slow_makes_the_server_wait(line: Line) -> None:
    size = 3 * UNREAD_BYTES_MAX
    answer = line.ask()
    line.connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
    line.connection.data_received(b"a" * UNREAD_BYTES_MAX)
    assert line.wire.reads
    line.connection.data_received(b"b")
    assert not line.wire.reads
    chunks = answer.chunks()
    assert await anext(chunks) == b"a" * UNREAD_BYTES_MAX + b"b"
    assert line.wire.reads
    line.connection.data_received(b"c" * (UNREAD_BYTES_MAX + 1))
    # What a transport still hands over while it is paused may be the end.
    line.connection.data_received(b"d" * (UNREAD_BYTES_MAX - 2))
    assert line.is_kept
    assert line.wire.reads
    assert len(await anext(chunks)) == size - UNREAD_BYTES_MAX - 1
    assert [chunk async for chunk in chunks] == []


async def test_a_whole_body_is_read_without_waiting(line: Line) -> None:
    size = 3 * UNREAD_BYTES_MAX
    answer = line.ask()
    line.connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
    line.connection.data_received(b"a" * (size - 1))
    assert not line.wire.reads
    reading = asyncio.create_task(answer.read())
    await asyncio.sleep(0)
    assert line.wire.reads
    line.connection.data_received(b"b")
    assert await reading == b"a" * (size - 1) + b"b"


async def test_a_whole_body_has_a_maximum(line: Line) -> None:
    answer = line.ask()
    reading = asyncio.create_task(answer.read())
    await asyncio.sleep(0)
    line.connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % 2**40)
    part = b"a" * 2**23
    for _ in range(9):
        line.connection.data_received(part)
    with pytest.raises(UpstreamError, match=r"^The upstream u answered with more than 67108864 bytes\.$"):
        await reading
    assert not line.is_kept


async def test_a_large_body_is_written_as_fast_as_it_is_taken(line: Line) -> None:
    body = bytes(range(256)) * (WRITTEN_AT_ONCE_BYTES // 256) * 3 + b"the end"
    line.connection.pause_writing()
    line.ask(body)
    assert line.wire.written == HEAD
    line.connection.resume_writing()
    assert line.wire.written == HEAD + body


async def test_an_answer_before_the_body_is_written_ends_the_connection(line: Line) -> None:
    line.connection.pause_writing()
    answer = line.ask(b"a" * (WRITTEN_AT_ONCE_BYTES + 1))
    line.connection.data_received(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
    await answer.begin()
    assert (answer.status, await answer.read()) == (413, b"no")
    assert not line.is_kept
    line.connection.resume_writing()
    assert line.wire.written == HEAD


async def test_what_the_transport_has_not_sent_ends_the_connection_too(line: Line) -> None:
    line.wire.unsent_bytes = 1
    assert await receive(line, [PLAIN]) == b"hello"
    assert not line.is_kept


async def test_only_an_open_and_silent_connection_is_usable(line: Line) -> None:
    assert line.connection.is_usable()
    line.wire.theirs.send(b"x")
    assert not line.connection.is_usable()
    line.wire.ours.recv(1)
    assert line.connection.is_usable()
    line.wire.theirs.close()
    assert not line.connection.is_usable()


async def test_closing_an_answer_that_is_whole_leaves_the_connection_alone(line: Line) -> None:
    first = line.ask()
    line.connection.data_received(PLAIN)
    second = line.ask()
    await first.close()
    line.connection.data_received(PLAIN)
    assert await second.read() == b"hello"
    assert len(line.shelf.kept) == 2


async def test_an_answer_that_is_closed_is_over_for_its_reader(line: Line) -> None:
    answer = line.ask()
    reading = asyncio.create_task(answer.read())
    await asyncio.sleep(0)
    await answer.close()
    with pytest.raises(UpstreamError, match=r"^The upstream u broke off its answer\.$"):
        await reading
    assert not line.is_kept


async def test_a_time_that_is_up_concerns_no_connection_that_is_idle() -> None:
    line = Line(total_s=0.01)
    assert await receive(line, [PLAIN]) == b"hello"
    await asyncio.sleep(0.03)
    assert await receive(line, [PLAIN]) == b"hello"
    line.connection.fail(None)
    line.wire.close()
