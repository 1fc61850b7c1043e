"""Archive: the file of a backup. A ZIP of members and a manifest, whole or not there at all.

The manifest comes last and carries the SHA-256 of every member, so a file that was cut off or changed
is found out before anything of it is used. Readable by its owner only: it holds secrets.
"""

import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from jeton.db.backup.errors import BackupDamagedError, BackupExistsError, BackupNewerError, BackupWriteError
from jeton.db.data_directory import sync_directory

FORMAT = 1
MANIFEST = "manifest.json"
MANIFEST_BYTES_MAX = 1 << 28
BLOCK_BYTES = 1 << 20

# Rows compress to a fifth at the fastest level, and the next ones cost more time than they save space.
_LEVEL = 1
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError),
    *(KeyError, msgspec.DecodeError, RecursionError),
)

Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Member(msgspec.Struct, frozen=True):
    """One member of the archive."""

    name: str
    size_bytes: Count
    sha256: Digest


class Table(msgspec.Struct, frozen=True):
    """A table's rows in PostgreSQL's text format, a line a row, with these columns."""

    name: str
    columns: list[str]
    rows: Count
    size_bytes: Count
    sha256: Digest

    @property
    def member(self) -> Member:
        """Where they are in the archive."""
        return Member(table_member(self.name), self.size_bytes, self.sha256)


class Applied(msgspec.Struct, frozen=True):
    """A migration that the database had."""

    number: int
    name: str
    digest: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds; ``chains`` are the ends of the ledger's chains, by organization.

    ``audit_chains`` are those of the audit log; backups from before it had any name none.
    """

    kind: Literal["jeton backup"]
    format: int
    jeton: str
    postgresql: str
    taken_at: datetime
    migrations: list[Applied]
    tables: list[Table]
    files: list[Member]
    chains: dict[str, str]
    audit_chains: dict[str, str] = {}

    @property
    def schema(self) -> int:
        """The number of the schema."""
        return max((one.number for one in self.migrations), default=0)

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(table.rows for table in self.tables)

    def count(self, table: str) -> int:
        """The rows of one table."""
        return sum(one.rows for one in self.tables if one.name == table)


class _Version(msgspec.Struct):
    kind: Literal["jeton backup"]
    format: int


class Sink:
    """A member while it is written."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """Write to ``write``."""
        self._write = write
        self._digest = sha256()
        self.size_bytes = 0

    def write(self, data: bytes) -> None:
        """Append."""
        self._digest.update(data)
        self.size_bytes += len(data)
        self._write(data)

    @property
    def sha256(self) -> str:
        """Of everything so far, in hex."""
        return self._digest.hexdigest()


class ArchiveWriter:
    """An archive that grows; it is complete with its manifest."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        """Write into an open file."""
        self._archive = archive

    @contextmanager
    def add(self, name: str) -> Iterator[Sink]:
        """One more member, written inside the block."""
        # A date of its own would make two backups of the same rows differ.
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        with self._archive.open(info, "w", force_zip64=True) as file:
            yield Sink(file.write)

    def finish(self, manifest: Manifest) -> str:
        """Write the manifest; return its SHA-256 in hex, which stands for the whole backup."""
        with self.add(MANIFEST) as sink:
            sink.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
            return sink.sha256


@contextmanager
def write_archive(path: Path) -> Iterator[ArchiveWriter]:
    """A new archive that appears under its name when the block ends well.

    Raises BackupExistsError and BackupWriteError.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    if path.exists():
        raise BackupExistsError(path)
    try:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w+b") as file:
            with zipfile.ZipFile(file, "w", compresslevel=_LEVEL, allowZip64=True) as archive:
                yield ArchiveWriter(archive)
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link never takes the place of what came meanwhile.
        os.link(draft, path)
        sync_directory(path.absolute().parent)
    except FileExistsError:
        raise BackupExistsError(path) from None
    except OSError as error:
        raise BackupWriteError(path, error.strerror or str(error)) from None
    finally:
        draft.unlink(missing_ok=True)


class ArchiveReader:
    """An archive of which the manifest was read; ``digest`` is the manifest's."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        """Read the manifest; see ``read_archive``."""
        self._path = path
        self._archive = archive
        with archive.open(MANIFEST) as file:
            content = file.read(MANIFEST_BYTES_MAX)
        version = msgspec.json.decode(content, type=_Version)
        if version.format > FORMAT:
            raise BackupNewerError(path, found=f"the format {version.format}", known=str(FORMAT))
        self.digest = sha256(content).hexdigest()
        self.manifest = msgspec.json.decode(content, type=Manifest)

    def check(self, on_progress: Callable[[int], None]) -> None:
        """Read everything once and compare; ``on_progress`` gets the bytes so far.

        Raises BackupDamagedError.
        """
        members = [*(table.member for table in self.manifest.tables), *self.manifest.files]
        names = sorted([MANIFEST, *(member.name for member in members)])
        if sorted(self._archive.namelist()) != names:
            raise BackupDamagedError(self._path, "its members are not those of its manifest")
        done_bytes = 0
        for member in members:
            sink = Sink(lambda _: None)
            for block in self.read(member):
                sink.write(block)
                done_bytes += len(block)
                on_progress(done_bytes)
            if sink.sha256 != member.sha256:
                raise BackupDamagedError(self._path, f"{member.name} is not what was written")

    def read(self, member: Member) -> Iterator[bytes]:
        """The content of a member, block by block; raises BackupDamagedError."""
        left_bytes = member.size_bytes
        try:
            with self._archive.open(member.name) as file:
                while block := file.read(BLOCK_BYTES):
                    left_bytes -= len(block)
                    if left_bytes < 0:
                        break
                    yield block
        except _DAMAGE as error:
            raise BackupDamagedError(self._path, f"{member.name}: {_explain(error)}") from None
        if left_bytes:
            raise BackupDamagedError(self._path, f"{member.name} has another length")


@contextmanager
def read_archive(path: Path) -> Iterator[ArchiveReader]:
    """An existing archive; raises BackupDamagedError, BackupNewerError."""
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise BackupDamagedError(path, _explain(error)) from None
    with archive:
        try:
            reader = ArchiveReader(path, archive)
        except _DAMAGE as error:
            raise BackupDamagedError(path, _explain(error)) from None
        yield reader


def table_member(name: str) -> str:
    """The member that holds a table."""
    return f"tables/{name}.copy"


def _explain(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()).strip("'\".") or type(error).__name__
