"""Spool: how holds end while the database is away, on this node's disk until it can take them (P11).

A line an end, with a checksum; on disk (fdatasync) when ``append`` returns, many in one flush. A
crash in the middle of a line loses only that line, which nobody was told about. Replaying is
idempotent by request id, so a file that is replayed twice changes nothing.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID
from zlib import crc32

import msgspec

from jeton.charging.costing.rows import AttemptRow
from jeton.charging.errors import SpoolDamagedError, SpoolFullError
from jeton.charging.members import EndHold
from jeton.charging.words import ChargeState, Rule
from jeton.metering.events import UsageEvent
from jeton.metering.labels import NO_LABELS, Labels
from jeton.pricing.terms import Terms

SPOOL_BYTES_MAX = 256_000_000
_CHECKSUM_CHARS = 8

# Where the tests kill the server: an end is on disk, the ends are booked, the ends are forgotten.
CHECKPOINTS = ("end_spooled", "spool_booked", "spool_cleared")


class Unheld(msgspec.Struct, frozen=True):
    """A request that was served without a hold in the database, which has to be taken first."""

    workspace_id: str
    key_id: str
    model: str
    upstream: str
    is_rehearsal: bool
    node_id: str
    taken_at: datetime
    labels: Labels = NO_LABELS


class SpooledEnd(msgspec.Struct, frozen=True):
    """The end of a hold as it is kept; usage and conditions are in ``event``, None for a release."""

    organization_id: UUID
    request_id: str
    state: ChargeState
    rule: Rule
    price_version_id: str
    event: UsageEvent | None = None
    unheld: Unheld | None = None
    attempts: tuple[AttemptRow, ...] = ()
    terms_id: str = ""


_decoder = msgspec.json.Decoder(SpooledEnd)


def keep_end(
    end: EndHold, price_version_id: str, unheld: Unheld | None = None, *, terms: Terms | None = None
) -> SpooledEnd:
    """What has to be kept of an end to book it later, under the terms of its hold."""
    return SpooledEnd(
        organization_id=end.organization_id,
        request_id=end.request_id,
        state=end.state,
        rule=end.rule,
        price_version_id=price_version_id,
        event=end.event,
        unheld=unheld,
        attempts=end.attempts,
        terms_id=terms.terms_id if terms else "",
    )


class Spool:
    """One file, one writer. ``count`` lines wait in it, ``size_bytes`` long."""

    def __init__(
        self,
        path: Path,
        *,
        bytes_max: int = SPOOL_BYTES_MAX,
        checkpoint: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Open or create the file; raises SpoolDamagedError when it cannot be read."""
        self._path = path
        self._checkpoint = checkpoint
        # Either lines are written to the file or the file is replaced, never both at once.
        self._lock = asyncio.Lock()
        self._bytes_max = bytes_max
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        _sync_directory(path.parent)
        # A line that a crash cut off: nobody was told that it was written.
        os.ftruncate(self._file, path.read_bytes().rfind(b"\n") + 1)
        self.count = sum(1 for _ in self._read())
        self.size_bytes = os.fstat(self._file).st_size
        self._unwritten: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def append(self, end: SpooledEnd) -> None:
        """Keep an end; durable when this returns. Raises SpoolFullError, or OSError from the disk."""
        line = _render_line(end)
        if self.size_bytes + len(line) > self._bytes_max:
            raise SpoolFullError(self.count, size_bytes=self.size_bytes, bytes_max=self._bytes_max)
        self.size_bytes += len(line)
        self.count += 1
        written = asyncio.get_running_loop().create_future()
        self._unwritten.append((line, written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await asyncio.shield(written)
        self._checkpoint("end_spooled")

    def read(self) -> list[SpooledEnd]:
        """Everything that waits, in order."""
        return list(self._read())

    async def clear(self, count: int) -> None:
        """Forget the first ``count`` ends, which are booked; what came meanwhile stays."""
        self._checkpoint("spool_booked")
        async with self._lock:
            lines = [_render_line(end) for end in self.read()]
            await asyncio.to_thread(self._replace, b"".join(lines[count:]))
        # What waits to be written is counted already and stays counted.
        self.count -= count
        self.size_bytes -= sum(map(len, lines[:count]))
        self._checkpoint("spool_cleared")

    async def close(self) -> None:
        """Close the file after what is being written."""
        if self._writer is not None:
            await asyncio.wait([self._writer])
        os.close(self._file)

    async def _write(self) -> None:
        while self._unwritten:
            lines, self._unwritten = self._unwritten, []
            try:
                async with self._lock:
                    await asyncio.to_thread(_append, self._file, b"".join(line for line, _ in lines))
            except OSError as error:
                self.count -= len(lines)
                self.size_bytes -= sum(len(line) for line, _ in lines)
                for _, written in lines:
                    written.set_exception(error)
            else:
                for _, written in lines:
                    written.set_result(None)

    def _read(self) -> Iterator[SpooledEnd]:
        content = self._path.read_bytes()
        # What follows the last end of a line is being written at this moment.
        whole = content[: content.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), start=1):
            end = _parse_line(line)
            if end is None:
                raise SpoolDamagedError(str(self._path), number)
            yield end

    def _replace(self, content: bytes) -> None:
        """The file with other content, whole or not at all."""
        fresh = self._path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        _append(descriptor, content)
        fresh.replace(self._path)
        _sync_directory(self._path.parent)
        os.close(self._file)
        self._file = descriptor


def _append(descriptor: int, content: bytes) -> None:
    """All of it on disk, or nothing: a torn line would run into the next one."""
    size_bytes = os.fstat(descriptor).st_size
    remaining = memoryview(content)
    try:
        while remaining:
            remaining = remaining[os.write(descriptor, remaining) :]
        os.fdatasync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size_bytes)
        raise


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _render_line(end: SpooledEnd) -> bytes:
    content = msgspec.json.encode(end)
    return b"%08x %s\n" % (crc32(content), content)


def _parse_line(line: bytes) -> SpooledEnd | None:
    checksum, _, content = line.partition(b" ")
    if len(checksum) != _CHECKSUM_CHARS or f"{crc32(content):08x}".encode() != checksum:
        return None
    return _decoder.decode(content)
