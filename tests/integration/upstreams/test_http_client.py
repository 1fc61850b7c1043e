"""The client against scripted servers on real sockets, on both event loops."""

import asyncio
import shutil
import ssl
import subprocess
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest
from tests.integration.upstreams.playing import (
    ANSWER,
    BODY,
    PATIENCE_S,
    STREAM_HEAD,
    Talk,
    answer_always,
    ask,
    playing,
)

from jeton.errors import UpstreamError
from jeton.upstreams.anthropic import AnthropicUpstream, Limits
from jeton.upstreams.errors import UpstreamTimeoutError, UpstreamUnreachableError

CHUNKED = (
    b"HTTP/1.1 100 Continue\r\n\r\n" + STREAM_HEAD + b"2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nx-trailer: 1\r\n\r\n"
)


async def read(upstream: AnthropicUpstream, body: bytes = BODY) -> bytes:
    return await (await upstream.send(ask(body))).read()


async def test_the_request_is_these_bytes() -> None:
    taken: list[bytes] = []

    async def script(talk: Talk) -> None:
        taken.append(await talk.take())
        await talk.say(ANSWER)

    async with (
        playing(script) as peer,
        AnthropicUpstream("u", f"{peer.url}/a b/", api_key="sk-operator") as upstream,
    ):
        headers = {"anthropic-version": "2023-06-01", "anthropic-beta": "one", "x-api-key": "sk-caller"}
        answer = await upstream.send(ask(headers=headers))
        assert await answer.read() == b"hello"
    assert taken == [
        b"POST /a%20b/v1/messages HTTP/1.1\r\n"
        b"host: 127.0.0.1:" + str(peer.port).encode() + b"\r\n"
        b"content-type: application/json\r\n"
        b"accept-encoding: identity\r\n"
        b"user-agent: jeton\r\n"
        b"x-api-key: sk-operator\r\n"
        b"content-length: 75\r\n"
        b"anthropic-version: 2023-06-01\r\n"
        b"anthropic-beta: one\r\n"
        b"\r\n" + BODY
    ]


@pytest.mark.parametrize("wire", [ANSWER, CHUNKED], ids=["length", "chunked"])
async def test_an_answer_may_come_byte_by_byte_on_one_connection(wire: bytes) -> None:
    async def script(talk: Talk) -> None:
        for _ in range(2):
            await talk.take()
            for position in range(len(wire)):
                await talk.say(wire[position : position + 1])
                await asyncio.sleep(0)
        await talk.be_left()

    async with playing(script) as peer, AnthropicUpstream("u", peer.url, api_key="k") as upstream:
        assert await read(upstream) == b"hello"
        answer = await upstream.send(ask())
        assert b"".join([chunk async for chunk in answer.chunks()]) == b"hello"
        assert len(peer.talks) == 1


async def test_a_body_may_end_with_the_connection() -> None:
    async def script(talk: Talk) -> None:
        await talk.take()
        await talk.say(b"HTTP/1.1 200 OK\r\n\r\nhello")

    async with playing(script) as peer, AnthropicUpstream("u", peer.url, api_key="k") as upstream:
        assert await read(upstream) == b"hello"
        assert await read(upstream) == b"hello"
        await peer.finish(2)


async def test_what_follows_an_answer_is_never_the_answer_to_another_request() -> None:
    async def poison(talk: Talk) -> None:
        await talk.take()
        await talk.say(ANSWER + ANSWER.replace(b"hello", b"WRONG"))
        await talk.be_left()

    async with (
        playing(poison, answer_always) as peer,
        AnthropicUpstream("u", peer.url, api_key="k") as upstream,
    ):
        assert await read(upstream) == b"hello"
        assert await read(upstream) == b"hello"
        assert len(peer.talks) == 2


async def test_a_connection_that_was_closed_while_idle_is_not_used() -> None:
    closed = asyncio.Event()

    async def close_after_one(talk: Talk) -> None:
        await talk.take()
        await talk.say(ANSWER)
        await talk.leave()
        closed.set()

    async with playing(close_after_one) as peer, AnthropicUpstream("u", peer.url, api_key="k") as upstream:
        for _ in range(20):
            closed.clear()
            assert await read(upstream) == b"hello"
            await closed.wait()
        await peer.finish(20)


async def test_a_request_that_may_have_been_read_is_never_sent_again() -> None:
    async def take_and_leave(talk: Talk) -> None:
        await talk.take()
        await talk.say(ANSWER)
        await talk.take()

    async with playing(take_and_leave) as peer, AnthropicUpstream("u", peer.url, api_key="k") as upstream:
        assert await read(upstream) == b"hello"
        with pytest.raises(
            UpstreamError, match=r"^The upstream u closed the connection before it answered\.$"
        ) as caught:
            await read(upstream)
        assert caught.value.code == "upstream_failed"
        await peer.finish(1)


async def test_a_large_body_arrives_whole_at_a_server_that_is_slow() -> None:
    body = bytes(range(256)) * 32_768
    digests: list[str] = []

    async def script(talk: Talk) -> None:
        await talk.take_head()
        digest = sha256()
        left = len(body)
        while left:
            part = await talk.reader.read(10_000)
            await asyncio.sleep(0)
            left -= len(part)
            digest.update(part)
        digests.append(digest.hexdigest())
        await talk.say(ANSWER)
        await talk.take()
        await talk.say(ANSWER)

    async with playing(script) as peer, AnthropicUpstream("u", peer.url, api_key="k") as upstream:
        assert await read(upstream, body) == b"hello"
        assert digests == [sha256(body).hexdigest()]
        assert await read(upstream) == b"hello"
        await peer.finish(1)


async def test_an_answer_may_come_before_the_body_is_written() -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nmuch"

    async def refuse(talk: Talk) -> None:
        await talk.take_head()
        await talk.say(refusal)
        await talk.be_left()

    async with (
        playing(refuse, answer_always) as peer,
        AnthropicUpstream("u", peer.url, api_key="k") as upstream,
    ):
        answer = await upstream.send(ask(b" " * 33_554_432))
        assert (answer.status, await answer.read()) == (413, b"much")
        assert await read(upstream) == b"hello"
        assert len(peer.talks) == 2
        await asyncio.wait_for(peer.talks[0], PATIENCE_S)


async def test_a_server_waits_for_a_reader_that_is_slow() -> None:
    stalled = asyncio.Event()
    said = 0

    async def script(talk: Talk) -> None:
        nonlocal said
        await talk.take()
        await talk.say(STREAM_HEAD)
        while not stalled.is_set():
            talk.writer.write(b"10000\r\n" + b"a" * 65_536 + b"\r\n")
            said += 65_536
            try:
                await asyncio.wait_for(talk.writer.drain(), 0.5)
            except TimeoutError:
                stalled.set()
        await talk.say(b"0\r\n\r\n")

    async with playing(script) as peer, AnthropicUpstream("u", peer.url, api_key="k") as upstream:
        answer = await upstream.send(ask())
        chunks = answer.chunks()
        size = len(await anext(chunks))
        await asyncio.wait_for(stalled.wait(), 10 * PATIENCE_S)
        async for chunk in chunks:
            size += len(chunk)
        assert size == said
        await peer.finish(1)


async def test_an_answer_that_is_let_go_of_is_cancelled_and_its_connection_is_not_used_again() -> None:
    async def go_on(talk: Talk) -> None:
        await talk.take()
        await talk.say(STREAM_HEAD + b"1\r\na\r\n")
        await talk.be_left()

    async with (
        playing(go_on, answer_always) as peer,
        AnthropicUpstream("u", peer.url, api_key="k") as upstream,
    ):
        answer = await upstream.send(ask())
        assert await anext(answer.chunks()) == b"a"
        await answer.close()
        await asyncio.wait_for(peer.talks[0], PATIENCE_S)
        assert await read(upstream) == b"hello"


async def test_a_reader_of_a_whole_body_that_is_cancelled_cancels_the_upstream() -> None:
    async def go_on(talk: Talk) -> None:
        await talk.take()
        await talk.say(STREAM_HEAD + b"1\r\na\r\n")
        await talk.be_left()

    async with playing(go_on) as peer, AnthropicUpstream("u", peer.url, api_key="k") as upstream:
        reading = asyncio.create_task((await upstream.send(ask())).read())
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await peer.finish(1)


async def test_a_trickle_is_late_in_the_end() -> None:
    async def trickle(talk: Talk) -> None:
        await talk.take()
        await talk.say(STREAM_HEAD)
        with suppress(ConnectionError):
            while True:
                await talk.say(b"1\r\na\r\n")
                await asyncio.sleep(0.01)

    limits = Limits(total_s=0.1)
    late = r"^The upstream u did not finish its answer in time\.$"
    async with (
        playing(trickle) as peer,
        AnthropicUpstream("u", peer.url, api_key="k", limits=limits) as upstream,
    ):
        answer = await upstream.send(ask())
        with pytest.raises(UpstreamTimeoutError, match=late):
            await answer.read()


async def test_the_next_request_on_a_connection_has_a_time_of_its_own() -> None:
    async def answer_then_silence(talk: Talk) -> None:
        await talk.take()
        await talk.say(ANSWER)
        await talk.take()
        await talk.be_left()

    limits = Limits(total_s=0.2)
    loop = asyncio.get_running_loop()
    async with (
        playing(answer_then_silence) as peer,
        AnthropicUpstream("u", peer.url, api_key="k", limits=limits) as upstream,
    ):
        assert await read(upstream) == b"hello"
        await asyncio.sleep(0.1)
        asked_at = loop.time()
        with pytest.raises(UpstreamTimeoutError, match=r"^The upstream u did not answer within 0\.2 s\.$"):
            await read(upstream)
        assert loop.time() - asked_at >= 0.19
        await peer.finish(1)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, and its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("The openssl command, which makes the test's certificate, is not installed.")
    folder = tmp_path_factory.mktemp("tls")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "certificate.pem").read_text())
    return both


def serve_with(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_tls_with_a_certificate_that_is_trusted(certificate: Path) -> None:
    trusted = ssl.create_default_context(cafile=certificate)
    body = b"a" * 3_000_000
    async with playing(answer_always, tls=serve_with(certificate)) as peer:
        url = f"https://127.0.0.1:{peer.port}"
        async with AnthropicUpstream("u", url, api_key="k", tls=trusted) as upstream:
            for _ in range(3):
                assert await read(upstream) == b"hello"
            assert await read(upstream, body) == b"hello"
            assert len(peer.talks) == 1


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_a_certificate_that_is_not_trusted_stops_before_the_key_is_sent(certificate: Path) -> None:
    async with playing(answer_always, tls=serve_with(certificate)) as peer:
        url = f"https://127.0.0.1:{peer.port}"
        async with AnthropicUpstream("u", url, api_key="k") as upstream:
            with pytest.raises(
                UpstreamUnreachableError,
                match=r"^The upstream u cannot be reached: no secure connection to it can be made\.$",
            ):
                await read(upstream)
        assert not peer.talks
