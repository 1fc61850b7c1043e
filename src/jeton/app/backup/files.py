"""Files of the data directory that belong to an installation, besides its database.

The database's own passwords do not: a restored database has its own. Settings, price files and
tokenizer files that the operator named lie where the operator put them.
"""

import os
from pathlib import Path

from jeton.app.demo import ENV_FILE
from jeton.app.observing.scraping import TOKEN_FILE
from jeton.app.parts import SPOOL_FILE
from jeton.db.backup.archive import ArchiveReader, ArchiveWriter, Manifest, Member
from jeton.db.backup.errors import BackupDamagedError, DatabaseNotEmptyError
from jeton.db.data_directory import sync_directory

# The spool keeps what requests in flight cost while the database was away.
FILES = (ENV_FILE, TOKEN_FILE, SPOOL_FILE)
FILE_BYTES_MAX = 1 << 30


def add_files(archive: ArchiveWriter, data_dir: Path) -> list[Member]:
    """Write those that there are."""
    written = []
    for name in FILES:
        path = data_dir / name
        if not path.is_file() or not path.stat().st_size:
            continue
        with path.open("rb") as file, archive.add(member_name(name)) as sink:
            sink.write(file.read(FILE_BYTES_MAX))
        written.append(Member(member_name(name), sink.size_bytes, sink.sha256))
    return written


def check_files(reader: ArchiveReader, path: Path, *, data_dir: Path, may_replace: bool) -> None:
    """Raise unless the files of a backup may be put into the data directory.

    BackupDamagedError for names that are none of ours, DatabaseNotEmptyError for a file that is there.
    """
    for member in reader.manifest.files:
        name = _find_name(member)
        if name is None:
            raise BackupDamagedError(path, f"{member.name} does not belong to an installation")
        place = data_dir / name
        if not may_replace and place.exists() and place.read_bytes() != b"".join(reader.read(member)):
            raise DatabaseNotEmptyError(
                f"{place} exists already and is another one: restore with another --data-dir, or give "
                "--replace to put the backup in its place."
            )


def restore_files(reader: ArchiveReader, data_dir: Path) -> None:
    """Put the files of a backup into the data directory, each whole or not at all, for its owner only."""
    for member in reader.manifest.files:
        place = data_dir / (_find_name(member) or "")
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_name(f"{place.name}.new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for block in reader.read(member):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(place)
        sync_directory(place.parent)


def list_files(manifest: Manifest) -> list[str]:
    """The names of a backup's files, as they are in a data directory."""
    return [name for member in manifest.files if (name := _find_name(member))]


def member_name(name: str) -> str:
    """The member that holds a file."""
    return f"files/{name}"


def _find_name(member: Member) -> str | None:
    return next((name for name in FILES if member_name(name) == member.name), None)
