"""Single: one request on a connection of its own, to an address that the operator has chosen.

It follows no redirect, knows no proxy and no cookie, and both its time and its answer are bounded.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Mapping
from typing import cast
from urllib.parse import urlsplit

from jeton.errors import UpstreamError
from jeton.upstreams.http.answer import Fields, HttpAnswer
from jeton.upstreams.http.connection import Connection

TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 1_000_000
_PORTS = {"http": 80, "https": 443}


class _Single:
    """Owns a connection for one request."""

    def __init__(self, name: str) -> None:
        self.name = name

    def put(self, connection: Connection) -> None:
        """Close what could be used again: nobody asks twice."""
        connection.fail(None)

    def remove(self, connection: Connection) -> None:
        """Nothing was kept."""


class SingleClient:
    """Sends single requests, each within ``timeout_s`` from the name to the last byte."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S, tls: ssl.SSLContext | None = None) -> None:
        """``tls`` replaces the system's certificates."""
        self._timeout_s = timeout_s
        self._tls = tls or ssl.create_default_context()

    async def fetch(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, bytes]:
        """The status and the body of an answer; UpstreamError where there is none, or it is too large."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_tls = parts.scheme == "https"
        try:
            port = parts.port or _PORTS[parts.scheme]
            async with asyncio.timeout(self._timeout_s):
                loop = asyncio.get_running_loop()
                _, connection = await loop.create_connection(
                    lambda: Connection(_Single(host), loop, total_s=self._timeout_s),
                    host,
                    port,
                    ssl=self._tls if is_tls else None,
                    server_hostname=host if is_tls else None,
                )
                path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
                head = _render_head(method, path, {"host": parts.netloc, **headers}, len(body))
                return await _exchange(connection, head, body)
        except TimeoutError:
            raise UpstreamError(f"{host} did not answer within {self._timeout_s:g} seconds.") from None
        except (KeyError, ValueError, UnicodeError):
            raise UpstreamError(f"{url[:200]!a} is not an address that can be asked.") from None
        except OSError as error:
            raise UpstreamError(f"{host} cannot be reached: {error.strerror or error}.") from None


async def _exchange(connection: Connection, head: bytes, body: bytes) -> tuple[int, bytes]:
    answer: HttpAnswer = connection.ask(head, body, select=_select_none)
    await answer.begin()
    read = bytearray()
    async with contextlib.aclosing(cast("AsyncGenerator[bytes, None]", answer.chunks())) as chunks:
        async for chunk in chunks:
            read += chunk
            if len(read) > ANSWER_BYTES_MAX:
                raise UpstreamError(f"The answer has more than {ANSWER_BYTES_MAX} bytes.")
    return answer.status, bytes(read)


def _select_none(fields: Fields) -> Mapping[str, str]:
    del fields
    return {}


def _render_head(method: str, path: str, headers: Mapping[str, str], body_bytes: int) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "accept-encoding: identity",
        "user-agent: jeton",
        "connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"content-length: {body_bytes}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
