"""Turns and connections: who gets one, in which order, and what becomes of them."""

import asyncio
import socket

import pytest
from tests.integration.upstreams.playing import (
    ANSWER,
    PATIENCE_S,
    STREAM_HEAD,
    Peer,
    Talk,
    answer_always,
    ask,
    playing,
)

from jeton.errors import UpstreamError
from jeton.upstreams.anthropic import AnthropicUpstream, Limits
from jeton.upstreams.errors import UpstreamUnreachableError
from jeton.upstreams.http.address import Address
from jeton.upstreams.http.pool import Pool


async def read(upstream: AnthropicUpstream) -> bytes:
    return await (await upstream.send(ask())).read()


def open_upstream(peer: Peer, *, requests_max: int, waiting_max: int = 4096) -> AnthropicUpstream:
    limits = Limits(requests_max=requests_max, waiting_max=waiting_max)
    return AnthropicUpstream("u", peer.url, api_key="k", limits=limits)


async def tick() -> None:
    """Let every task that can run come to its next wait."""
    for _ in range(5):
        await asyncio.sleep(0)


class Gate:
    """A script that answers each request when it is let through."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self.let_through = asyncio.Semaphore(0)
        self.waiting = self.most = 0

    async def __call__(self, talk: Talk) -> None:
        """Play it on one connection."""
        while True:
            try:
                request = await talk.take()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            self.arrived.put_nowait(request)
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            await self.let_through.acquire()
            self.waiting -= 1
            await talk.say(ANSWER)


async def test_turns_come_first_come_first_served_on_one_connection() -> None:
    gate = Gate()
    async with playing(gate) as peer, open_upstream(peer, requests_max=1) as upstream:
        done: list[int] = []

        async def call(number: int) -> None:
            await read(upstream)
            done.append(number)

        calls = []
        for number in range(5):
            calls.append(asyncio.create_task(call(number)))
            await tick()
        for _ in calls:
            gate.let_through.release()
        await asyncio.wait_for(asyncio.gather(*calls), PATIENCE_S)
        assert done == [0, 1, 2, 3, 4]
        assert len(peer.talks) == 1


async def test_who_leaves_the_queue_loses_nobodys_turn() -> None:
    gate = Gate()
    async with playing(gate) as peer, open_upstream(peer, requests_max=1) as upstream:
        first = await start(upstream, gate)
        second, third = asyncio.create_task(read(upstream)), asyncio.create_task(read(upstream))
        await tick()
        second.cancel()
        gate.let_through.release()
        gate.let_through.release()
        assert await asyncio.wait_for(third, PATIENCE_S) == b"hello"
        assert await first == b"hello"
        with pytest.raises(asyncio.CancelledError):
            await second
        assert len(peer.talks) == 1


async def start(upstream: AnthropicUpstream, gate: Gate) -> asyncio.Task[bytes]:
    """A request that has arrived."""
    task = asyncio.create_task(read(upstream))
    await gate.arrived.get()
    return task


@pytest.mark.parametrize("is_closed", [False, True], ids=["a connection", "the right to open one"])
async def test_a_turn_that_was_given_to_someone_who_leaves_is_passed_on(*, is_closed: bool) -> None:
    async with playing(answer_always) as peer:
        pool = Pool("u", Address.parse("u", peer.url), limits=Limits(requests_max=1), tls=None)
        connection = await pool.take()
        second, third = asyncio.create_task(pool.take()), asyncio.create_task(pool.take())
        await tick()
        if is_closed:
            connection.fail(None)
        else:
            pool.put(connection)
        # The turn is given, and the second has not run since.
        second.cancel()
        taken = await asyncio.wait_for(third, PATIENCE_S)
        assert (taken is connection) is not is_closed
        assert second.cancelled()
        pool.close()


async def test_a_turn_goes_past_someone_who_is_just_leaving() -> None:
    async with playing(answer_always) as peer:
        pool = Pool("u", Address.parse("u", peer.url), limits=Limits(requests_max=1), tls=None)
        connection = await pool.take()
        second, third = asyncio.create_task(pool.take()), asyncio.create_task(pool.take())
        await tick()
        second.cancel()
        pool.put(connection)
        assert await asyncio.wait_for(third, PATIENCE_S) is connection
        with pytest.raises(asyncio.CancelledError):
            await second
        pool.close()


async def test_a_connection_that_breaks_on_its_way_to_the_next_is_replaced() -> None:
    async with playing(answer_always) as peer:
        pool = Pool("u", Address.parse("u", peer.url), limits=Limits(requests_max=1), tls=None)
        connection = await pool.take()
        second, third = asyncio.create_task(pool.take()), asyncio.create_task(pool.take())
        await tick()
        pool.put(connection)
        connection.fail(None)
        # Its place went to the third, so the second has to wait for one again.
        other = await asyncio.wait_for(third, PATIENCE_S)
        assert not second.done()
        pool.put(other)
        assert await asyncio.wait_for(second, PATIENCE_S) is other
        pool.close()


async def test_a_connection_that_the_server_closes_on_its_way_to_the_next_is_replaced() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address.parse("u", f"http://127.0.0.1:{listener.getsockname()[1]}")
        pool = Pool("u", address, limits=Limits(requests_max=1), tls=None)
        connection = await pool.take()
        theirs, _ = listener.accept()
        second = asyncio.create_task(pool.take())
        await tick()
        pool.put(connection)
        # The kernel knows of it at once, the event loop does not yet.
        theirs.close()
        other = await asyncio.wait_for(second, PATIENCE_S)
        assert other is not connection
        assert other.is_usable()
        pool.close()


async def test_closing_while_a_connection_is_being_opened_closes_that_too() -> None:
    async with playing(answer_always) as peer:
        pool = Pool("u", Address.parse("u", peer.url), limits=Limits(), tls=None)
        opening = asyncio.create_task(pool.take())
        await asyncio.sleep(0)
        pool.close()
        with pytest.raises(UpstreamUnreachableError, match=r"^The upstream u is closed"):
            await opening


async def test_no_more_connections_than_the_maximum_are_ever_open() -> None:
    gate = Gate()
    async with playing(gate) as peer, open_upstream(peer, requests_max=3) as upstream:
        calls = [asyncio.create_task(read(upstream)) for _ in range(20)]
        for _ in range(3):
            await gate.arrived.get()
        assert gate.arrived.empty()
        for number in range(0, 20, 2):
            calls[number].cancel()
        for _ in range(30):
            gate.let_through.release()
        answers = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), PATIENCE_S)
        assert answers[1::2] == [b"hello"] * 10
        assert gate.most <= 3


async def test_a_queue_that_is_full_refuses_at_once() -> None:
    gate = Gate()
    async with playing(gate) as peer, open_upstream(peer, requests_max=1, waiting_max=1) as upstream:
        first = await start(upstream, gate)
        second = asyncio.create_task(read(upstream))
        await tick()
        with pytest.raises(
            UpstreamUnreachableError, match=r"^The upstream u has 1 requests under way and 1 waiting\.$"
        ):
            await read(upstream)
        gate.let_through.release()
        gate.let_through.release()
        assert [await first, await second] == [b"hello", b"hello"]


async def test_a_place_is_free_again_when_nobody_can_be_reached() -> None:
    async with playing(answer_always) as peer:
        url = peer.url
    limits = Limits(requests_max=1)
    async with AnthropicUpstream("u", url, api_key="k", limits=limits) as upstream:
        for _ in range(3):
            with pytest.raises(UpstreamUnreachableError, match=r"^The upstream u cannot be reached\.$"):
                await read(upstream)


async def test_an_idle_connection_is_closed_by_us() -> None:
    async def answer_then_wait(talk: Talk) -> None:
        await talk.take()
        await talk.say(ANSWER)
        await talk.be_left()

    limits = Limits(keep_alive_s=0.05)
    async with (
        playing(answer_then_wait) as peer,
        AnthropicUpstream("u", peer.url, api_key="k", limits=limits) as upstream,
    ):
        first, second = await asyncio.gather(read(upstream), read(upstream))
        assert (first, second) == (b"hello", b"hello")
        await peer.finish(2)
        assert await read(upstream) == b"hello"
        await peer.finish(3)


async def test_who_accepts_and_stays_silent_is_given_up() -> None:
    async def say_nothing(talk: Talk) -> None:
        await talk.be_left()

    limits = Limits(connect_s=0.05)
    async with playing(say_nothing) as peer:
        url = f"https://127.0.0.1:{peer.port}"
        async with AnthropicUpstream("u", url, api_key="k", limits=limits) as upstream:
            with pytest.raises(
                UpstreamUnreachableError, match=r"^The upstream u did not take the request within 0\.05 s\.$"
            ):
                await read(upstream)
        await peer.finish(1)


async def test_closing_ends_what_is_under_way_and_who_waits() -> None:
    async def go_on(talk: Talk) -> None:
        await talk.take()
        await talk.say(STREAM_HEAD + b"1\r\na\r\n")
        await talk.be_left()

    limits = Limits(requests_max=1)
    async with playing(go_on) as peer:
        upstream = AnthropicUpstream("u", peer.url, api_key="k", limits=limits)
        answer = await upstream.send(ask())
        reading = asyncio.create_task(answer.read())
        waiting = asyncio.create_task(read(upstream))
        await tick()
        await upstream.close()
        with pytest.raises(UpstreamError, match=r"^The upstream u was closed before it had answered\.$"):
            await reading
        closed = r"^The upstream u is closed: this server is stopping\.$"
        with pytest.raises(UpstreamUnreachableError, match=closed):
            await waiting
        with pytest.raises(UpstreamUnreachableError, match=closed):
            await read(upstream)
        await peer.finish(1)
