"""The data directory: what Jeton keeps beside the database, and the lock that makes it one's own.

It holds ``lock`` (never deleted), ``postgres/`` with the embedded database, its passwords, and what
a running server tells the other commands. Files are private to the user who runs Jeton.
"""

import fcntl
import os
from pathlib import Path
from typing import BinaryIO

from jeton.db.errors import DataDirectoryBusyError, DataDirectoryError

# Where a running server leaves its database's address for the commands of the same user.
ADDRESS_FILE = "database.url"

_PRIVATE_MODE = 0o700
# Root hands PostgreSQL to another user, who must pass through this directory but not list it.
_PASSABLE_MODE = 0o711
_HOLDER_BYTES_MAX = 20


def lock_data_directory(path: Path) -> BinaryIO:
    """Make the directory if it is missing and lock it until the returned file is closed.

    The lock is the kernel's (flock): it ends with the process, however that ends. Raises
    DataDirectoryBusyError when somebody else has it, DataDirectoryError when it cannot be used.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=_PASSABLE_MODE if os.geteuid() == 0 else _PRIVATE_MODE)
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DataDirectoryError(
            f"The data directory {path} cannot be used ({error.strerror}): "
            "correct its permissions, or choose another with --data-dir."
        ) from None
    lock = os.fdopen(descriptor, "r+b")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = lock.read(_HOLDER_BYTES_MAX).decode("ascii", "replace").strip()
        lock.close()
        raise DataDirectoryBusyError(path, holder) from None
    lock.truncate()
    lock.write(f"{os.getpid()}\n".encode())
    lock.flush()
    return lock


def write_private(path: Path, text: str) -> None:
    """Replace a file at once and for good, readable by its owner only."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames and new names in a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
