"""Webhook: one attempt to deliver one event over HTTP, and what came of it.

The client is the one that calls upstreams (decision 2): it posts, follows no redirect, knows no proxy
and no cookie, and connects to an address that we give it, so that what was checked is what is called.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import cast

from jeton.errors import UpstreamError
from jeton.notifications.addresses import AddressRules, Target
from jeton.notifications.errors import WebhookAddressError
from jeton.upstreams.errors import UpstreamTimeoutError
from jeton.upstreams.http.answer import Fields, HttpAnswer
from jeton.upstreams.http.connection import Connection

# The least that the specification recommends; everything from the name to the answer's end.
TIMEOUT_S = 15.0
RESPONSE_BYTES_MAX = 65_536
KEPT_CHARS_MAX = 1000
RETRY_AFTER_DIGITS_MAX = 9
GONE = 410
_OK = range(200, 300)
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of an attempt; ``problem`` is empty when it was delivered.

    ``is_final``: it makes no sense to try again.
    """

    problem: str
    status: int | None = None
    response: str = ""
    retry_after_s: int = 0
    is_final: bool = False


class _Single:
    """Owns a connection for one request."""

    name = "webhook"

    def put(self, connection: Connection) -> None:
        """Close what could be used again: the next one may go elsewhere."""
        connection.fail(None)

    def remove(self, connection: Connection) -> None:
        """Nothing was kept."""


class WebhookClient:
    """Sends webhooks within the rules for addresses."""

    def __init__(
        self, rules: AddressRules, *, timeout_s: float = TIMEOUT_S, tls: ssl.SSLContext | None = None
    ) -> None:
        """``tls`` replaces the system's certificates."""
        self.rules = rules
        self._timeout_s = timeout_s
        self._tls = tls or ssl.create_default_context()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        """Make one attempt; it raises nothing that the receiver could cause."""
        try:
            async with asyncio.timeout(self._timeout_s):
                target = self.rules.parse(url)
                addresses = await self.rules.locate(target)
                connection = await self._connect(target, addresses)
                return await _exchange(connection, _render_head(target, headers, body), body)
        except WebhookAddressError as error:
            return Attempt(keep(str(error)))
        except (TimeoutError, UpstreamTimeoutError):
            return Attempt(f"There was no answer within {self._timeout_s:g} seconds.")
        except ssl.SSLError as error:
            return Attempt(keep(f"No secure connection can be made: {error.reason or error}."))
        except OSError as error:
            return Attempt(keep(f"No connection can be made: {error.strerror or error}."))
        except UpstreamError:
            return Attempt("The connection broke off, or what came back is not HTTP/1.1.")

    async def _connect(self, target: Target, addresses: list[str]) -> Connection:
        """Connect to the first address that takes it; OSError of the last one otherwise."""
        loop = asyncio.get_running_loop()
        problem = OSError("it has no address")
        for address in addresses:
            try:
                _, connection = await loop.create_connection(
                    lambda: Connection(_Single(), loop, total_s=self._timeout_s),
                    address,
                    target.port,
                    ssl=self._tls if target.is_tls else None,
                    server_hostname=target.host if target.is_tls else None,
                )
            except OSError as error:
                problem = error
            else:
                return connection
        raise problem


async def _exchange(connection: Connection, head: bytes, body: bytes) -> Attempt:
    if connection.is_closing():
        return Attempt("The connection was closed before anything was sent.")
    answer = connection.ask(head, body, select=_select)
    await answer.begin()
    response = await _read(answer)
    status = answer.status
    problem = "" if status in _OK else f"The answer had status {status}."
    if status in _REDIRECTS:
        problem = f"The answer had status {status}; redirects are not followed: change the URL."
    # A date instead of seconds is legal and rare: then the schedule decides.
    retry_after = answer.headers.get("retry-after", "")[:RETRY_AFTER_DIGITS_MAX]
    retry_after_s = int(retry_after) if retry_after.isascii() and retry_after.isdecimal() else 0
    return Attempt(problem, status, response, retry_after_s, is_final=status == GONE)


async def _read(answer: HttpAnswer) -> str:
    """The beginning of the body; what is too long or breaks off changes nothing about the status."""
    body = bytearray()
    async with contextlib.aclosing(cast("AsyncGenerator[bytes, None]", answer.chunks())) as chunks:
        with contextlib.suppress(UpstreamError):
            async for chunk in chunks:
                body += chunk
                if len(body) > RESPONSE_BYTES_MAX:
                    break
    return keep(body.decode("utf-8", "replace"))


def keep(text: str) -> str:
    """What is kept of a text from outside: its beginning, without what the database does not take."""
    return text.replace("\0", "")[:KEPT_CHARS_MAX]


def _select(fields: Fields) -> Mapping[str, str]:
    return {
        name.decode("latin-1").lower(): value.decode("latin-1").strip()
        for name, value in fields
        if name.lower() == b"retry-after"
    }


def _render_head(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"host: {target.host_header}",
        "content-type: application/json",
        "accept-encoding: identity",
        "user-agent: jeton",
        "connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"content-length: {len(body)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
