"""Anthropic: any server that speaks the Messages API, over HTTP.

The caller's bytes go out untouched under the operator's key, and the server's bytes come back
untouched. A status other than 200 is an answer like any other; only what prevents or breaks off
an answer is an UpstreamError, and a page of HTML in place of one.
"""

import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import Self

import msgspec

from jeton.errors import ConfigurationError, UpstreamError
from jeton.tokens.prompt import Prompt
from jeton.upstreams.errors import UpstreamDialectError
from jeton.upstreams.http.address import Address
from jeton.upstreams.http.answer import Fields, HttpAnswer
from jeton.upstreams.http.pool import Limits, Pool
from jeton.upstreams.interface import Ask, CountMethod

__all__ = ("AnthropicUpstream", "Limits")

# What of the caller's headers travels on, whatever the gateway hands over: never a key.
FORWARDED = ("anthropic-version", "anthropic-beta", "anthropic-user-profile-id")
RELAYED = frozenset(
    {"content-encoding", "content-type", "request-id", "retry-after", "retry-after-ms", "x-should-retry"}
)
OK = 200
HTML = "text/html"
RELAYED_PREFIXES = ("anthropic-ratelimit-", "anthropic-priority-", "anthropic-fast-")
# Servers say the same few names again and again.
NAMES_KEPT_MAX = 256
_FORWARDED = tuple((name, f"\r\n{name}: ".encode()) for name in FORWARDED)


class _Counted(msgspec.Struct):
    input_tokens: int


class AnthropicUpstream:
    """One server with the operator's key for it."""

    count_method: CountMethod | None = "upstream"

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        api_key: str,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Connects to nobody yet; raises ConfigurationError for an address or a key that cannot be one.

        ``tls`` replaces the system's certificates, for servers with an authority of their own.
        """
        address = Address.parse(name, base_url)
        if not (api_key.isascii() and api_key.isprintable()):
            raise ConfigurationError([f"The key of the upstream {name} has characters that no key has."])
        self.name = name
        self._limits = limits or Limits()
        self._messages_head = _render_head(address, "/v1/messages", api_key)
        self._count_head = _render_head(address, "/v1/messages/count_tokens", api_key)
        if address.is_tls and tls is None:
            tls = ssl.create_default_context()
        self._pool = Pool(name, address, limits=self._limits, tls=tls if address.is_tls else None)

    async def __aenter__(self) -> Self:
        """Itself: its connections are opened when they are needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self.close()

    async def send(self, ask: Ask) -> HttpAnswer:
        """Send the body; raises UpstreamError if no answer begins.

        Cancelling the task that waits here cancels the request at the upstream.
        """
        answer = await self._post(self._messages_head, ask.headers, ask.body)
        if answer.status == OK and answer.headers.get("content-type", "").startswith(HTML):
            # A proxy's page of apology: nobody's SDK could read it, and it says nothing of usage.
            await answer.close()
            raise UpstreamDialectError("it answered with a page of HTML")
        return answer

    async def count_tokens(self, headers: Mapping[str, str], prompt: Prompt, body: bytes) -> int:
        """What the server counts; raises UpstreamError when it does not."""
        del prompt
        answer = await self._post(self._count_head, headers, body)
        counted = await answer.read()
        try:
            return msgspec.json.decode(counted, type=_Counted).input_tokens
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            sentence = f"The upstream {self.name} did not count the tokens: it answered {answer.status}."
            raise UpstreamError(sentence) from error

    async def close(self) -> None:
        """Close every connection, for good."""
        self._pool.close()

    async def _post(self, head: bytes, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        pieces = [head, b"%d" % len(body)]
        for name, line in _FORWARDED:
            if name in headers:
                pieces += (line, _render_value(headers[name]))
        pieces.append(b"\r\n\r\n")
        connection = self._pool.find_idle() or await self._pool.take()
        answer = connection.ask(b"".join(pieces), body, select=_relayed)
        await answer.begin()
        return answer


def _render_head(address: Address, path: str, api_key: str) -> bytes:
    """The head of every request, up to the value of its last header, which is the length."""
    return (
        f"POST {address.path_prefix}{path} HTTP/1.1\r\n"
        f"host: {address.host_header}\r\n"
        "content-type: application/json\r\n"
        # Usage is read from the bytes as they pass, so they must not be compressed.
        "accept-encoding: identity\r\n"
        "user-agent: jeton\r\n"
        f"x-api-key: {api_key}\r\n"
        "content-length: "
    ).encode()


def _relayed(fields: Fields) -> Mapping[str, str]:
    return {
        name: value.decode("latin-1")
        for name, value in ((_relayed_name(field), value) for field, value in fields)
        if name is not None
    }


@lru_cache(maxsize=NAMES_KEPT_MAX)
def _relayed_name(field: bytes) -> str | None:
    """The name under which a field is relayed; None if it is not."""
    name = field.decode("latin-1").lower()
    return name if name in RELAYED or name.startswith(RELAYED_PREFIXES) else None


def _render_value(value: str) -> bytes:
    """A header's value; ValueError for one that would be read as more than that."""
    if not value.isprintable() and any(mark in value for mark in "\r\n\0"):
        raise ValueError(value)
    return value.encode("latin-1")
