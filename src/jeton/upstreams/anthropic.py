"""Anthropic: any server that speaks the Messages API, over HTTP.

The caller's bytes go out untouched under the operator's key, and the server's bytes come back
untouched. A status other than 200 is an answer like any other; only what prevents or breaks off
an answer is an UpstreamError.
"""

import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Self

import msgspec
from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    TCPConnector,
)
from multidict import CIMultiDict
from yarl import URL

from jeton.errors import UpstreamError
from jeton.tokens.prompt import Prompt
from jeton.upstreams.interface import Ask

# aiohttp writes bytes at once and warns of it when they are many; a file it writes bit by bit.
WRITTEN_AT_ONCE_BYTES_MAX = 262_144
# Idle connections are kept this long, so that most requests find one open.
KEEP_ALIVE_S = 15
# What of the caller's headers travels on, whatever the gateway hands over: never a key.
FORWARDED = ("anthropic-version", "anthropic-beta", "anthropic-user-profile-id")
RELAYED = frozenset(
    {"content-encoding", "content-type", "request-id", "retry-after", "retry-after-ms", "x-should-retry"}
)
RELAYED_PREFIXES = ("anthropic-ratelimit-", "anthropic-priority-", "anthropic-fast-")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an upstream may take, and how many requests may be under way there at once.

    ``connect_s`` is for a turn (when that many are under way) and a connection together,
    ``total_s`` for everything up to the last byte.
    """

    connect_s: float = 5
    total_s: float = 600
    requests_max: int = 1024


class _Counted(msgspec.Struct):
    input_tokens: int


class AnthropicAnswer:
    """An answer whose head has come and whose body is read as it comes."""

    def __init__(self, name: str, response: ClientResponse) -> None:
        self.status = response.status
        self.headers = _relayed(response)
        self._name = name
        self._response = response
        self._is_closed = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises UpstreamError when it breaks off."""
        response = self._response
        try:
            async for chunk in response.content.iter_any():
                yield chunk
        except (ClientError, TimeoutError) as error:
            # What fails because we closed is no failure of the upstream.
            if not self._is_closed:
                raise UpstreamError(_broke_off(self._name, error)) from error
        finally:
            response.close()

    async def read(self) -> bytes:
        """The whole body; raises UpstreamError when it breaks off."""
        try:
            return await self._response.read()
        except (ClientError, TimeoutError) as error:
            raise UpstreamError(_broke_off(self._name, error)) from error

    async def close(self) -> None:
        """Let go of the connection; an answer that has not ended is cancelled at the upstream."""
        self._is_closed = True
        self._response.close()


class AnthropicUpstream:
    """One server with the operator's key for it."""

    def __init__(self, name: str, base_url: str, *, api_key: str, limits: Limits | None = None) -> None:
        self.name = name
        self._limits = limits or Limits()
        url = f"{base_url.rstrip('/')}/v1/messages"
        self._messages_url = URL(url)
        self._count_url = URL(f"{url}/count_tokens")
        self._headers = CIMultiDict(
            {
                "content-type": "application/json",
                # Usage is read from the bytes as they pass, so they must not be compressed.
                "accept-encoding": "identity",
                "user-agent": "jeton",
                "x-api-key": api_key,
            }
        )
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Itself: its connections are opened when they are needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self.close()

    async def send(self, ask: Ask) -> AnthropicAnswer:
        """Send the body; raises UpstreamError if no answer begins.

        Cancelling the task that waits here cancels the request at the upstream.
        """
        return AnthropicAnswer(self.name, await self._post(self._messages_url, ask.headers, ask.body))

    async def count_tokens(self, headers: Mapping[str, str], prompt: Prompt, body: bytes) -> int:
        """What the server counts; raises UpstreamError when it does not."""
        del prompt
        response = await self._post(self._count_url, headers, body)
        answer = await AnthropicAnswer(self.name, response).read()
        try:
            return msgspec.json.decode(answer, type=_Counted).input_tokens
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            sentence = f"The upstream {self.name} did not count the tokens: it answered {response.status}."
            raise UpstreamError(sentence) from error

    async def close(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _post(self, url: URL, headers: Mapping[str, str], body: bytes) -> ClientResponse:
        session = self._session
        if session is None:
            session = self._session = _open_session(self._limits)
        sent = self._headers.copy()
        for name in FORWARDED:
            if name in headers:
                sent[name] = headers[name]
        data = body if len(body) <= WRITTEN_AT_ONCE_BYTES_MAX else io.BytesIO(body)
        try:
            return await session.request("POST", url, data=data, headers=sent, allow_redirects=False)
        except (ClientError, TimeoutError) as error:
            raise UpstreamError(_no_answer(self.name, error, self._limits)) from error


def _open_session(limits: Limits) -> ClientSession:
    """A session that adds nothing of its own and reads nothing from the environment."""
    return ClientSession(
        connector=TCPConnector(limit=limits.requests_max, keepalive_timeout=KEEP_ALIVE_S),
        timeout=ClientTimeout(total=limits.total_s, connect=limits.connect_s),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        skip_auto_headers=("accept",),
    )


def _relayed(response: ClientResponse) -> Mapping[str, str]:
    lowered = ((name.lower(), value) for name, value in response.headers.items())
    return {name: value for name, value in lowered if name in RELAYED or name.startswith(RELAYED_PREFIXES)}


def _no_answer(name: str, error: Exception, limits: Limits) -> str:
    match error:
        case ConnectionTimeoutError():
            return f"The upstream {name} did not take the request within {limits.connect_s:g} s."
        case TimeoutError():
            return f"The upstream {name} did not answer within {limits.total_s:g} s."
        case ClientConnectorError():
            return f"The upstream {name} cannot be reached."
        case _:
            return f"The upstream {name} closed the connection before it answered."


def _broke_off(name: str, error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"The upstream {name} did not finish its answer in time."
    return f"The upstream {name} broke off its answer."
