"""Anthropic: any server that speaks the Messages API, over HTTP.

The caller's bytes go out untouched under the operator's key, and the server's bytes come back
untouched. A status other than 200 is an answer like any other; only what prevents or breaks off
an answer is an UpstreamError.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectError, ConnectTimeoutError, PoolTimeoutError, PyreqwestError
from pyreqwest.exceptions import RequestTimeoutError as TotalTimeoutError
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

from jeton.errors import UpstreamError
from jeton.tokens.prompt import Prompt
from jeton.upstreams.interface import Ask

# What of the caller's headers travels on, whatever the gateway hands over: never a key.
FORWARDED = ("anthropic-version", "anthropic-beta", "anthropic-user-profile-id")
RELAYED = frozenset(
    {"content-encoding", "content-type", "request-id", "retry-after", "retry-after-ms", "x-should-retry"}
)
RELAYED_PREFIXES = ("anthropic-ratelimit-", "anthropic-priority-", "anthropic-fast-")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an upstream may take and how many requests may be under way there at once."""

    connect_s: float = 5
    total_s: float = 600
    requests_max: int = 1024
    wait_for_turn_s: float = 5


class _Counted(msgspec.Struct):
    input_tokens: int


class AnthropicAnswer:
    """An answer from the wire: already read whole, or a stream that ends when it is closed.

    Close it from the task that reads it: pyreqwest lets a close wait for a read under way.
    """

    def __init__(self, name: str, response: Response, request: StreamRequest | None) -> None:
        self.status = response.status
        self.headers = _relayed(response)
        self._name = name
        self._response = response
        self._request = request
        self._is_closed = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises UpstreamError when it breaks off."""
        if self._request is None:
            yield await self.read()
            return
        read_chunk = self._response.body_reader.read_chunk
        try:
            while not self._is_closed:
                chunk = await read_chunk()
                if chunk is None:
                    break
                yield chunk.to_bytes()
        except PyreqwestError as error:
            raise UpstreamError(_broke_off(self._name, error)) from error
        finally:
            await self.close()

    async def read(self) -> bytes:
        """The whole body; raises UpstreamError when it breaks off."""
        try:
            if self._request is None:
                return (await self._response.bytes()).to_bytes()
            return (await self._response.body_reader.bytes()).to_bytes()
        except PyreqwestError as error:
            raise UpstreamError(_broke_off(self._name, error)) from error
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of the connection; a stream that has not ended is cancelled at the upstream."""
        request, self._request = self._request, None
        self._is_closed = True
        if request is not None:
            await request.__aexit__(None, None, None)


class AnthropicUpstream:
    """One server with the operator's key for it."""

    def __init__(self, name: str, base_url: str, *, api_key: str, limits: Limits | None = None) -> None:
        self.name = name
        self._limits = limits or Limits()
        self._messages_url = f"{base_url.rstrip('/')}/v1/messages"
        self._client = _build_client(api_key, self._limits)

    async def __aenter__(self) -> Self:
        """Itself: its connections are opened when they are needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self.close()

    async def send(self, ask: Ask) -> AnthropicAnswer:
        """Send the body; raises UpstreamError if no answer begins (or, without stream, none is finished).

        Cancelling the task that waits here cancels the request at the upstream.
        """
        request = self._client.post(self._messages_url).headers(_forwarded(ask.headers)).body_bytes(ask.body)
        try:
            if not ask.request.stream:
                return AnthropicAnswer(self.name, await request.build().send(), None)
            # With a read buffer pyreqwest would hold the first events back until it is full.
            stream = request.streamed_read_buffer_limit(0).build_streamed()
            return AnthropicAnswer(self.name, await stream.__aenter__(), stream)
        except PyreqwestError as error:
            raise UpstreamError(_no_answer(self.name, error, self._limits)) from error

    async def count_tokens(self, headers: Mapping[str, str], prompt: Prompt, body: bytes) -> int:
        """What the server counts; raises UpstreamError when it does not."""
        del prompt
        url = f"{self._messages_url}/count_tokens"
        try:
            request = self._client.post(url).headers(_forwarded(headers)).body_bytes(body).build()
            response = await request.send()
            answer = (await response.bytes()).to_bytes()
        except PyreqwestError as error:
            raise UpstreamError(_no_answer(self.name, error, self._limits)) from error
        try:
            return msgspec.json.decode(answer, type=_Counted).input_tokens
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            sentence = f"The upstream {self.name} did not count the tokens: it answered {response.status}."
            raise UpstreamError(sentence) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()


def _build_client(api_key: str, limits: Limits) -> Client:
    headers = {
        "content-type": "application/json",
        # Usage is read from the bytes as they pass, so they must not be compressed.
        "accept-encoding": "identity",
        "user-agent": "jeton",
        "x-api-key": api_key,
    }
    return (
        ClientBuilder()
        .default_headers(headers)
        .connect_timeout(timedelta(seconds=limits.connect_s))
        .timeout(timedelta(seconds=limits.total_s))
        .max_connections(limits.requests_max)
        .pool_timeout(timedelta(seconds=limits.wait_for_turn_s))
        .follow_redirects(enable=False)
        .referer(enable=False)
        .gzip(enable=False)
        .brotli(enable=False)
        .zstd(enable=False)
        .deflate(enable=False)
        # Settings is the only reader of the environment: no proxy from there behind its back.
        .no_proxy()
        .build()
    )


def _forwarded(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in FORWARDED if name in headers}


def _relayed(response: Response) -> Mapping[str, str]:
    return {
        name: value
        for name, value in response.headers.items()
        if name in RELAYED or name.startswith(RELAYED_PREFIXES)
    }


def _no_answer(name: str, error: PyreqwestError, limits: Limits) -> str:
    match error:
        case PoolTimeoutError():
            return f"The upstream {name} already has {limits.requests_max} requests under way."
        case ConnectTimeoutError():
            return f"The upstream {name} did not accept a connection within {limits.connect_s:g} s."
        case TotalTimeoutError():
            return f"The upstream {name} did not answer within {limits.total_s:g} s."
        case ConnectError():
            return f"The upstream {name} cannot be reached."
        case _:
            return f"The upstream {name} closed the connection before it answered."


def _broke_off(name: str, error: PyreqwestError) -> str:
    if isinstance(error, TotalTimeoutError):
        return f"The upstream {name} did not finish its answer in time."
    return f"The upstream {name} broke off its answer."
