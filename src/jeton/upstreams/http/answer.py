"""One answer on its way: the head, then a body that is read in chunks or whole.

The connection puts in what it parses; one reader takes it out. Nothing here is buffered without a
limit: a reader of chunks that is slow makes the connection stop reading, and a whole body has a
maximum. Once the end is here the connection is gone, and nothing of this answer can touch it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol

from jeton.errors import UpstreamError

# What may lie unread before the upstream is made to wait.
UNREAD_BYTES_MAX = 262_144
READ_BYTES_MAX = 67_108_864

Fields = list[tuple[bytes, bytes]]
Select = Callable[[Fields], Mapping[str, str]]


class Source(Protocol):
    """The connection, as an answer knows it while it is under way."""

    def pause(self) -> None:
        """Stop reading."""
        ...

    def resume(self) -> None:
        """Read on."""
        ...

    def fail(self, error: UpstreamError | None) -> None:
        """Close at once, and give the answer ``error`` as its end."""
        ...


class HttpAnswer:
    """An answer from the moment its request is written.

    Exactly one task reads; ``close`` may come from any other.
    """

    __slots__ = (
        "_error",
        "_is_closed",
        "_is_over",
        "_is_paused",
        "_is_whole",
        "_name",
        "_parts",
        "_select",
        "_source",
        "_unread_bytes",
        "_waiter",
        "headers",
        "status",
    )

    def __init__(self, name: str, source: Source, select: Select) -> None:
        """``name`` is the upstream's; ``select`` makes of the head's fields what ``headers`` says."""
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self._name = name
        self._source: Source | None = source
        self._select = select
        self._parts: list[bytes] = []
        self._unread_bytes = 0
        self._error: UpstreamError | None = None
        self._is_over = self._is_closed = self._is_paused = self._is_whole = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def is_passed_on(self) -> bool:
        """Whether its body is read in chunks, as it comes."""
        return bool(self.status) and not self._is_whole

    async def begin(self) -> None:
        """Wait for the head; raises UpstreamError if none comes. Cancelling it closes the connection."""
        while not (self.status or self._is_over):
            await self._wait()
        if not self.status:
            raise self._error or UpstreamError(f"The upstream {self._name} was let go of before it answered.")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises UpstreamError when it breaks off."""
        try:
            while not self._is_closed:
                if self._parts:
                    yield self._take()
                elif not self._is_over:
                    await self._wait()
                elif self._error is not None:
                    raise self._error
                else:
                    return
        finally:
            await self.close()

    async def read(self) -> bytes:
        """The whole body; raises UpstreamError when it breaks off or is larger than READ_BYTES_MAX."""
        self._is_whole = True
        self._read_on()
        while not self._is_over:
            await self._wait()
        if self._error is not None:
            raise self._error
        if self._is_closed:
            raise UpstreamError(f"The upstream {self._name} broke off its answer.")
        return self._take()

    async def close(self) -> None:
        """Let go of the connection; an answer that has not ended is cancelled at the upstream."""
        self._is_closed = True
        if self._source is not None:
            self._source.fail(None)
        self._parts.clear()

    def put_head(self, status: int, fields: Fields) -> None:
        """Take the head."""
        self.headers = self._select(fields)
        self.status = status

    def put(self, data: bytes) -> None:
        """Take a part of the body."""
        self._parts.append(data)
        self._unread_bytes += len(data)

    def announce(self) -> None:
        """Wake the reader for what was put in, and stop the connection if it lies too high."""
        if self._unread_bytes > UNREAD_BYTES_MAX:
            self._hold_back()
        waiter = self._waiter
        if waiter is not None and not waiter.done() and self.status and not self._is_whole:
            waiter.set_result(None)

    def end(self, error: UpstreamError | None) -> None:
        """Take the end, good or bad; the connection is let go of."""
        self._source = None
        self._error = error
        self._is_over = True
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        except asyncio.CancelledError:
            # Nobody will read on, so the upstream need not go on.
            await self.close()
            raise
        finally:
            self._waiter = None

    def _take(self) -> bytes:
        parts = self._parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self._unread_bytes = 0
        self._read_on()
        return data

    def _read_on(self) -> None:
        if self._is_paused:
            self._is_paused = False
            if self._source is not None:
                self._source.resume()

    def _hold_back(self) -> None:
        if self._source is None:
            return
        if not self._is_whole:
            if not self._is_paused:
                self._is_paused = True
                self._source.pause()
        elif self._unread_bytes > READ_BYTES_MAX:
            sentence = f"The upstream {self._name} answered with more than {READ_BYTES_MAX} bytes."
            self._source.fail(UpstreamError(sentence))
