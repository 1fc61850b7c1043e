"""Asking: one request over one connection, and exactly what its client got of the answer."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

NANO_PER_USD = 1_000_000_000
_BODY_BYTES_MAX = 10_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` 0 where none arrived; ``is_whole`` if every byte of it did."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool

    @property
    def request_id(self) -> str:
        return self.headers.get("request-id", "")

    @property
    def is_delivered(self) -> bool:
        """Whether its client has an answer that was paid for."""
        return self.status == 200 and self.is_whole

    @property
    def is_refused(self) -> bool:
        """Whether its client has an error in place of an answer."""
        return self.status >= 400 and self.is_whole

    @property
    def cost_nano(self) -> int:
        """What its header says it cost; whole JSON answers have one."""
        return int(Decimal(self.headers["jeton-cost"]) * NANO_PER_USD)

    def json(self) -> Any:  # noqa: ANN401 - whatever JSON it is
        return json.loads(self.body)


async def ask(port: int, key: str, body: Mapping[str, object], *, timeout_s: float = 30) -> Answer:
    """Post to ``/v1/messages``; a connection that breaks is an answer that is not whole."""
    content = json.dumps(body).encode()
    request = (
        f"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nx-api-key: {key}\r\nconnection: close\r\n"
        "anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\n"
        f"content-length: {len(content)}\r\n\r\n"
    ).encode() + content
    received = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            await _exchange(port, request, received)
    except (OSError, TimeoutError):
        # What arrived until then is what counts.
        pass
    return _parse(bytes(received))


async def _exchange(port: int, request: bytes, received: bytearray) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        while len(received) < _BODY_BYTES_MAX:
            chunk = await reader.read(65_536)
            if not chunk:
                break
            received += chunk
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _parse(received: bytes) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    status = int(first.split(" ")[1]) if first.startswith("HTTP/") else 0
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "content-length" in headers:
        is_whole = len(body) == int(headers["content-length"])
    else:
        is_whole = body.endswith(b"0\r\n\r\n") and (status != 200 or b"event: message_stop" in body)
    return Answer(status, headers, body, is_whole)
