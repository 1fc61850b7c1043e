"""The client against a real peer: a server in this process, on a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import pytest
import uvicorn
from anthropic import AsyncAnthropic
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from jeton.errors import UpstreamError
from jeton.upstreams.anthropic import AnthropicUpstream, Limits
from jeton.upstreams.embedded import EmbeddedUpstream
from jeton.upstreams.errors import UpstreamDialectError
from jeton.upstreams.interface import Ask, MessagesRequest

if TYPE_CHECKING:
    from anthropic.types import MessageParam

MESSAGES_PATH = "/prefix/v1/messages"
FIRST_EVENT = b'event: ping\ndata: {"type": "ping"}\n\n'
FOR_EVER_S = 3600


@dataclass
class Peer:
    """What the server saw, and how it behaves."""

    base_url: str = ""
    behaviour: str = "answer"
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    engine: EmbeddedUpstream = field(default_factory=lambda: EmbeddedUpstream(lambda _model: None))

    async def messages(self, request: Request) -> Response:
        """Answer by behaviour; ``answer`` is the embedded upstream's own."""
        body = await request.body()
        self.arrived.set()
        self.headers.append(dict(request.headers))
        self.bodies.append(body)
        match self.behaviour:
            case "silent":
                # The body is read, so the next message is the client's leaving.
                await request.receive()
                self.left.set()
            case "limited":
                headers = {
                    "retry-after": "7",
                    "request-id": "req_theirs",
                    "anthropic-ratelimit-requests-limit": "50",
                    "set-cookie": "a=b",
                }
                return Response(b'{"type":"error"}', 429, headers, "application/json")
            case "endless":
                return StreamingResponse(self._endless(), media_type="text/event-stream")
            case "breaking":
                return StreamingResponse(self._breaking(), media_type="text/event-stream")
            case "apology":
                return Response(b"<html>Back soon</html>", media_type="text/html")
            case "moved":
                return Response(b"", 307, {"location": "/elsewhere"})
        ask = Ask("req_1", msgspec.json.decode(body, type=MessagesRequest), body, {})
        answer = await self.engine.send(ask)
        return StreamingResponse(answer.chunks(), answer.status, answer.headers)

    async def count(self, request: Request) -> Response:
        """Count 42 tokens, or refuse."""
        self.headers.append(dict(request.headers))
        if self.behaviour != "answer":
            return Response(b'{"type":"error"}', 400)
        return Response(b'{"input_tokens":42}', media_type="application/json")

    async def _endless(self) -> AsyncIterator[bytes]:
        try:
            yield FIRST_EVENT
            await asyncio.sleep(FOR_EVER_S)
        finally:
            self.left.set()

    async def _breaking(self) -> AsyncIterator[bytes]:
        yield FIRST_EVENT
        raise ConnectionResetError


class AnnouncedServer(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.listens.set()


@asynccontextmanager
async def serving(peer: Peer) -> AsyncIterator[None]:
    routes = [
        Route(MESSAGES_PATH, peer.messages, methods=["POST"]),
        Route(f"{MESSAGES_PATH}/count_tokens", peer.count, methods=["POST"]),
    ]
    config = uvicorn.Config(Starlette(routes=routes), port=0, log_config=None, timeout_graceful_shutdown=1)
    server = AnnouncedServer(config)
    serve = asyncio.create_task(server.serve())
    await server.listens.wait()
    peer.base_url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/prefix"
    try:
        yield
    finally:
        server.should_exit = True
        await serve


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    async with serving(peer):
        yield peer


@pytest.fixture
async def upstream(peer: Peer) -> AsyncIterator[AnthropicUpstream]:
    async with AnthropicUpstream("real", f"{peer.base_url}/", api_key="sk-operator") as upstream:
        yield upstream


HEADERS = {
    "anthropic-version": "2026-10-21",
    "anthropic-beta": "one,two",
    "x-api-key": "sk-caller",
    "authorization": "Bearer sk-caller",
    "cookie": "session=1",
}


def ask(*, stream: bool = False) -> Ask:
    # Spaces, an unknown field and a float: whatever a second encoder would write differently.
    body = (
        b'{ "model":"jeton-extract-1","max_tokens":50, "unknown": [1.0],'
        b'  "messages":[{"role":"user","content":"Tea is hot. Is tea hot?"}],"stream":'
    ) + (b"true}" if stream else b"false}")
    return Ask("req_1", msgspec.json.decode(body, type=MessagesRequest), body, HEADERS)


async def test_the_body_goes_out_untouched_under_the_operators_key(
    peer: Peer, upstream: AnthropicUpstream
) -> None:
    request = ask()
    answer = await upstream.send(request)
    assert answer.status == 200
    assert b"Tea is hot." in await answer.read()
    assert peer.bodies == [request.body]
    (sent,) = peer.headers
    assert sent["x-api-key"] == "sk-operator"
    assert sent["anthropic-version"] == "2026-10-21"
    assert sent["anthropic-beta"] == "one,two"
    assert sent["accept-encoding"] == "identity"
    assert sent["content-type"] == "application/json"
    assert "authorization" not in sent
    assert "cookie" not in sent


async def test_a_large_body_goes_out_untouched_too(peer: Peer, upstream: AnthropicUpstream) -> None:
    small = ask()
    body = small.body.replace(b"Tea is hot.", b"Tea is hot. " + b" " * 1_700_000)
    request = Ask("req_1", msgspec.json.decode(body, type=MessagesRequest), body, HEADERS)
    assert (await upstream.send(request)).status == 200
    assert peer.bodies == [body]
    assert peer.headers[0]["content-length"] == str(len(body))


async def test_a_stream_comes_back_byte_for_byte(peer: Peer, upstream: AnthropicUpstream) -> None:
    answer = await upstream.send(ask(stream=True))
    body = b"".join([chunk async for chunk in answer.chunks()])
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    direct = b"".join([chunk async for chunk in (await peer.engine.send(ask(stream=True))).chunks()])
    assert len(body) == len(direct)
    assert body.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')


async def test_a_whole_answer_may_be_taken_in_chunks_and_a_stream_whole(upstream: AnthropicUpstream) -> None:
    whole = await upstream.send(ask())
    assert b"Tea is hot." in b"".join([chunk async for chunk in whole.chunks()])
    stream = await upstream.send(ask(stream=True))
    assert (await stream.read()).startswith(b"event: message_start")


async def test_the_first_event_does_not_wait_for_the_next(peer: Peer, upstream: AnthropicUpstream) -> None:
    peer.behaviour = "endless"
    answer = await asyncio.wait_for(upstream.send(ask(stream=True)), 5)
    assert await asyncio.wait_for(anext(answer.chunks()), 5) == FIRST_EVENT
    await answer.close()


async def test_closing_a_stream_early_cancels_it_at_the_upstream(
    peer: Peer, upstream: AnthropicUpstream
) -> None:
    peer.behaviour = "endless"
    answer = await upstream.send(ask(stream=True))
    chunks = answer.chunks()
    assert await anext(chunks) == FIRST_EVENT
    await answer.close()
    await answer.close()
    await asyncio.wait_for(peer.left.wait(), 5)
    assert [chunk async for chunk in chunks] == []


async def test_closing_from_another_task_ends_the_one_that_reads(
    peer: Peer, upstream: AnthropicUpstream
) -> None:
    peer.behaviour = "endless"
    answer = await upstream.send(ask(stream=True))
    chunks = answer.chunks()
    assert await anext(chunks) == FIRST_EVENT
    waiting = asyncio.ensure_future(anext(chunks, b"the end"))
    await asyncio.sleep(0)
    await answer.close()
    assert await asyncio.wait_for(waiting, 5) == b"the end"
    await asyncio.wait_for(peer.left.wait(), 5)


async def test_a_reader_that_is_cancelled_cancels_the_upstream(
    peer: Peer, upstream: AnthropicUpstream
) -> None:
    peer.behaviour = "endless"
    answer = await upstream.send(ask(stream=True))
    began = asyncio.Event()

    async def read() -> None:
        async for _ in answer.chunks():
            began.set()

    reader = asyncio.create_task(read())
    await began.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await answer.close()
    await asyncio.wait_for(peer.left.wait(), 5)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_sender_that_is_cancelled_cancels_the_upstream(
    peer: Peer, upstream: AnthropicUpstream, *, stream: bool
) -> None:
    peer.behaviour = "silent"
    sending = asyncio.create_task(upstream.send(ask(stream=stream)))
    await peer.arrived.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await asyncio.wait_for(peer.left.wait(), 5)


@pytest.mark.parametrize("stream", [False, True])
async def test_another_status_is_an_answer_with_the_headers_that_concern_the_caller(
    peer: Peer, upstream: AnthropicUpstream, *, stream: bool
) -> None:
    peer.behaviour = "limited"
    answer = await upstream.send(ask(stream=stream))
    assert answer.status == 429
    assert answer.headers == {
        "content-type": "application/json",
        "retry-after": "7",
        "request-id": "req_theirs",
        "anthropic-ratelimit-requests-limit": "50",
    }
    assert await answer.read() == b'{"type":"error"}'


async def test_a_redirect_is_not_followed_with_the_operators_key(
    peer: Peer, upstream: AnthropicUpstream
) -> None:
    peer.behaviour = "moved"
    assert (await upstream.send(ask())).status == 307
    assert len(peer.bodies) == 1


async def test_a_page_of_html_is_no_answer(peer: Peer, upstream: AnthropicUpstream) -> None:
    peer.behaviour = "apology"
    with pytest.raises(UpstreamDialectError, match="a page of HTML"):
        await upstream.send(ask())


async def test_an_answer_that_breaks_off_is_an_upstream_error(
    peer: Peer, upstream: AnthropicUpstream
) -> None:
    peer.behaviour = "breaking"
    answer = await upstream.send(ask(stream=True))
    chunks = answer.chunks()
    assert await anext(chunks) == FIRST_EVENT
    with pytest.raises(UpstreamError, match=r"^The upstream real broke off its answer\.$"):
        await anext(chunks)
    with pytest.raises(UpstreamError, match=r"^The upstream real broke off its answer\.$"):
        await (await upstream.send(ask(stream=True))).read()


async def test_nobody_at_the_address_is_an_upstream_error() -> None:
    with socket.socket() as deaf:
        # Bound, so that nobody else takes the port, and not listening.
        deaf.bind(("127.0.0.1", 0))
        upstream = AnthropicUpstream("gone", f"http://127.0.0.1:{deaf.getsockname()[1]}", api_key="k")
        with pytest.raises(UpstreamError, match=r"^The upstream gone cannot be reached\.$"):
            await upstream.send(ask())
        with pytest.raises(UpstreamError, match=r"^The upstream gone cannot be reached\.$"):
            await upstream.count_tokens({}, ask().request.prompt, b"{}")


async def test_an_upstream_that_stays_silent_is_an_upstream_error(peer: Peer) -> None:
    peer.behaviour = "silent"
    limits = Limits(total_s=0.05)
    async with AnthropicUpstream("slow", peer.base_url, api_key="k", limits=limits) as upstream:
        with pytest.raises(UpstreamError, match=r"^The upstream slow did not answer within 0\.05 s\.$"):
            await upstream.send(ask())


async def test_a_stream_that_takes_too_long_is_an_upstream_error(peer: Peer) -> None:
    peer.behaviour = "endless"
    limits = Limits(total_s=0.2)
    async with AnthropicUpstream("slow", peer.base_url, api_key="k", limits=limits) as upstream:
        answer = await upstream.send(ask(stream=True))
        with pytest.raises(UpstreamError, match=r"^The upstream slow did not finish its answer in time\.$"):
            await answer.read()


async def test_more_requests_than_the_limit_are_refused_after_a_wait(peer: Peer) -> None:
    peer.behaviour = "endless"
    limits = Limits(requests_max=1, connect_s=0.05)
    async with AnthropicUpstream("busy", peer.base_url, api_key="k", limits=limits) as upstream:
        first = await upstream.send(ask(stream=True))
        with pytest.raises(
            UpstreamError, match=r"^The upstream busy did not take the request within 0\.05 s\.$"
        ):
            await upstream.send(ask())
        await first.close()
        peer.behaviour = "answer"
        assert (await upstream.send(ask())).status == 200


async def test_the_upstream_counts(peer: Peer, upstream: AnthropicUpstream) -> None:
    assert await upstream.count_tokens(HEADERS, ask().request.prompt, ask().body) == 42
    assert peer.headers[0]["anthropic-version"] == "2026-10-21"
    peer.behaviour = "limited"
    with pytest.raises(
        UpstreamError, match=r"^The upstream real did not count the tokens: it answered 400\.$"
    ):
        await upstream.count_tokens(HEADERS, ask().request.prompt, ask().body)


async def test_the_official_client_reads_the_embedded_upstream_strictly(peer: Peer) -> None:
    client = AsyncAnthropic(
        base_url=peer.base_url, api_key="k", max_retries=0, _strict_response_validation=True
    )
    turns: list[MessageParam] = [{"role": "user", "content": "Tea is hot. Is tea hot?"}]
    async with client:
        message = await client.messages.create(model="jeton-extract-1", max_tokens=50, messages=turns)
        async with client.messages.stream(model="jeton-extract-1", max_tokens=50, messages=turns) as stream:
            texts = [text async for text in stream.text_stream]
            streamed = await stream.get_final_message()
    assert message.usage == streamed.usage
    assert (message.stop_reason, streamed.stop_reason) == ("end_turn", "end_turn")
    assert len(texts) >= 2
    text = "The text says: “Tea is hot.”"
    assert "".join(texts) == text
    assert [block.text for block in message.content if block.type == "text"] == [text]
