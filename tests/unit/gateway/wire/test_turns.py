"""Turns: in order, one at a time, and what becomes of them when the client or the server goes."""

import asyncio
from dataclasses import replace
from ipaddress import ip_network

import pytest
from tests.unit.gateway.fakes import (
    ANSWER,
    HEADERS,
    Gateway,
    KeyRing,
    Script,
    stream_script,
)
from tests.unit.gateway.wire.lines import EVENTS, STREAM, Line, request, streaming

from jeton.gateway.wire.connection import (
    HEAD_TIMEOUT_S,
    KEEP_ALIVE_TIMEOUT_S,
    PIPELINED_MAX,
)
from jeton.identity.caller import Caller
from jeton.identity.restricting.proxies import Proxies


@pytest.mark.parametrize("split", [False, True], ids=["one piece", "two pieces"])
async def test_pipelined_requests_are_answered_in_order_one_at_a_time(split: bool) -> None:  # noqa: FBT001 - a parametrized test
    gate = asyncio.Event()
    line = Line(Gateway(Script(send_waits=gate, count=7)))
    data = request() + request(path="/v1/messages/count_tokens") + request(headers={})
    at = len(data) // 3 if split else len(data)
    line.feed(data[:at])
    line.feed(data[at:])
    await line.gateway.journal.until("send")
    assert not line.pipe.reads
    assert not line.written
    gate.set()
    answers = await line.hear(3)
    assert [answer.status for answer in answers] == [200, 200, 401]
    assert (answers[0].body, answers[1].json) == (ANSWER, {"input_tokens": 7})
    await line.settled()
    assert line.pipe.reads
    assert not line.pipe.is_closing()


async def test_too_many_pipelined_requests_end_the_connection_after_the_first_ones() -> None:
    line = Line()
    line.feed(request() * (PIPELINED_MAX + 5))
    answers = await line.hear(PIPELINED_MAX + 1)
    await line.settled()
    assert [answer.headers.get("connection") for answer in answers] == [None] * PIPELINED_MAX + ["close"]
    assert line.pipe.has_said_all


async def test_garbage_behind_a_request_ends_the_connection_after_its_answer() -> None:
    line = Line()
    line.feed(request() + b"\x00\x01")
    (answer,) = await line.hear()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert line.pipe.has_said_all


async def test_the_client_may_ask_for_a_close() -> None:
    line = Line()
    line.feed(request(headers={**HEADERS, "Connection": "close"}))
    (answer,) = await line.hear()
    assert answer.headers["connection"] == "close"
    await line.closed()
    assert not line.roster.connections
    assert not line.pipe.is_aborted


@pytest.mark.parametrize("keep_alive", [{}, {"Connection": "keep-alive"}], ids=["plain", "keep-alive"])
async def test_a_client_of_http_1_0_gets_no_chunks(keep_alive: dict[str, str]) -> None:
    line = Line(streaming())
    line.feed(request(STREAM, version="1.0", headers={**HEADERS, **keep_alive}))
    await line.closed()
    head, body = line.written.split(b"\r\n\r\n", 1)
    assert body == b"".join(EVENTS)
    assert b"connection: close" in head
    assert b"chunked" not in head


async def test_a_client_that_leaves_during_a_stream_is_noticed_while_the_upstream_thinks() -> None:
    line = Line(Gateway(stream_script(*EVENTS[:2], asyncio.Event())))
    line.feed(request(STREAM))
    await line.until(EVENTS[1])
    line.end_input()
    await line.gateway.journal.until("settle client_left_during_output")
    await line.closed()
    await line.settled()


async def test_a_reset_before_the_answer_of_a_stream_is_noticed() -> None:
    line = Line(Gateway(Script(send_waits=asyncio.Event())))
    line.feed(request(STREAM))
    await line.gateway.journal.until("send")
    line.pipe.abort()
    await line.gateway.journal.until("release client_left_before_output")
    await line.settled()
    assert not line.written


async def test_a_json_request_runs_to_its_end_without_its_client() -> None:
    gate = asyncio.Event()
    line = Line(Gateway(Script(send_waits=gate)))
    line.feed(request())
    await line.gateway.journal.until("send")
    line.pipe.abort()
    gate.set()
    await line.gateway.journal.until("settle completed")
    await line.settled()
    assert not line.written


async def test_a_client_that_closes_its_side_still_gets_a_whole_answer() -> None:
    line = Line()
    line.feed(request())
    line.end_input()
    (answer,) = await line.hear()
    assert (answer.body, answer.headers["connection"]) == (ANSWER, "close")
    await line.closed()


async def test_a_client_that_leaves_while_sending_gets_nothing() -> None:
    line = Line()
    line.feed(request()[:-1])
    await asyncio.sleep(0)
    line.end_input()
    await line.closed()
    await line.settled()
    assert not line.written
    assert line.gateway.journal == []


async def test_a_silent_client_may_leave() -> None:
    line = Line()
    line.end_input()
    await line.closed()
    assert not line.roster.connections
    assert not line.station.lines


async def test_a_slow_reader_holds_the_stream_back() -> None:
    line = Line(streaming())
    line.connection.pause_writing()
    line.feed(request(STREAM))
    await line.until(EVENTS[0])
    for _ in range(10):
        await asyncio.sleep(0)
    assert EVENTS[1] not in line.written
    line.connection.resume_writing()
    (answer,) = await line.hear()
    assert answer.body == b"".join(EVENTS)


async def test_a_reader_that_never_reads_gets_no_second_answer() -> None:
    line = Line()
    line.connection.pause_writing()
    line.feed(request() * 3)
    await line.hear()
    await line.settled()
    assert len(line.answers) == 1
    line.connection.resume_writing()
    assert len(await line.hear(3)) == 3


async def test_silence_is_closed_after_its_time_and_an_answer_under_way_is_not() -> None:
    line = Line(Gateway(Script(send_waits=asyncio.Event())))
    now = asyncio.get_running_loop().time()
    line.connection.expire(now + KEEP_ALIVE_TIMEOUT_S - 1)
    assert not line.pipe.is_closing()
    line.feed(request())
    await line.gateway.journal.until("send")
    line.connection.expire(now + 10**6)
    assert not line.pipe.is_closing()
    line = Line()
    line.feed(request())
    await line.hear()
    await line.settled()
    line.connection.expire(now + KEEP_ALIVE_TIMEOUT_S + 5)
    assert line.pipe.is_closing()


async def test_a_head_in_drops_has_one_time_for_all_of_them() -> None:
    line = Line()
    now = asyncio.get_running_loop().time()
    for byte in request()[:30]:
        line.feed(bytes([byte]))
    line.connection.expire(now + HEAD_TIMEOUT_S - 1)
    assert not line.pipe.is_closing()
    line.feed(b"x")
    line.connection.expire(now + HEAD_TIMEOUT_S + 1)
    assert line.pipe.is_closing()


async def test_an_answer_that_is_read_slowly_is_not_cut_and_one_that_is_not_read_is() -> None:
    line = Line()
    line.feed(request())
    await line.hear()
    await line.settled()
    now = asyncio.get_running_loop().time()
    for hour, unsent_bytes in enumerate((3000, 2000, 1000), start=1):
        line.pipe.unsent_bytes = unsent_bytes
        line.connection.expire(now + hour * 3600)
        assert not line.pipe.is_closing()
    line.connection.expire(now + 4 * 3600)
    assert line.pipe.is_aborted


async def test_the_server_stops_after_what_is_being_answered() -> None:
    gate = asyncio.Event()
    line = Line(Gateway(Script(send_waits=gate)))
    line.feed(request() + request())
    await line.gateway.journal.until("send")
    line.connection.shutdown()
    gate.set()
    (answer,) = await line.hear()
    assert (answer.body, answer.headers["connection"]) == (ANSWER, "close")
    await line.closed()
    assert len(line.gateway.upstream.asks) == 1


async def test_the_server_stops_at_once_where_nothing_is_being_answered() -> None:
    line = Line()
    line.feed(request()[:50])
    line.connection.shutdown()
    await line.closed()
    assert not line.roster.connections


async def test_a_cancelled_call_closes_its_connection() -> None:
    line = Line(Gateway(Script(send_waits=asyncio.Event())))
    line.feed(request())
    await line.gateway.journal.until("send")
    for task in line.roster.tasks:
        task.cancel()
    await line.closed()
    await line.settled()


@pytest.mark.parametrize(("proxies", "address"), [(("192.0.2.0/24",), "203.0.113.9"), ((), "192.0.2.7")])
async def test_a_turn_comes_from_whom_a_named_proxy_says(proxies: tuple[str, ...], address: str) -> None:
    seen = []

    class Ring(KeyRing):
        def note_model(self, caller: Caller, model: str, *, address: str) -> None:
            del caller, model
            seen.append(address)

    gateway = Gateway()
    gateway.deps = replace(
        gateway.deps, authenticator=Ring(), proxies=Proxies(tuple(map(ip_network, proxies)))
    )
    line = Line(gateway)
    line.connection.peer = "192.0.2.7"
    line.feed(request(headers={**HEADERS, "X-Forwarded-For": "198.51.100.1, 203.0.113.9"}))
    await line.hear()
    assert seen == [address]
